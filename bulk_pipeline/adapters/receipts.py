"""Receipts of the target database, as what they say about uploads."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import sqlalchemy as sa

from bulk_pipeline.adapters.database import Database
from bulk_pipeline.adapters.databases.portions import portions
from bulk_pipeline.adapters.tables import COUNTS, uploads
from bulk_pipeline.adapters.upload_report import UploadReport, shown
from bulk_pipeline.adapters.withdrawing import WITHDRAWN


def receipts_by_key(database: Database, keys: Sequence[str]) -> dict[str, sa.Row[Any]]:
    """Upload key → receipt, of those among some uploads that have one."""
    found: dict[str, sa.Row[Any]] = {}
    if not keys:
        return found
    with database.reading() as connection:
        for some in portions(keys):
            query = sa.select(uploads).where(uploads.c.upload_key.in_(some))
            found |= {row.upload_key: row for row in connection.execute(query)}
    return found


def report_of_receipt(receipt: sa.Row[Any], known: UploadReport) -> UploadReport:
    """What a receipt says of an upload; figures that it does not hold stay as known."""
    withdrawn = receipt.withdrawn_at
    counts: dict[str, Any] = {name: int(getattr(receipt, name)) for name in COUNTS}
    return replace(
        known,
        state=WITHDRAWN if withdrawn else "loaded",
        message=f"Withdrawn on {shown(withdrawn)}." if withdrawn else "",
        sha256=receipt.sha256,
        **counts,
    )


def foreign_home(database: Database, keys: Sequence[str], own: str) -> str:
    """The home id, other than our own, that most receipts of our uploads carry.

    "" where there is none, or where our own id has receipts.
    """
    ours = sa.select(sa.func.count()).where(uploads.c.home_id == own)
    counts: dict[str, int] = {}
    with database.reading() as connection:
        if connection.scalar(ours):
            return ""
        for some in portions(keys):
            number = sa.func.count()
            query = sa.select(uploads.c.home_id, number)
            query = query.where(uploads.c.upload_key.in_(some))
            for home_id, rows in connection.execute(query.group_by(uploads.c.home_id)):
                counts[home_id] = counts.get(home_id, 0) + rows
    return max(counts, key=lambda home_id: counts[home_id], default="")
