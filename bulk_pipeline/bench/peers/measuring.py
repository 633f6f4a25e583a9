"""A peer in a process of its own: started, asked, believed only if the rows are there.

What a peer does is not known here.
"""

import json
import subprocess
import sys
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import sqlalchemy as sa

from bulk_pipeline.bench.peers.catalogue import Peer
from bulk_pipeline.core.errors import ConfigurationError, PermanentError

CURE = "pip install 'bulk-pipeline[bench]'"


class PeerAbsent(ConfigurationError):
    """A peer that is not installed; names it and says how to install it."""


class PeerFailed(PermanentError):
    """A peer that gave up, or whose rows are not where it said; quotes it."""


@dataclass(frozen=True, slots=True)
class PeerFigures:
    """What one peer needed, once.

    Attributes:
        peer: its name.
        version: of its package.
        rows: rows of the file that it got, all of them found in its database.
        seconds: from before it opens the file to after its last commit. Starting the
            process, the imports at its beginning, reading a model and making empty
            tables are not in it.
        note: what it does and does not do.
    """

    peer: str
    version: str
    rows: int
    seconds: float
    note: str


def measure_peer(
    peer: Peer, file: Path, rows: int, folder: Path, url: str = ""
) -> PeerFigures:
    """Load a file by a peer into an empty database of its own.

    Args:
        peer: one of ``PEERS``.
        file: rows under the names of ``core.schema.INPUT_COLUMNS``, none of them bad,
            no key twice.
        rows: rows of the file; a peer that takes fewer gets the first of them.
        folder: exists; what the peer writes goes into a folder in it and is removed.
        url: empty or of SQLite: a new file in ``folder``, never the one named. Of
            SQL Server: tables with names of their own there, dropped afterwards.

    Raises:
        PeerAbsent: its package is not installed.
        ConfigurationError: it does not read such files, or not into such a database.
        PeerFailed: it gave up, or counted other rows than it was given.
    """
    version = _version(peer)
    backend = sa.make_url(url).get_backend_name() if url else "sqlite"
    suffix = file.suffix.lower().removeprefix(".")
    for kind, known in ((backend, peer.databases), (suffix, peer.formats)):
        if kind not in known:
            raise ConfigurationError(
                f"{peer.title} takes {', '.join(known)}, not {kind}. Leave it out."
            )
    wanted = min(rows, peer.rows_at_most)
    with TemporaryDirectory(prefix=f"peer-{peer.name}-", dir=folder) as own:
        request = {
            "file": str(file.absolute()),
            "rows": wanted,
            "folder": str(Path(own).absolute()),
            "url": url if backend == "mssql" else "",
        }
        answer = _asked(peer, request)
    if answer["rows"] != wanted:
        raise PeerFailed(
            f"{peer.title} was given {wanted} rows of {file.name}, and its database "
            f"has {answer['rows']}."
        )
    return PeerFigures(peer.name, version, wanted, answer["seconds"], peer.note)


def _version(peer: Peer) -> str:
    try:
        return metadata.version(peer.package)
    except metadata.PackageNotFoundError:
        raise PeerAbsent(
            f"{peer.package} is not installed. Install the peers with {CURE}."
        ) from None


def _asked(peer: Peer, request: dict[str, Any]) -> dict[str, Any]:
    """Run the peer's module; its answer is the last line that it writes.

    The request goes to its input, since arguments, which may hold a password in a
    URL, can be seen by everybody on the machine.
    """
    child = subprocess.run(  # noqa: S603  # our own module, no text from outside
        [sys.executable, "-P", "-m", f"bulk_pipeline.bench.peers.{peer.name}"],
        input=json.dumps(request),
        capture_output=True,
        text=True,
        check=False,
    )
    if child.returncode:
        said = child.stderr.strip().splitlines() or ["nothing"]
        raise PeerFailed(f"{peer.title} gave up. Its last words: {said[-1]}")
    answer: dict[str, Any] = json.loads(child.stdout.splitlines()[-1])
    return answer
