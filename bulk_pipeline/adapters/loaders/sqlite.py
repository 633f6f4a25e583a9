"""The SQLite loader: small loads in this process, large ones in one of their own.

ADBC loads a million rows about twice as fast as Python's driver, but it may not share
a process with it (see ``sqlite_drivers``), so it gets a process that is started while
the batch is still being scored.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from bulk_pipeline.adapters.database import Database
from bulk_pipeline.adapters.loaders.base import LoadRequest, LoadResult
from bulk_pipeline.adapters.loaders.sqlite_drivers import PythonDriver
from bulk_pipeline.adapters.loaders.sqlite_publish import publish
from bulk_pipeline.adapters.loaders.sqlite_statements import compiled_statements
from bulk_pipeline.core.errors import PermanentError, TransientError
from bulk_pipeline.core.wording import AGAIN

BULK_ROWS = 100_000
"""From here on a process of its own pays; measured, see docs/performance.md."""

_spare: list[subprocess.Popen[str]] = []
"""A bulk process that was started ahead and that no loader has taken yet."""


@contextmanager
def started_ahead(rows: int) -> Iterator[None]:
    """Start the bulk process of a load that is large enough for it; see ``loaders``."""
    if rows >= BULK_ROWS:
        _spare.append(_start_child())
    try:
        yield
    finally:
        while _spare:
            _spare.pop().communicate()  # it ends when its input does


class SqliteLoader:
    """Publishes batches into one SQLite file."""

    def __init__(self, database: Database, bulk_rows: int = BULK_ROWS) -> None:
        self._database = database
        self._bulk_rows = bulk_rows
        self._child: subprocess.Popen[str] | None = None
        self._finishing: list[subprocess.Popen[str]] = []

    def prepare(self, rows: int) -> None:
        """Start the bulk process for a load that is large enough for it."""
        if rows >= self._bulk_rows and self._child is None:
            self._child = _spare.pop() if _spare else _start_child()

    def publish(self, request: LoadRequest) -> LoadResult:
        rows = request.rows.rows if request.rows else 0
        way = self._publish_in_bulk if rows >= self._bulk_rows else self._publish_here
        return self._database.persistently(lambda: way(request))

    def _publish_here(self, request: LoadRequest) -> LoadResult:
        with self._database.engine.connect() as connection:
            raw = connection.connection.driver_connection
            if raw is None:
                raise PermanentError("The pool gave no connection; see its settings.")
            return publish(PythonDriver(raw, compiled_statements()), request)

    def _publish_in_bulk(self, request: LoadRequest) -> LoadResult:
        from bulk_pipeline.adapters.loaders.wire import (  # noqa: PLC0415
            request_to_json,  # a load of a few rows is handed to no process
            result_from_json,
        )

        job = {
            "path": str(self._database.path),
            "busy_ms": int(self._database.settings.busy_seconds * 1000),
            "statements": compiled_statements(),
            "request": request_to_json(request),
        }
        child = self._child or _start_child()
        self._child = None
        answer = self._asked(child, json.dumps(job))
        if answer:
            self._finishing.append(child)
            return result_from_json(answer)
        trouble = child.communicate()[1].strip().splitlines()
        if child.returncode < 0:
            # Loading again is safe even if it was killed just after its commit.
            raise TransientError(
                f"The loading process was killed by signal {-child.returncode} before "
                f"it reported a commit of batch {request.batch}, perhaps for want of "
                f"memory. {AGAIN}."
            )
        raise PermanentError(
            f"The loading process ended with code {child.returncode} before its commit "
            f"({trouble[-1] if trouble else 'it said nothing'}). Nothing of batch "
            f"{request.batch} was stored; materialise it again."
        )

    @staticmethod
    def _asked(child: "subprocess.Popen[str]", line: str) -> str:
        """The child's answer to one line; nothing if it ended before it answered."""
        if child.stdin is None or child.stdout is None:
            raise AssertionError  # both were asked for
        try:
            child.stdin.write(line + "\n")
            child.stdin.flush()
        except BrokenPipeError:
            return ""
        return child.stdout.readline()

    def close(self) -> None:
        # A child that was not used ends when its input does; one that has answered
        # first moves its log into the file.
        children = [*self._finishing, *([self._child] if self._child else [])]
        for child in children:
            child.communicate()
        self._finishing.clear()
        self._child = None


def _start_child() -> subprocess.Popen[str]:
    module = "bulk_pipeline.adapters.loaders.sqlite_child"
    return subprocess.Popen(  # noqa: S603  # our own module, no text from outside
        [sys.executable, "-P", "-m", module],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
