"""What the journal can be asked; asking takes no lock that a writer waits for."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path

import sqlalchemy as sa

from bulk_pipeline.adapters.databases.portions import portions
from bulk_pipeline.adapters.failures import translated
from bulk_pipeline.adapters.journal_file import READING, opened
from bulk_pipeline.adapters.journal_tables import (
    IS_OPEN,
    IS_TO_SHOW,
    UNFINISHED,
    home,
    uploads,
)
from bulk_pipeline.adapters.upload_report import UploadReport, report_of
from bulk_pipeline.core.inbox import Share

_ROWID = sa.literal_column("rowid", sa.Integer)
_ROWS_AT_ONCE = 500


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


class JournalReader:
    """One home's journal, to be asked; created on first use."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @cached_property
    def _engine(self) -> sa.Engine:
        return opened(self._path)

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """A transaction that only reads; it waits for no writer and keeps none waiting.

        Raises:
            PermanentError: the file cannot be opened or read.
        """
        with translated(), self._engine.connect() as connection:
            yield connection.execution_options(**{READING: True})

    def home_id(self) -> str:
        """The id of this home, which its receipts carry."""
        with self.reading() as connection:
            return str(connection.scalar(sa.select(home.c.id)))

    def uploads(
        self,
        *,
        batch: str | None = None,
        state: str | None = None,
        keys: Sequence[str] | None = None,
    ) -> list[UploadReport]:
        """Uploads with what is known of them, oldest first.

        Args:
            batch: only those of one batch.
            state: only those in one state.
            keys: only those with one of these keys.
        """
        if keys is None:
            return list(self.each_upload(batch=batch, state=state))
        found = []
        for some in portions(keys):
            chosen = uploads.c.key.in_(some)
            found += list(self._each(_chosen(batch, state) & chosen, None))
        return found

    def each_upload(
        self,
        *,
        batch: str | None = None,
        state: str | None = None,
        newest: int | None = None,
    ) -> Iterator[UploadReport]:
        """Uploads one after another, oldest first; memory holds a few at a time.

        Args:
            batch: only those of one batch.
            state: only those in one state.
            newest: only so many of the last claimed.
        """
        return self._each(_chosen(batch, state), newest)

    def count(self, *, state: str | None = None) -> int:
        """How many uploads there are, or are in one state."""
        query = sa.select(sa.func.count()).select_from(uploads)
        with self.reading() as connection:
            return int(connection.scalar(query.where(_chosen(None, state))) or 0)

    def progress(self, batch: str) -> Progress | None:
        """How far a batch is; None where the journal does not know it."""
        columns = (uploads.c[name] for name in Progress.__slots__)
        query = (
            sa.select(*columns)
            .where(uploads.c.batch == batch)
            .order_by(uploads.c.state.not_in(UNFINISHED), _ROWID)
            .limit(1)
        )
        with self.reading() as connection:
            row = connection.execute(query).first()
        if row is None:
            return None
        state = row.state if row.state in UNFINISHED else "ended"
        return Progress(state, row.attempts, row.changed_at, row.run_id)

    def open_batches(self) -> dict[str, Progress]:
        """How far each batch is that has not ended; the first claimed comes first."""
        columns = [uploads.c[name] for name in Progress.__slots__]
        first = sa.func.min(_ROWID).label("first")
        # SQLite takes the other columns of a group from the row that has the minimum.
        query = (
            sa.select(uploads.c.batch, uploads.c.claimed_at, *columns, first)
            .where(IS_OPEN)
            .group_by(uploads.c.batch)
            .order_by(uploads.c.claimed_at, first)
        )
        with self.reading() as connection:
            return {
                row.batch: Progress(row.state, row.attempts, row.changed_at, row.run_id)
                for row in connection.execute(query)
            }

    def known(self, batches: Sequence[str]) -> set[str]:
        """Those of some batches that the journal knows."""
        found: set[str] = set()
        with self.reading() as connection:
            for some in portions(batches):
                query = sa.select(uploads.c.batch).where(uploads.c.batch.in_(some))
                found.update(connection.scalars(query.distinct()))
        return found

    def in_work(self) -> dict[str, Share]:
        """Subfolder of the inbox → files and bytes from it that have not ended."""
        files, size = sa.func.count(), sa.func.sum(uploads.c.bytes)
        query = sa.select(uploads.c.submitted_by, files, size).where(IS_OPEN)
        with self.reading() as connection:
            found = connection.execute(query.group_by(uploads.c.submitted_by))
            return {name: Share(count, total) for name, count, total in found}

    def queued(self, largest: int) -> int:
        """Batches whose run has not begun and whose files are no larger than this."""
        chosen = (
            sa.select(uploads.c.batch)
            .where(IS_OPEN)
            .group_by(uploads.c.batch)
            .having(sa.func.max(uploads.c.bytes) <= largest)
            .having(sa.func.min(uploads.c.state) == "claimed")
            .having(sa.func.max(uploads.c.state) == "claimed")
        )
        with self.reading() as connection:
            count = sa.select(sa.func.count()).select_from(chosen.subquery())
            return int(connection.scalar(count) or 0)

    def refusals_to_show(self) -> list[str]:
        """Batches with refused uploads that no failed run shows yet."""
        query = sa.select(uploads.c.batch).where(IS_TO_SHOW).distinct()
        with self.reading() as connection:
            return list(connection.scalars(query))

    def close(self) -> None:
        """Close the file, if it was ever opened."""
        if "_engine" in self.__dict__:
            self._engine.dispose()

    def _each(
        self, chosen: sa.ColumnElement[bool], newest: int | None
    ) -> Iterator[UploadReport]:
        age = (uploads.c.claimed_at, _ROWID)
        query = sa.select(uploads).where(chosen).order_by(*age)
        if newest is not None:
            latest = sa.select(uploads.c.key).where(chosen)
            latest = latest.order_by(*(column.desc() for column in age)).limit(newest)
            query = query.where(uploads.c.key.in_(latest))
        with self.reading() as connection:
            found = connection.execution_options(yield_per=_ROWS_AT_ONCE).execute(query)
            for row in found:
                yield report_of(row)


def _chosen(batch: str | None, state: str | None) -> sa.ColumnElement[bool]:
    wanted = {uploads.c.batch: batch, uploads.c.state: state}
    given = (c == value for c, value in wanted.items() if value is not None)
    return sa.and_(sa.true(), *given)
