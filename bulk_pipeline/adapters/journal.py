"""The journal: every upload and batch of one home, and what became of it.

A small SQLite file in the home. It is for people and for the sensor; what makes a
load count is the receipt in the target database.
"""

import json
import secrets
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from bulk_pipeline.adapters.batches import Batch
from bulk_pipeline.adapters.failures import attempts, translated
from bulk_pipeline.adapters.journal_tables import home, metadata, uploads
from bulk_pipeline.core.metrics import STAGES

STATES = (
    "claimed",
    "waiting",
    "running",
    "loaded",
    "repeated",
    "failed",
    "withdrawn",
)
UNFINISHED = ("claimed", "waiting", "running")
BUSY_MILLISECONDS = 30_000


@dataclass(frozen=True, slots=True)
class UploadReport:
    """What became of one upload; the record that people and programs read.

    ``seconds``, ``stages``, ``rows_per_second``, ``tier``, ``peak_memory_bytes`` are
    those of its batch. ``duplicates`` include the conflicting ones. ``notices`` is the
    kind of each warning and how many cells, rows or columns it is about.
    """

    key: str
    file: str
    state: str
    sha256: str = ""
    rows_read: int = 0
    inserted: int = 0
    updated: int = 0
    duplicates: int = 0
    duplicates_conflicting: int = 0
    rejected: int = 0
    reject_file: str | None = None
    seconds: float = 0.0
    stages: dict[str, float] = field(default_factory=lambda: dict.fromkeys(STAGES, 0.0))
    rows_per_second: float = 0.0
    tier: str = ""
    peak_memory_bytes: int = 0
    run_id: str = ""
    message: str = ""
    rejected_by_reason: dict[str, int] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    notices: dict[str, int] = field(default_factory=dict)
    batch: str = ""
    submitted_by: str = ""
    retry_of: str = ""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a batch is, by its unfinished uploads.

    Attributes:
        state: ``ended`` where every upload has ended, else claimed, waiting or running.
        attempts: runs that were started for it.
        changed_at: when that last changed, UTC.
        run_id: the last run of it, "" before the first.
    """

    state: str
    attempts: int
    changed_at: datetime
    run_id: str


class Journal:
    """One home's journal; created on first use."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @cached_property
    def _engine(self) -> sa.Engine:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        engine = sa.create_engine(sa.URL.create("sqlite", database=str(self._path)))
        sa.event.listen(engine, "connect", _prepare)
        sa.event.listen(engine, "begin", _begin)
        with engine.begin() as connection:
            metadata.create_all(connection)
            if connection.scalar(sa.select(home.c.id)) is None:
                connection.execute(home.insert(), {"id": secrets.token_hex(16)})
        return engine

    @contextmanager
    def transaction(self) -> Iterator[sa.Connection]:
        """A transaction that holds the write lock from its beginning.

        Raises:
            TransientError: another process held the lock for half a minute.
            PermanentError: the file cannot be opened or written.
        """
        with translated(), self._engine.begin() as connection:
            yield connection

    def home_id(self) -> str:
        """The id of this home, which its receipts carry."""
        with self.transaction() as connection:
            return str(connection.scalar(sa.select(home.c.id)))

    def claim(self, batch: Batch) -> None:
        """Enter the uploads of a new batch; those already known stay as they are."""
        now = datetime.now(UTC)
        rows = [
            {
                "key": upload.key,
                "batch": batch.key,
                "file": upload.file_name,
                "submitted_by": upload.submitted_by,
                "retry_of": upload.retry_of,
                "state": "claimed",
                "attempts": 0,
                "claimed_at": now,
                "changed_at": now,
                "run_id": "",
                "message": "",
                "report": "{}",
            }
            for upload in batch.uploads
        ]
        with self.transaction() as connection:
            connection.execute(uploads.insert().prefix_with("OR IGNORE"), rows)

    def start(self, batch: str, run_id: str) -> None:
        """Mark what is unfinished in a batch as running and count the attempt.

        What has ended stays as it is while its batch is materialised again.
        """
        self._change(
            batch,
            only=UNFINISHED,
            state="running",
            run_id=run_id,
            attempts=uploads.c.attempts + 1,
            message="",
        )

    def stop(self, batch: str, state: str, message: str) -> None:
        """Mark what is unfinished in a batch as failed or waiting, with the reason.

        A batch that fails as a whole is shown by the failed run itself.
        """
        self._change(
            batch,
            only=UNFINISHED,
            state=state,
            message=message,
            refusal_shown=state == "failed",
        )

    def finish(self, reports: Iterable[UploadReport]) -> None:
        """Write what became of uploads."""
        now = datetime.now(UTC)
        with self.transaction() as connection:
            for report in reports:
                connection.execute(
                    uploads.update()
                    .where(uploads.c.key == report.key)
                    .values(
                        state=report.state,
                        run_id=report.run_id,
                        message=report.message,
                        report=json.dumps(asdict(report)),
                        changed_at=now,
                    )
                )

    def uploads(
        self, *, batch: str | None = None, state: str | None = None
    ) -> list[UploadReport]:
        """Uploads with what is known of them, oldest first.

        Args:
            batch: only those of one batch.
            state: only those in one state.
        """
        query = sa.select(uploads).order_by(uploads.c.claimed_at, sa.text("rowid"))
        if batch is not None:
            query = query.where(uploads.c.batch == batch)
        if state is not None:
            query = query.where(uploads.c.state == state)
        with self.transaction() as connection:
            return [_report(row) for row in connection.execute(query)]

    def progress(self, batch: str) -> Progress | None:
        """How far a batch is; None where the journal does not know it."""
        chosen = sa.select(uploads).where(uploads.c.batch == batch)
        with self.transaction() as connection:
            rows = connection.execute(chosen).all()
        if not rows:
            return None
        unfinished = [row for row in rows if row.state in UNFINISHED]
        row = (unfinished or rows)[0]
        state = row.state if unfinished else "ended"
        return Progress(state, row.attempts, row.changed_at, row.run_id)

    def refusals_to_show(self) -> list[str]:
        """Batches with refused uploads that no failed run shows yet."""
        refused = (uploads.c.state == "failed") & ~uploads.c.refusal_shown
        query = sa.select(uploads.c.batch).where(refused).distinct()
        with self.transaction() as connection:
            return list(connection.scalars(query))

    def show_refusals(self, batch: str) -> None:
        """Note that a failed run shows the refused uploads of a batch."""
        self._change(batch, only=("failed",), refusal_shown=True)

    def _change(
        self, batch: str, *, only: Sequence[str] = STATES, **values: Any
    ) -> None:
        chosen = (uploads.c.batch == batch) & uploads.c.state.in_(only)
        change = uploads.update().where(chosen)
        with self.transaction() as connection:
            connection.execute(change.values(**values, changed_at=datetime.now(UTC)))

    def close(self) -> None:
        """Close the file, if it was ever opened."""
        if "_engine" in self.__dict__:
            self._engine.dispose()


def _report(row: sa.Row[Any]) -> UploadReport:
    known = {
        "key": row.key,
        "file": row.file,
        "state": row.state,
        "run_id": row.run_id,
        "message": row.message,
        "batch": row.batch,
        "submitted_by": row.submitted_by,
        "retry_of": row.retry_of,
    }
    saved = {**json.loads(row.report), **known}
    return UploadReport(**{**saved, "warnings": tuple(saved.get("warnings", ()))})


def _prepare(connection: Any, record: object) -> None:
    del record
    connection.isolation_level = None
    connection.execute(f"PRAGMA busy_timeout = {BUSY_MILLISECONDS}")
    # SQLite does not wait for two processes that change this of a new file at once.
    for attempt in attempts(sqlite3.OperationalError, 50, 0.01, 0.1):
        with attempt:
            connection.execute("PRAGMA journal_mode = WAL")


def _begin(connection: sa.Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")
