"""The statements of a publishing transaction on SQL Server, over whole sets.

They are plain T-SQL of SQL Server 2019 and later, built from the tables. What they
decide is what ``core.upserts.settle`` decides, over rows that are staged in a heap.
"""

from typing import Any

import sqlalchemy as sa

from bulk_pipeline.adapters.loaders.sqlserver_rules import (
    NUMBERS,
    SCORES,
    VALUES,
    Pairs,
    as_number,
    joined,
    same_key,
)
from bulk_pipeline.adapters.tables import (
    annual_prediction_history,
    annual_predictions,
    uploads,
)
from bulk_pipeline.core.schema import RATIOS

_KEPT = tuple(c.name for c in annual_predictions.c if c.name != "id")
_GIVEN = ("company_id", *VALUES)
LOCKED_PROBE = "WITH (UPDLOCK, SERIALIZABLE)"
"""Holds the place of a key that is not there until the end of the transaction."""


def staged_columns() -> list[sa.Column[Any]]:
    """Columns of the heap: where a row is in the batch, its key and its values."""
    return [
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("upload", sa.Integer, nullable=False),
        sa.Column("round", sa.Integer, nullable=False),
        sa.Column("company_id", sa.BigInteger, nullable=False),
        *(
            sa.Column(name, annual_predictions.c[name].type, nullable=name in RATIOS)
            for name in VALUES
        ),
    ]


def staged_counts(stage: sa.Table) -> sa.Select[Any]:
    """Rows of the heap by the upload's number in the batch."""
    return sa.select(stage.c.upload, sa.func.count()).group_by(stage.c.upload)


def insert_new(stage: sa.Table) -> sa.Insert:
    """Store the rows of a round (``round``) whose key is not stored.

    Bound values: ``round``, ``model_id`` and ``now``.
    """
    p, s = annual_predictions, stage.c
    stored = (
        sa.select(p.c.id)
        .with_hint(p, LOCKED_PROBE, "mssql")
        .where(*same_key(stage))
        .exists()
    )
    now = sa.bindparam("now", type_=p.c.created_at.type)
    added = {
        "model_id": sa.bindparam("model_id", type_=p.c.model_id.type),
        "upload_id": NUMBERS.c.upload_id,
        "created_at": now,
        "updated_at": now,
    }
    rows = (
        sa.select(*(s[name] for name in _GIVEN), *added.values())
        .select_from(joined(stage))
        .where(s.round == sa.bindparam("round"), ~stored)
    )
    return p.insert().from_select([*_GIVEN, *added], rows)


def inserted_since() -> sa.Select[Any]:
    """Rows by upload that the table has since an id (``last_id``)."""
    p = annual_predictions.c
    return (
        sa.select(p.upload_id, sa.func.count())
        .where(p.id > sa.bindparam("last_id"))
        .group_by(p.upload_id)
    )


def last_id() -> sa.Select[Any]:
    """The highest id of the table; 0 where it is empty."""
    return sa.select(sa.func.coalesce(sa.func.max(annual_predictions.c.id), 0))


def outcomes(pairs: Pairs) -> sa.Select[Any]:
    """What a round's rows became, once its new keys are stored.

    Returns ``number`` of the upload, ``outcome``, and how many rows have it, how many
    of them are conflicts, and how many are yet to replace the stored row.
    """
    each = (
        sa.select(
            pairs.table.c.number,
            pairs.outcome.label("outcome"),
            as_number(pairs.conflicts).label("conflict"),
            as_number(pairs.replaces).label("replaces"),
        )
        .select_from(pairs.table)
        .subquery("each_row")
    )
    return sa.select(
        each.c.number,
        each.c.outcome,
        sa.func.count().label("found"),
        sa.func.sum(each.c.conflict).label("conflicts"),
        sa.func.sum(each.c.replaces).label("replaces"),
    ).group_by(each.c.number, each.c.outcome)


def conflicting(pairs: Pairs) -> sa.Select[Any]:
    """Conflicts: ``position`` in the batch, the stored row's upload and ratios."""
    pair, p = pairs.table.c, annual_predictions.c
    stored = pairs.table.join(annual_predictions, p.id == pair.stored_id)
    return (
        sa.select(
            pair.position,
            uploads.c.upload_key.label("kept_upload"),
            *(p[name].label(f"{name}_kept") for name in RATIOS),
        )
        .select_from(stored.join(uploads, uploads.c.id == p.upload_id))
        .where(pairs.conflicts)
        .order_by(pair.position)
    )


def keep_history(pairs: Pairs) -> sa.Insert:
    """Put the rows that give way into the history. Bound besides: ``now``."""
    pair, p, h = pairs.table.c, annual_predictions.c, annual_prediction_history.c
    reason = sa.case((pairs.own, "reload"), else_="update")
    added = {
        "replaced_at": sa.bindparam("now", type_=h.replaced_at.type),
        "replaced_by_upload_id": pair.upload_id,
        "reason": sa.cast(reason, h.reason.type),
    }
    rows = (
        sa.select(p.id, *(p[name] for name in _KEPT), *added.values())
        .select_from(pairs.table.join(annual_predictions, p.id == pair.stored_id))
        .where(pairs.replaces)
    )
    names = ["prediction_id", *_KEPT, *added]
    return annual_prediction_history.insert().from_select(names, rows)


def replace(pairs: Pairs) -> sa.Update:
    """Give the rows that give way their new values and owner.

    Bound besides: ``now`` and once more the model, as ``model``.
    """
    pair, p = pairs.table.c, annual_predictions
    return (
        p.update()
        .where(p.c.id == pair.stored_id, pairs.replaces)
        .values({name: pair[name] for name in (*RATIOS, *SCORES)})
        .values(
            model_id=sa.bindparam("model", type_=p.c.model_id.type),
            upload_id=pair.upload_id,
            updated_at=sa.bindparam("now", type_=p.c.updated_at.type),
        )
    )


def statements() -> dict[str, sa.ClauseElement]:
    """Every statement about rows, over a heap of some name; for checks of the text."""
    stage = sa.Table("bulk_pipeline_stage_0", sa.MetaData(), *staged_columns())
    made: dict[str, sa.ClauseElement] = {
        "staged counts": staged_counts(stage),
        "last id": last_id(),
        "insert new": insert_new(stage),
        "inserted since": inserted_since(),
    }
    for update in (False, True):
        for known in (False, True):
            pairs = Pairs(stage, update, known)
            over_pairs = (outcomes, conflicting, keep_history, replace)
            case = f"{'update' if update else 'skip'}, {'again' if known else 'new'}"
            made |= {f"{f.__name__}: {case}": f(pairs) for f in over_pairs}
    return made
