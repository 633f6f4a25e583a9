"""The journal: every upload and batch of one home, and what became of it.

A small SQLite file in the home. It is for people and for the sensor; what makes a
load count is the receipt in the target database.
"""

import json
import logging
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from bulk_pipeline.adapters.batches import Batch
from bulk_pipeline.adapters.databases.portions import portions
from bulk_pipeline.adapters.failures import translated
from bulk_pipeline.adapters.journal_reading import JournalReader, Progress
from bulk_pipeline.adapters.journal_tables import (
    STATES,
    UNFINISHED,
    home,
    reservations,
    uploads,
)
from bulk_pipeline.adapters.upload_report import UploadReport
from bulk_pipeline.core.wording import amount

logger = logging.getLogger(__name__)
__all__ = ["STATES", "UNFINISHED", "Journal", "Progress", "UploadReport"]


class Journal(JournalReader):
    """One home's journal; created on first use."""

    @contextmanager
    def transaction(self) -> Iterator[sa.Connection]:
        """A transaction that holds the write lock from its beginning.

        Raises:
            TransientError: another process held the lock for half a minute.
            PermanentError: the file cannot be opened or written.
        """
        with translated(), self._engine.begin() as connection:
            yield connection

    def adopt(self, home_id: str) -> None:
        """Take an id that this home's receipts carry since before the journal."""
        with self.transaction() as connection:
            connection.execute(home.update().values(id=home_id))

    def claim(self, batch: Batch) -> None:
        """Enter the uploads of a new batch; those already known stay as they are.

        A key that was promised to one is kept herewith.
        """
        created_at = datetime.fromisoformat(batch.created_at)
        rows = [
            {
                "key": upload.key,
                "batch": batch.key,
                "file": upload.file_name,
                "bytes": upload.bytes,
                "submitted_by": upload.submitted_by,
                "retry_of": upload.retry_of,
                "state": "claimed",
                "attempts": 0,
                "claimed_at": created_at,
                "changed_at": datetime.now(UTC),
                "run_id": "",
                "message": "",
                "report": "{}",
            }
            for upload in batch.uploads
        ]
        with self.transaction() as connection:
            connection.execute(uploads.insert().prefix_with("OR IGNORE"), rows)
            for some in portions([upload.key for upload in batch.uploads]):
                kept = reservations.c.key.in_(some)
                connection.execute(reservations.delete().where(kept))
        size = sum(upload.bytes for upload in batch.uploads)
        files = amount(len(rows), "file")
        logger.info("Batch %s: %s, %d bytes claimed.", batch.key, files, size)

    def start(self, batch: str, run_id: str) -> None:
        """Mark what is unfinished in a batch as running and count the attempt.

        What has ended stays as it is while its batch is materialised again.
        """
        logger.info("Batch %s: run %s begins.", batch, run_id)
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
        logger.info("Batch %s is %s.", batch, state)
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
        rows = [
            {
                "upload": report.key,
                "state": report.state,
                "run_id": report.run_id,
                "message": report.message,
                "report": json.dumps(asdict(report)),
                "changed_at": now,
            }
            for report in reports
        ]
        changed = [name for name in rows[0] if name != "upload"] if rows else []
        change = (
            uploads.update()
            .where(uploads.c.key == sa.bindparam("upload"))
            .values({name: sa.bindparam(name) for name in changed})
        )
        if rows:
            with self.transaction() as connection:
                connection.execute(change, rows)

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
