"""An ingest that counts what it does, as a program of its own; used by the budgets.

``python -m bulk_pipeline_tests.counted_ingest FILE`` loads the file as
``bulk-pipeline ingest FILE --json`` does and prints one JSON object: ``modules``,
``connects`` and ``commits`` and ``statements`` by the name of the SQLite file, and
``fsyncs`` of this project's own files.
"""

import contextlib
import io
import json
import os
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import click
import sqlalchemy as sa

connects: Counter[str] = Counter()
commits: Counter[str] = Counter()
statements: Counter[str] = Counter()
fsyncs: Counter[str] = Counter()


def main() -> None:
    """Load the file and print the counts."""
    sys.addaudithook(_audit)
    sa.event.listen(sa.Engine, "commit", _committed)
    sa.event.listen(sa.Engine, "before_cursor_execute", _executed)
    synchronise = os.fsync

    def counted(fd: Any) -> None:
        fsyncs["all"] += 1
        synchronise(fd)

    os.fsync = counted
    from bulk_pipeline.cli.ingest import ingest  # noqa: PLC0415  # after the hooks

    with contextlib.redirect_stdout(io.StringIO()):
        ingest.main([sys.argv[1], "--force", "--json"], standalone_mode=False)
    found = {
        "modules": sorted(sys.modules),
        "connects": connects,
        "commits": commits,
        "statements": statements,
        "fsyncs": fsyncs["all"],
    }
    click.echo(json.dumps(found))


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    """Count what Python's SQLite opens."""
    if event == "sqlite3.connect":
        connects[Path(str(arguments[0])).name] += 1


def _committed(connection: sa.Connection) -> None:
    """Count a transaction of a file."""
    commits[_file(connection)] += 1


def _executed(connection: sa.Connection, *said: Any) -> None:
    """Count a statement of a file."""
    del said
    statements[_file(connection)] += 1


def _file(connection: sa.Connection) -> str:
    """Name of the file that a connection is to."""
    return Path(connection.engine.url.database or "").name


if __name__ == "__main__":
    main()
