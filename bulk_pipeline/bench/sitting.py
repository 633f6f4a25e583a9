"""A sitting: the real graph and its floor by turns, on files of several sizes."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from bulk_pipeline.adapters.home import Home
from bulk_pipeline.adapters.sample_files import MOST_XLSX_ROWS, write_sample
from bulk_pipeline.bench.figures import Curve, Line, Part, lines, parts
from bulk_pipeline.bench.floor import floor
from bulk_pipeline.bench.loads import load
from bulk_pipeline.bench.peers_beside import PeerResult, beside
from bulk_pipeline.bench.record import Measured
from bulk_pipeline.bench.targets import Target
from bulk_pipeline.core.dummy import DummyRequest
from bulk_pipeline.core.errors import ConfigurationError

SEED = 7
FORMATS = ("csv", "xlsx", "parquet")

Tell = Callable[[str], None]
"""Told what is being done, for a person who waits."""


@dataclass(frozen=True, slots=True)
class Request:
    """What is measured.

    Attributes:
        sizes: rows of the files, each measured on its own.
        format: one of ``FORMATS``.
        target: where to.
        rounds: how often each is measured.
        compare: whether peers load the same files, too.
        folder: where files and databases lie while they are needed; it is the disk
            under it that is measured.
    """

    sizes: tuple[int, ...]
    format: str
    target: Target
    rounds: int
    compare: bool
    folder: Path

    def require_possible(self) -> None:
        """Refuse what would fail after minutes of measuring.

        Raises:
            ConfigurationError: a number of rows cannot be made, or the target is not
                empty.
        """
        for rows in self.sizes:
            DummyRequest(rows)
            if self.format == "xlsx" and rows > MOST_XLSX_ROWS:
                raise ConfigurationError(
                    f"An .xlsx sheet holds at most {MOST_XLSX_ROWS:,} rows, not "
                    f"{rows:,}. Use --format csv."
                )
        self.target.require_empty()


@dataclass(frozen=True, slots=True)
class SizeResult:
    """What was measured with one file.

    Attributes:
        rows: of the file.
        bytes: its size.
        lines: each part over all rounds.
        rounds: the parts of each round.
        floors: seconds of the libraries' own calls in each round, as they were taken.
        curves: memory of the command in each round.
        peers: what others took for the same file.
    """

    rows: int
    bytes: int
    lines: tuple[Line, ...]
    rounds: tuple[tuple[Part, ...], ...]
    floors: tuple[dict[str, float], ...]
    curves: tuple[Curve, ...]
    peers: tuple[PeerResult, ...]

    def line(self, name: str) -> Line:
        """The line of one part."""
        return next(line for line in self.lines if line.name == name)

    def measured(self) -> list[Measured]:
        """All of it for the record; peers were measured once."""
        rounds = [Measured(self.rows, n, p) for n, p in enumerate(self.rounds, 1)]
        peers = [(peer.rows, peer.part) for peer in self.peers]
        return rounds + [Measured(n, 1, (p,)) for n, p in peers if n and p]


def measure(request: Request, tell: Tell) -> Iterator[SizeResult]:
    """Measure each size; nothing of it stays behind, whatever happens.

    Raises:
        ConfigurationError: see ``require_possible``.
        PermanentError: something that was measured failed.
    """
    request.require_possible()
    with _scratch(request.folder) as folder:
        for rows in request.sizes:
            file = folder / f"rows.{request.format}"
            tell(f"{rows:,} rows: writing {file.suffix}")
            write_sample(DummyRequest(rows, seed=SEED), file)
            yield _size(request, file, rows, tell)


def _size(request: Request, file: Path, rows: int, tell: Tell) -> SizeResult:
    """All rounds over one file, then the peers."""
    loads, floors = [], []
    for number in range(1, request.rounds + 1):
        tell(f"{rows:,} rows, round {number} of {request.rounds}: the real graph")
        with _scratch(file.parent) as folder:
            loads.append(load(file, rows, Home(folder / "home"), request.target))
        tell(f"{rows:,} rows, round {number} of {request.rounds}: the floor")
        with _scratch(file.parent) as folder:
            floors.append(floor(file, rows, folder, request.target))
    rounds = tuple(parts(*pair) for pair in zip(loads, floors, strict=True))
    summed = lines(rows, rounds)
    peers: Sequence[PeerResult] = ()
    if request.compare:
        with _scratch(file.parent) as folder:
            peers = [*beside((file, rows), folder, request.target, summed, tell)]
    return SizeResult(
        rows=rows,
        bytes=file.stat().st_size,
        lines=summed,
        rounds=rounds,
        floors=tuple(floors),
        curves=tuple(one.curve for one in loads),
        peers=tuple(peers),
    )


@contextmanager
def _scratch(folder: Path) -> Iterator[Path]:
    """A folder that is gone after the block."""
    folder.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=".bench-", dir=folder) as made:
        yield Path(made)
