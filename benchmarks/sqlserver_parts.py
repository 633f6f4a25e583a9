"""Where the time of a load into SQL Server goes, by its statements."""

import time
from typing import Any, Self

import sqlalchemy as sa

from bulk_pipeline.adapters.databases.sqlserver import WRITE_LOCK
from bulk_pipeline.adapters.loaders.base import Loader, LoadRequest, LoadResult

_PARTS = (
    ("sp_getapplock", "lock"),
    ("INSERT INTO annual_predictions", "insert"),
    ("each_row", "outcomes"),
    ("count(", "counts"),
    ("max(", "counts"),
)
"""What a statement within the transaction is for, by a text in it; others: receipts."""


class Watched:
    """A loader that keeps the request and tells when the load began and ended."""

    def __init__(self, loader: Loader) -> None:
        self._loader = loader
        self.request: LoadRequest | None = None
        self._statements: list[tuple[float, float, str]] = []
        self._begun = self._ended = self._database = 0.0

    def prepare(self, rows: int) -> None:
        self._loader.prepare(rows)

    def publish(self, request: LoadRequest) -> LoadResult:
        self.request = request
        with _Statements() as watched:
            self._begun = time.perf_counter()
            result = self._loader.publish(request)
            self._ended = time.perf_counter()
        self._statements = watched.seen
        self._database = result.database_seconds
        return result

    def close(self) -> None:
        self._loader.close()

    @property
    def parts(self) -> dict[str, float]:
        """Seconds of the load: staging, the transaction by statement, the clearing.

        ``commit`` is what the transaction has beyond its statements, the commit above
        all; ``clear`` is from the commit to the end, where the heaps are dropped.
        """
        locked = next(at for at, _, text in self._statements if WRITE_LOCK in text)
        committed = locked + self._database
        parts = {"staging": locked - self._begun}
        for at, seconds, text in self._statements:
            if locked <= at < committed:
                part = next((name for mark, name in _PARTS if mark in text), "receipts")
                parts[part] = parts.get(part, 0.0) + seconds
        known = sum(parts.values()) - parts["staging"]
        clear = self._ended - committed
        return {**parts, "commit": self._database - known, "clear": clear}


class _Statements:
    """Start, seconds and text (with values) of SQLAlchemy's statements in a block."""

    def __init__(self) -> None:
        self.seen: list[tuple[float, float, str]] = []
        self._at = 0.0

    def __enter__(self) -> Self:
        sa.event.listen(sa.Engine, "before_cursor_execute", self._before)
        sa.event.listen(sa.Engine, "after_cursor_execute", self._after)
        return self

    def __exit__(self, *raised: object) -> None:
        sa.event.remove(sa.Engine, "before_cursor_execute", self._before)
        sa.event.remove(sa.Engine, "after_cursor_execute", self._after)

    def _before(self, *given: Any) -> None:
        del given
        self._at = time.perf_counter()

    def _after(self, *given: Any) -> None:
        _, _, statement, parameters, _, many = given
        values = "" if many else str(parameters)
        seconds = time.perf_counter() - self._at
        self.seen.append((self._at, seconds, f"{statement} {values}"))
