"""Which staged row meets which stored one, and which of them gives way."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import sqlalchemy as sa

from bulk_pipeline.adapters.tables import (
    annual_prediction_history,
    annual_predictions,
)
from bulk_pipeline.core.schema import QUARTER, RATIOS, YEAR
from bulk_pipeline.core.upserts import DUPLICATE, INSERTED, STORED_KEY, UPDATED

SCORES = ("probability", "risk_level", "confidence")
VALUES = (YEAR.name, QUARTER.name, *RATIOS, *SCORES)
_NEVER = -1  # where other rows have 0 or 1: the upload never stored this key before

NUMBERS = sa.Table(
    "#bulk_pipeline_uploads",
    sa.MetaData(),
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("upload_id", sa.BigInteger, nullable=False),
    sa.Column("known", sa.SmallInteger, nullable=False),
)
"""Uploads of the batch: number in it, id of the receipt, and 1 if loaded before."""


def joined(stage: sa.Table) -> sa.Join:
    """Staged rows with the ids of their uploads."""
    return stage.join(NUMBERS, NUMBERS.c.number == stage.c.upload)


def same_key(stage: sa.Table) -> list[sa.ColumnElement[bool]]:
    """Staged and stored rows that have one key."""
    return [annual_predictions.c[name] == stage.c[name] for name in STORED_KEY]


@dataclass(frozen=True)
class Pairs:
    """Staged rows of one round beside the stored rows of their keys.

    Bound values of every statement over them: ``round`` and ``model_id``.

    Attributes:
        stage: the heap.
        update: whether newer uploads replace other values.
        known: whether any upload of the batch was loaded before.
    """

    stage: sa.Table
    update: bool
    known: bool

    @cached_property
    def table(self) -> sa.Subquery:
        """The pairs as columns, each condition worked out once, as 0 or 1."""
        p, s = annual_predictions.c, self.stage.c
        both = joined(self.stage).join(
            annual_predictions, sa.and_(*same_key(self.stage))
        )
        was_update: sa.ColumnElement[Any] = sa.literal_column(str(_NEVER))
        if self.known:
            earlier = _earlier()
            keys = (earlier.c[name] == s[name] for name in STORED_KEY)
            own_key = sa.and_(earlier.c.upload_id == NUMBERS.c.upload_id, *keys)
            both = both.outerjoin(earlier, own_key)
            was_update = sa.func.coalesce(earlier.c.was_update, was_update)
        return (
            sa.select(
                s.position,
                NUMBERS.c.number,
                NUMBERS.c.upload_id,
                p.id.label("stored_id"),
                p.upload_id.label("stored_upload_id"),
                as_number(_differing(self.stage)).label("differs"),
                as_number(p.model_id != _MODEL).label("rescored"),
                was_update.label("was_update"),
                *(s[name] for name in (*RATIOS, *SCORES)),
            )
            .select_from(both)
            .where(s.round == sa.bindparam("round"))
            .subquery("pair")
        )

    @property
    def own(self) -> sa.ColumnElement[bool]:
        """Stored by this very upload."""
        return self.table.c.stored_upload_id == self.table.c.upload_id

    @property
    def _stored_before(self) -> sa.ColumnElement[bool]:
        """Stored by the upload, now or before another one took the key over."""
        return sa.or_(self.own, self.table.c.was_update != _NEVER)

    @property
    def _newer_and_other(self) -> sa.ColumnElement[bool]:
        pair = self.table.c
        return sa.and_(pair.upload_id > pair.stored_upload_id, pair.differs == 1)

    @property
    def outcome(self) -> sa.Case[Any]:
        """What the table owes to the upload for a row."""
        gives_way = [(self._newer_and_other, UPDATED)] if self.update else []
        return sa.case(
            (self.table.c.was_update == 1, UPDATED),
            (self._stored_before, INSERTED),
            *gives_way,
            else_=DUPLICATE,
        )

    @property
    def conflicts(self) -> sa.ColumnElement[bool]:
        """A duplicate with other values than an older upload's row."""
        if self.update:  # such a row gives way
            return sa.literal_column("1") == sa.literal_column("0")
        return sa.and_(sa.not_(self._stored_before), self._newer_and_other)

    @property
    def replaces(self) -> sa.ColumnElement[bool]:
        """Rows that take the place of the stored one."""
        pair = self.table.c
        again = sa.and_(self.own, sa.or_(pair.differs == 1, pair.rescored == 1))
        return sa.or_(again, self._newer_and_other) if self.update else again


_MODEL = sa.bindparam("model_id", type_=annual_predictions.c.model_id.type)


def as_number(condition: sa.ColumnElement[bool]) -> sa.Case[Any]:
    """A condition as 1 or 0: T-SQL has no column of truth values."""
    return sa.case((condition, sa.literal_column("1")), else_=sa.literal_column("0"))


def _differing(stage: sa.Table) -> sa.ColumnElement[bool]:
    """Whether any ratio differs; missing equals missing.

    IS DISTINCT FROM would say the same, but came with SQL Server 2022 only.
    """
    p, s = annual_predictions.c, stage.c
    return sa.or_(
        *(
            sa.or_(
                p[name] != s[name],
                sa.and_(p[name].is_(None), s[name].is_not(None)),
                sa.and_(p[name].is_not(None), s[name].is_(None)),
            )
            for name in RATIOS
        )
    )


def _earlier() -> sa.Subquery:
    """Keys that known uploads stored before; ``was_update`` is 1 for replacements."""
    h = annual_prediction_history.c
    known = sa.select(NUMBERS.c.upload_id).where(NUMBERS.c.known == 1)
    keys = [h[name] for name in STORED_KEY]
    replaced = sa.select(
        h.replaced_by_upload_id.label("upload_id"),
        *keys,
        sa.literal_column("1").label("was_update"),
    ).where(h.reason == "update", h.replaced_by_upload_id.in_(known))
    superseded = sa.select(
        h.upload_id, *keys, sa.literal_column("0").label("was_update")
    ).where(h.upload_id.in_(known))
    all_of_them = sa.union_all(replaced, superseded).subquery("kept")
    # A key can have been superseded after it was an update: the update counts.
    names = ("upload_id", *STORED_KEY)
    grouped = [all_of_them.c[name] for name in names]
    return (
        sa.select(*grouped, sa.func.max(all_of_them.c.was_update).label("was_update"))
        .group_by(*grouped)
        .subquery("earlier")
    )
