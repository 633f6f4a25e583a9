"""The pool of SQLAlchemy, and what is asked of a database while a load writes."""

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import sqlalchemy as sa

from bulk_pipeline.adapters.database_settings import DatabaseSettings
from bulk_pipeline.core.metrics import DatabaseFigures

if TYPE_CHECKING:
    from bulk_pipeline.adapters.databases.base import Backend

WAITS_FOR_LOCK = "bulk_pipeline_waits_for_lock"
"""Execution option of a statement whose time is that of waiting for another writer."""
BEGIN_WRITING = "BEGIN IMMEDIATE"
"""The statement of SQLite that waits so."""

_STARTED = "bulk_pipeline_started"


class WatchedPool(sa.QueuePool):
    """A pool that knows how long it kept others waiting for a connection.

    Attributes:
        waited_seconds: all waits together, the opening of connections included.
    """

    waited_seconds = 0.0

    def connect(self) -> Any:
        """Wait for a connection.

        Raises:
            sa.exc.TimeoutError: none came free within the time of the settings.
        """
        started = time.perf_counter()
        try:
            return super().connect()
        finally:
            self.waited_seconds += time.perf_counter() - started


def pool_arguments(settings: DatabaseSettings) -> dict[str, Any]:
    """Arguments for ``create_engine``; errors show no parameters."""
    return {
        "poolclass": WatchedPool,
        "pool_size": settings.pool_size,
        "max_overflow": settings.pool_overflow,
        "pool_pre_ping": settings.pool_pre_ping,
        "pool_recycle": settings.pool_recycle_seconds,
        "pool_timeout": settings.pool_timeout_seconds,
        "hide_parameters": True,
    }


@runtime_checkable
class _WithEngines(Protocol):
    """A database that a load uses by more than one engine."""

    @property
    def engines(self) -> Sequence[sa.Engine]:
        """All of them."""


@dataclass(eq=False)
class Watch:
    """Listens to the engines of one database; several threads may use them at once.

    Attributes:
        figures: of what has ended by now.
    """

    figures: DatabaseFigures = field(default_factory=DatabaseFigures)
    _in_use: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def add(self, more: DatabaseFigures) -> None:
        """Add figures."""
        with self._lock:
            self.figures += more

    def before(self, connection: sa.Connection, *said: Any) -> None:
        """A statement begins."""
        del said
        connection.info[_STARTED] = time.perf_counter()

    def after(self, *said: Any) -> None:
        """A statement has ended."""
        connection, _, text, _, context, _ = said
        self._ended(connection, text, context)

    def failed(self, error: sa.ExceptionContext) -> None:
        """A statement has failed, perhaps after a long wait; or something else has."""
        if error.connection is not None and error.execution_context is not None:
            self._ended(error.connection, error.statement, error.execution_context)

    def _ended(
        self, connection: sa.Connection, text: str | None, context: sa.ExecutionContext
    ) -> None:
        # An error between a statement and its end finds that it has ended already.
        started = connection.info.pop(_STARTED, None)
        if started is None:
            return
        seconds = time.perf_counter() - started
        if text == BEGIN_WRITING or WAITS_FOR_LOCK in context.execution_options:
            self.add(DatabaseFigures.of_wait(seconds))
        else:
            self.add(DatabaseFigures.of_statement(seconds))

    def checked_out(self, *said: Any) -> None:
        """A connection is in use."""
        del said
        with self._lock:
            self._in_use += 1
            self.figures += DatabaseFigures(connections_most_in_use=self._in_use)

    def checked_in(self, *said: Any) -> None:
        """It is not any more."""
        del said
        with self._lock:
            self._in_use -= 1


@contextmanager
def watching(backend: "Backend") -> Iterator[Watch]:
    """Watch what is asked of a database in this process while the block runs.

    Args:
        backend: the database. What its drivers do past SQLAlchemy is not seen.
    """
    engines: Sequence[sa.Engine] = (backend.engine,)
    if isinstance(backend, _WithEngines):
        engines = backend.engines
    pool = backend.engine.pool
    watched = pool if isinstance(pool, WatchedPool) else None
    watch = Watch(_in_use=watched.checkedout() if watched else 0)
    waited = watched.waited_seconds if watched else 0.0
    listeners = [
        (target, event, listener)
        for engine in engines
        for target, event, listener in (
            (engine, "before_cursor_execute", watch.before),
            (engine, "after_cursor_execute", watch.after),
            (engine, "handle_error", watch.failed),
            (engine.pool, "checkout", watch.checked_out),
            (engine.pool, "checkin", watch.checked_in),
        )
    ]
    for listener in listeners:
        sa.event.listen(*listener)
    try:
        yield watch
    finally:
        for listener in listeners:
            sa.event.remove(*listener)
        if watched:
            seconds = watched.waited_seconds - waited
            watch.add(DatabaseFigures(connection_wait_seconds=seconds))
