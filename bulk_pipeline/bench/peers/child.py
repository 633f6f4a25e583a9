"""What every peer's process does: take a request, do its work, answer.

Run as ``python -m bulk_pipeline.bench.peers.NAME`` with one JSON object on standard
input (``file``, ``rows``, ``folder``, ``url``); the last line of standard output is one
JSON object, ``rows`` and ``seconds``.
"""

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Request:
    """What to load.

    Attributes:
        file: CSV, XLSX or Parquet.
        rows: how many of its first rows.
        folder: empty, for all that is written.
        url: of SQL Server; empty for a SQLite file in ``folder``.
    """

    file: Path
    rows: int
    folder: Path
    url: str

    @property
    def database(self) -> Path:
        """The SQLite file to make."""
        return self.folder / "peer.sqlite"


@dataclass(frozen=True)
class Loaded:
    """What came of it.

    Attributes:
        rows: counted in the database afterwards, outside of the time.
        seconds: from before the file is opened to after the last commit.
    """

    rows: int
    seconds: float


def answer(load: Callable[[Request], Loaded]) -> None:
    """Read the request, load, write the answer."""
    given = json.load(sys.stdin)
    request = Request(
        Path(given["file"]), given["rows"], Path(given["folder"]), given["url"]
    )
    loaded = load(request)
    told = {"rows": loaded.rows, "seconds": loaded.seconds}
    sys.stdout.write(f"\n{json.dumps(told)}\n")
