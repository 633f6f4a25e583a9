"""Every table of the target database as SQLAlchemy objects.

SQL is built from these objects and nowhere written as text. Timestamps are stored as
UTC microseconds since 1970 by every writer, because drivers write different texts for
the same moment and comparisons of texts then lie.
"""

import sys
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.types import TypeDecorator

from bulk_pipeline.core.schema import (
    MARKET_CAP,
    NAME,
    QUARTER,
    QUARTERS,
    RATIOS,
    SECTOR,
    STORED_RANGES,
    SYMBOL,
    YEAR,
)

SCHEMA_VERSION = 1
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class UtcMoment(TypeDecorator[datetime]):
    """An aware datetime, kept as whole microseconds since 1970 in UTC."""

    impl = sa.BigInteger
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: sa.Dialect) -> int | None:
        del dialect  # one form on every database is the point
        if value is None or isinstance(value, int):
            return value
        return int((value - _EPOCH) / timedelta(microseconds=1))

    def process_result_value(self, value: Any, dialect: sa.Dialect) -> datetime | None:
        del dialect
        return None if value is None else _EPOCH + timedelta(microseconds=value)


metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
    }
)


def _identity() -> sa.Column[int]:
    """A growing integer key; SQLite numbers rows itself only in an INTEGER column."""
    kind = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    return sa.Column("id", kind, primary_key=True, autoincrement=True)


def _text(length: int) -> sa.Unicode:
    return sa.Unicode(length)


def _ratio_columns() -> list[sa.Column[float]]:
    """The five ratios; no default, since a default would fill a missing ratio."""
    return [sa.Column(name, sa.Float(53), nullable=True) for name in RATIOS]


def _score_columns() -> list[sa.Column[Any]]:
    return [
        sa.Column("probability", sa.Float(53), nullable=False),
        sa.Column("risk_level", _text(8), nullable=False),
        sa.Column("confidence", sa.Float(53), nullable=False),
    ]


def _one_of(name: str, texts: Iterable[str]) -> sa.ColumnElement[bool]:
    """Equal to one of these; SQLite takes 1.8 us a row longer for the same as IN."""
    return sa.or_(*(sa.column(name) == text for text in dict.fromkeys(texts)))


def _within(name: str, lowest: float, highest: float) -> sa.CheckConstraint:
    """A value between two, both included; a missing one passes."""
    return sa.CheckConstraint(sa.column(name).between(lowest, highest), name=name)


companies = sa.Table(
    "companies",
    metadata,
    _identity(),
    sa.Column("symbol", _text(SYMBOL.max_length or 0), nullable=False, unique=True),
    sa.Column("name", _text(NAME.max_length or 0), nullable=False),
    sa.Column("sector", _text(SECTOR.max_length or 0)),
    sa.Column("market_cap", sa.Float(53)),
    sa.Column("created_at", UtcMoment, nullable=False),
    sa.Column("updated_at", UtcMoment, nullable=False),
    _within(MARKET_CAP.name, -sys.float_info.max, sys.float_info.max),
)

models = sa.Table(
    "models",
    metadata,
    _identity(),
    sa.Column("name", _text(200), nullable=False),
    sa.Column("sha256", sa.CHAR(64), nullable=False, unique=True),
    sa.Column("kind", _text(20), nullable=False),
    sa.Column("document", sa.UnicodeText),
    sa.Column("created_at", UtcMoment, nullable=False),
)

COUNTS = (
    "rows_read",
    "inserted",
    "updated",
    "duplicates",
    "duplicates_conflicting",
    "rejected",
)
"""The outcome counts of an upload; conflicting ones are among the duplicates."""

uploads = sa.Table(
    "uploads",
    metadata,
    _identity(),
    sa.Column("upload_key", _text(100), nullable=False, unique=True),
    sa.Column("batch_key", _text(200), nullable=False),
    sa.Column("home_id", sa.CHAR(32), nullable=False),
    sa.Column("file_name", _text(255), nullable=False),
    sa.Column("sha256", sa.CHAR(64), nullable=False, index=True),
    sa.Column("options", _text(500), nullable=False),
    sa.Column("model_id", sa.ForeignKey(models.c.id), nullable=False),
    *(sa.Column(name, sa.BigInteger, nullable=False, default=0) for name in COUNTS),
    sa.Column("first_loaded_at", UtcMoment, nullable=False),
    sa.Column("last_loaded_at", UtcMoment, nullable=False),
    sa.Column("withdrawn_at", UtcMoment),
    sqlite_autoincrement=True,
)
"""Receipts: a load counts because its row is here, written in the same transaction.

``withdrawn_at`` says that none of the upload's rows are stored any more.
"""

annual_predictions = sa.Table(
    "annual_predictions",
    metadata,
    _identity(),
    sa.Column("company_id", sa.ForeignKey(companies.c.id), nullable=False),
    sa.Column(YEAR.name, sa.SmallInteger, nullable=False),
    sa.Column(QUARTER.name, sa.CHAR(2), nullable=False),
    *_ratio_columns(),
    *_score_columns(),
    sa.Column("model_id", sa.ForeignKey(models.c.id), nullable=False),
    sa.Column("upload_id", sa.ForeignKey(uploads.c.id), nullable=False),
    sa.Column("created_at", UtcMoment, nullable=False),
    sa.Column("updated_at", UtcMoment, nullable=False),
    sa.UniqueConstraint("company_id", YEAR.name, QUARTER.name),
    sa.CheckConstraint(_one_of(QUARTER.name, ("Q4", *QUARTERS)), name="quarter"),
    *(_within(name, *limits) for name, limits in STORED_RANGES.items()),
)

annual_prediction_history = sa.Table(
    "annual_prediction_history",
    metadata,
    _identity(),
    sa.Column("prediction_id", sa.BigInteger, nullable=False, index=True),
    sa.Column("company_id", sa.ForeignKey(companies.c.id), nullable=False),
    sa.Column(YEAR.name, sa.SmallInteger, nullable=False),
    sa.Column(QUARTER.name, sa.CHAR(2), nullable=False),
    *_ratio_columns(),
    *_score_columns(),
    sa.Column("model_id", sa.ForeignKey(models.c.id), nullable=False),
    sa.Column("upload_id", sa.ForeignKey(uploads.c.id), nullable=False, index=True),
    sa.Column("created_at", UtcMoment, nullable=False),
    sa.Column("updated_at", UtcMoment, nullable=False),
    sa.Column("replaced_at", UtcMoment, nullable=False),
    sa.Column("replaced_by_upload_id", sa.ForeignKey(uploads.c.id), index=True),
    sa.Column("reason", _text(20), nullable=False),
)
"""What was replaced or withdrawn: the row as it stood, when, by what, and why.

``replaced_by_upload_id`` is null where no upload did it: a new score, a withdrawal.
"""

run_metrics = sa.Table(
    "run_metrics",
    metadata,
    _identity(),
    sa.Column("batch_key", _text(200), nullable=False),
    sa.Column("run_id", _text(64), nullable=False),
    sa.Column("finished_at", UtcMoment, nullable=False),
    *(sa.Column(name, sa.BigInteger, nullable=False) for name in COUNTS),
    sa.Column("rows_written", sa.BigInteger, nullable=False),
    sa.Column("seconds", sa.Float(53), nullable=False),
    *(
        sa.Column(f"{stage}_seconds", sa.Float(53), nullable=False)
        for stage in ("read", "clean", "companies", "score", "duplicates", "load")
    ),
    sa.Column("rows_per_second", sa.Float(53), nullable=False),
    sa.Column("tier", _text(10), nullable=False),
    sa.Column("peak_memory_bytes", sa.BigInteger, nullable=False),
    sa.Column("cpu_percent", sa.Float(53), nullable=False),
)

schema_version = sa.Table(
    "schema_version",
    metadata,
    sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("applied_at", UtcMoment, nullable=False),
)
