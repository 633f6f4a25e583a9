"""Whether the read replica has what an upload's export is about."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from bulk_pipeline.adapters.installation import Installation
from bulk_pipeline.adapters.replica import READ_URL
from bulk_pipeline.adapters.replica_lag import PRECISION, database_beside
from bulk_pipeline.adapters.tables import uploads
from bulk_pipeline.core.errors import BulkPipelineError, ReplicaBehind


def require_arrived(
    installation: Installation,
    named: sa.ColumnElement[bool],
    found: Sequence[sa.Row[Any]],
) -> None:
    """Require that the replica has receipts as the database has them.

    A receipt that is older there is one of rows that were loaded again or withdrawn
    since. Where the database does not answer nothing can be compared; ``lag_note``
    tells the reader so.

    Args:
        installation: its database is asked once, and only where it has a replica.
        named: which receipts.
        found: those that the replica has.

    Raises:
        ReplicaBehind: one is missing, or older.
    """
    if installation.replica is None:
        return
    u = uploads.c
    query = sa.select(u.upload_key, u.last_loaded_at, u.withdrawn_at).where(named)
    try:
        with database_beside(installation).reading() as connection:
            there = list(connection.execute(query.order_by(u.id)))
    except BulkPipelineError:
        return
    here = {row.upload_key: row for row in found}
    for receipt in there:
        mine = here.get(receipt.upload_key)
        if mine is None or not (
            _same(mine.last_loaded_at, receipt.last_loaded_at)
            and _same(mine.withdrawn_at, receipt.withdrawn_at)
        ):
            raise behind(installation, receipt.upload_key)


def _same(one: datetime | None, other: datetime | None) -> bool:
    if one is None or other is None:
        return one is other
    return abs(one - other) < PRECISION


def behind(installation: Installation, key: str) -> ReplicaBehind:
    """What is said where an upload has not reached the replica."""
    return ReplicaBehind(
        f"Upload {key} has not reached the replica {installation.read_database.name} "
        "as the database has it. Export again in a moment; or set "
        f"{READ_URL} to nothing, and the database itself is read."
    )
