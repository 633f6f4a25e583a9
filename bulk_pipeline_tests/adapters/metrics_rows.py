"""Rows of ``run_metrics`` that no load made, for tests of those who read them."""

from datetime import UTC, datetime, timedelta

import sqlalchemy as sa

from bulk_pipeline.adapters.installation import Installation
from bulk_pipeline.adapters.tables import run_metrics
from bulk_pipeline.core.metrics import STAGES

BEGINNING = datetime(2026, 1, 1, tzinfo=UTC)


def entered(installation: Installation, *rows: tuple[str, int, int]) -> None:
    """Enter loads of (batch, rows read, rows written), oldest first; each took 2 s."""
    installation.database.create_tables()
    values = [
        {
            "batch_key": batch,
            "run_id": f"run {number}",
            "finished_at": BEGINNING + timedelta(hours=number),
            "rows_read": read,
            "inserted": written,
            "updated": 0,
            "duplicates": read - written,
            "duplicates_conflicting": 0,
            "rejected": 0,
            "rows_written": written,
            "seconds": 2.0,
            **{f"{stage}_seconds": 0.25 for stage in STAGES},
            "rows_per_second": read / 2.0,
            "tier": "STANDARD",
            "peak_memory_bytes": 1_000,
            "cpu_percent": 50.0,
        }
        for number, (batch, read, written) in enumerate(rows)
    ]

    def change(connection: sa.Connection) -> None:
        """Enter all of them at once."""
        connection.execute(run_metrics.insert(), values)

    installation.database.writing(change)
