"""The transaction that takes one upload's rows out, set-wise, and counts them twice."""

from datetime import datetime

import sqlalchemy as sa

from bulk_pipeline.adapters.tables import (
    annual_prediction_history,
    annual_predictions,
    uploads,
)
from bulk_pipeline.core.errors import AccountingError
from bulk_pipeline.core.upserts import STORED_KEY
from bulk_pipeline.core.wording import amount

REASON_WITHDRAW = "withdraw"
_REASON_UPDATE = "update"
_KEPT = tuple(c.name for c in annual_predictions.c if c.name != "id")
_RESTORED = tuple(n for n in _KEPT if n not in (*STORED_KEY, "updated_at"))


def take_out(
    connection: sa.Connection, upload_id: int, now: datetime
) -> tuple[int, int] | None:
    """Withdraw an upload inside a transaction.

    Returns:
        Rows deleted and rows restored; None for an upload that is withdrawn already.

    Raises:
        AccountingError: stored rows, rows put into the history, and rows deleted or
            restored are not equally many; names the counts.
    """
    p, u = annual_predictions.c, uploads.c
    mark = uploads.update().where(u.id == upload_id, u.withdrawn_at.is_(None))
    if not connection.execute(mark.values(withdrawn_at=now)).rowcount:
        return None
    stored = sa.select(sa.func.count()).where(p.upload_id == upload_id)
    wanted = connection.execute(stored).scalar_one()
    kept = connection.execute(_keep(upload_id, now)).rowcount
    restored = connection.execute(_restore(upload_id, now)).rowcount
    left = annual_predictions.delete().where(p.upload_id == upload_id)
    deleted = connection.execute(left).rowcount
    if not wanted == kept == deleted + restored:
        raise AccountingError(
            f"The upload stores {amount(wanted, 'row')}, but {kept} went into the "
            f"history, {deleted} were deleted and {restored} restored. Nothing was "
            "withdrawn; report this."
        )
    return deleted, restored


def _keep(upload_id: int, now: datetime) -> sa.Insert:
    """Put the upload's stored rows into the history.

    ``replaced_by_upload_id`` is null: no upload replaced them. The upload's own id
    there would say that it reloaded them.
    """
    p, h = annual_predictions.c, annual_prediction_history.c
    added = {
        "replaced_at": sa.literal(now, h.replaced_at.type),
        "replaced_by_upload_id": sa.null(),
        "reason": sa.literal(REASON_WITHDRAW, h.reason.type),
    }
    rows = sa.select(p.id, *(p[name] for name in _KEPT), *added.values()).where(
        p.upload_id == upload_id
    )
    return annual_prediction_history.insert().from_select(
        ["prediction_id", *_KEPT, *added], rows
    )


def _restore(upload_id: int, now: datetime) -> sa.Update:
    """Give the upload's stored rows back to the uploads that had them before.

    Rows are matched by their natural key: SQLite gives the id of a deleted row away
    again, so a prediction id alone may mean several keys over time.
    """
    p, h = annual_predictions.c, annual_prediction_history.c
    before = _rows_before(upload_id)
    return (
        annual_predictions.update()
        .where(
            h.id == before.c.id,
            *(p[name] == h[name] for name in STORED_KEY),
            p.upload_id == upload_id,
        )
        .values({name: h[name] for name in _RESTORED})
        .values(updated_at=now)
    )


def _rows_before(upload_id: int) -> sa.Subquery:
    """The history row that each key goes back to; none for keys that are deleted.

    The newest of the key's rows until this upload took the key over, without those of
    withdrawn uploads. What the key held once does not count where the upload replaced
    nothing, because somebody had deleted the row.
    """
    h, older = annual_prediction_history.c, annual_prediction_history.alias("older").c
    taken_over = (
        sa.select(*(h[name] for name in STORED_KEY), sa.func.max(h.id).label("last"))
        .where(h.replaced_by_upload_id == upload_id, h.reason == _REASON_UPDATE)
        .group_by(*(h[name] for name in STORED_KEY))
        .subquery("taken_over")
    )
    return (
        sa.select(sa.func.max(older.id).label("id"))
        .join(
            taken_over,
            sa.and_(
                *(older[name] == taken_over.c[name] for name in STORED_KEY),
                older.id <= taken_over.c.last,
            ),
        )
        .join(uploads, uploads.c.id == older.upload_id)
        .where(uploads.c.withdrawn_at.is_(None))
        .group_by(*(older[name] for name in STORED_KEY))
        .subquery("before")
    )
