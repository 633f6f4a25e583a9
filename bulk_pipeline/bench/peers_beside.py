"""Peers on the file that ours has just loaded, and how many times as fast ours was."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bulk_pipeline.bench.figures import OPENED_TO_COMMIT, Cost, Line, Part
from bulk_pipeline.bench.peers import PEERS, PeerAbsent, PeerFailed, measure_peer
from bulk_pipeline.bench.record import PEER
from bulk_pipeline.bench.targets import Target


@dataclass(frozen=True, slots=True)
class PeerResult:
    """One peer, or why it has no figures.

    Attributes:
        name: of the peer.
        title: for people.
        note: what it does and does not do; or how to install it, or how it failed.
        version: of its package; nothing where it was not measured, as all below.
        rows: the first rows of the file, which it got.
        seconds: from before it opened the file to after its last commit.
        rows_per_second: rows over seconds.
        times: how many times as many rows a second ours has, from the first file
            opened to the commit, the median of its rounds.
    """

    name: str
    title: str
    note: str
    version: str = ""
    rows: int | None = None
    seconds: float | None = None
    rows_per_second: float | None = None
    times: float | None = None

    @property
    def part(self) -> Part | None:
        """The line of the record; None where nothing was measured."""
        if self.seconds is None:
            return None
        return Part(f"{PEER}{self.name}", Cost(self.seconds))


def beside(
    made: tuple[Path, int],
    folder: Path,
    target: Target,
    ours: Sequence[Line],
    tell: Callable[[str], None],
) -> Iterator[PeerResult]:
    """What each peer takes that reads such files into such a database, once.

    Args:
        made: the file and its rows.
        folder: takes what the peers write.
        target: the kind of database, and for a server its URL.
        ours: what ours took for the same file.
        tell: told what is being done.
    """
    file, rows = made
    rate = next(line for line in ours if line.name == OPENED_TO_COMMIT).rows_per_second
    for peer in PEERS:
        if target.kind not in peer.databases:
            continue
        tell(f"{rows:,} rows: {peer.title}")
        try:
            found = measure_peer(peer, file, rows, folder, target.text)
        except (PeerAbsent, PeerFailed) as error:
            yield PeerResult(peer.name, peer.title, str(error))
            continue
        yield PeerResult(
            name=peer.name,
            title=peer.title,
            note=found.note,
            version=found.version,
            rows=found.rows,
            seconds=found.seconds,
            rows_per_second=found.rows / found.seconds,
            times=rate * found.seconds / found.rows,
        )
