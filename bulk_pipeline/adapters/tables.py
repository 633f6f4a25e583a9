"""Every table of the target database as SQLAlchemy objects.

SQL is built from these objects and nowhere written as text.

On SQL Server the growing id is the clustered key: rows are appended to the last page
and none is split. (Clustered by company and period, each new year of accounts would go
between older rows, a page split for every few companies. Everybody appending to one
page is no contention, since one load at a time publishes.) The natural key is a unique
nonclustered index of 12 bytes, in whose order a load's sorted rows arrive.
"""

from typing import Any

import sqlalchemy as sa

from bulk_pipeline.adapters.column_types import (
    UtcMoment,
    code,
    document,
    identity,
    number,
    own_identity,
    user_identity,
    user_text,
    word,
)
from bulk_pipeline.adapters.table_rules import finite, one_of, within
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

SCHEMA_VERSION = 2

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
    }
)


def _id_column() -> sa.Column[int]:
    return sa.Column("id", identity(), primary_key=True, autoincrement=True)


def _ratio_columns() -> list[sa.Column[float]]:
    """The five ratios; no default, since a default would fill a missing ratio."""
    return [sa.Column(name, number(), nullable=True) for name in RATIOS]


def _score_columns() -> list[sa.Column[Any]]:
    return [
        sa.Column("probability", number(), nullable=False),
        sa.Column("risk_level", word(8), nullable=False),
        sa.Column("confidence", number(), nullable=False),
    ]


companies = sa.Table(
    "companies",
    metadata,
    _id_column(),
    sa.Column(
        "symbol", user_identity(SYMBOL.max_length or 0), nullable=False, unique=True
    ),
    sa.Column("name", user_text(NAME.max_length or 0), nullable=False),
    sa.Column("sector", user_text(SECTOR.max_length or 0)),
    sa.Column("market_cap", number()),
    sa.Column("created_at", UtcMoment, nullable=False),
    sa.Column("updated_at", UtcMoment, nullable=False),
    finite(MARKET_CAP.name),
)

models = sa.Table(
    "models",
    metadata,
    _id_column(),
    sa.Column("name", user_text(200), nullable=False),
    sa.Column("sha256", code(64), nullable=False, unique=True),
    sa.Column("kind", word(20), nullable=False),
    sa.Column("document", document()),
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
    _id_column(),
    sa.Column("upload_key", own_identity(100), nullable=False, unique=True),
    sa.Column("batch_key", own_identity(200), nullable=False),
    sa.Column("home_id", code(32), nullable=False),
    sa.Column("file_name", user_text(255), nullable=False),
    sa.Column("sha256", code(64), nullable=False, index=True),
    sa.Column("options", user_text(500), nullable=False),
    sa.Column("model_id", sa.ForeignKey(models.c.id), nullable=False),
    *(sa.Column(name, sa.BigInteger, nullable=False, default=0) for name in COUNTS),
    sa.Column("first_loaded_at", UtcMoment, nullable=False),
    sa.Column("last_loaded_at", UtcMoment, nullable=False),
    sa.Column("withdrawn_at", UtcMoment),
    sa.Column("load_id", code(32)),
    sqlite_autoincrement=True,
)
"""Receipts: a load counts because its row is here, written in the same transaction.

``withdrawn_at`` says that none of the upload's rows are stored any more. ``load_id``
names the publishing attempt that wrote the receipt last, so that after a commit whose
answer was lost its loader can ask whether it happened; null where a loader cannot lose
an answer.
"""

_NATURAL_KEY = ("company_id", YEAR.name, QUARTER.name)


def _natural_key_of_sqlserver() -> sa.UniqueConstraint:
    """The constraint that ``NATURAL_KEY`` stands for on SQLite."""
    key = sa.UniqueConstraint(*_NATURAL_KEY)
    key.ddl_if(dialect="mssql")
    return key


annual_predictions = sa.Table(
    "annual_predictions",
    metadata,
    _id_column(),
    sa.Column("company_id", sa.ForeignKey(companies.c.id), nullable=False),
    sa.Column(YEAR.name, sa.SmallInteger, nullable=False),
    sa.Column(QUARTER.name, code(2), nullable=False),
    *_ratio_columns(),
    *_score_columns(),
    sa.Column("model_id", sa.ForeignKey(models.c.id), nullable=False),
    sa.Column("upload_id", sa.ForeignKey(uploads.c.id), nullable=False),
    sa.Column("created_at", UtcMoment, nullable=False),
    sa.Column("updated_at", UtcMoment, nullable=False),
    _natural_key_of_sqlserver(),
    one_of(QUARTER.name, ("Q4", *QUARTERS), name="quarter"),
    *(within(name, *limits) for name, limits in STORED_RANGES.items()),
)

NATURAL_KEY = sa.Index(
    "uq_annual_predictions_company_id",
    *(annual_predictions.c[name] for name in _NATURAL_KEY),
    unique=True,
).ddl_if(dialect="sqlite")
"""The natural key on SQLite: an index with a name, which a large load builds last.

Files that older versions made have a constraint in its place, which SQLite cannot drop;
they load as they did.
"""

# Finds the rows of a year that another model scored without reading the rows; the model
# is included and no part of the key, so that a new score moves no entry. SQLite goes by
# way of the companies and the natural key's index, which costs its loads nothing.
sa.Index(None, annual_predictions.c[YEAR.name], mssql_include=["model_id"]).ddl_if(
    dialect="mssql"
)

annual_prediction_history = sa.Table(
    "annual_prediction_history",
    metadata,
    _id_column(),
    sa.Column("prediction_id", sa.BigInteger, nullable=False, index=True),
    sa.Column("company_id", sa.ForeignKey(companies.c.id), nullable=False),
    sa.Column(YEAR.name, sa.SmallInteger, nullable=False),
    sa.Column(QUARTER.name, code(2), nullable=False),
    *_ratio_columns(),
    *_score_columns(),
    sa.Column("model_id", sa.ForeignKey(models.c.id), nullable=False),
    sa.Column("upload_id", sa.ForeignKey(uploads.c.id), nullable=False, index=True),
    sa.Column("created_at", UtcMoment, nullable=False),
    sa.Column("updated_at", UtcMoment, nullable=False),
    sa.Column("replaced_at", UtcMoment, nullable=False),
    sa.Column("replaced_by_upload_id", sa.ForeignKey(uploads.c.id), index=True),
    sa.Column("reason", word(20), nullable=False),
)
"""What was replaced or withdrawn: the row as it stood, when, by what, and why.

``replaced_by_upload_id`` is null where no upload did it: a new score, a withdrawal.
"""

run_metrics = sa.Table(
    "run_metrics",
    metadata,
    _id_column(),
    sa.Column("batch_key", own_identity(200), nullable=False),
    sa.Column("run_id", own_identity(64), nullable=False),
    sa.Column("finished_at", UtcMoment, nullable=False),
    *(sa.Column(name, sa.BigInteger, nullable=False) for name in COUNTS),
    sa.Column("rows_written", sa.BigInteger, nullable=False),
    sa.Column("seconds", number(), nullable=False),
    *(
        sa.Column(f"{stage}_seconds", number(), nullable=False)
        for stage in ("read", "clean", "companies", "score", "duplicates", "load")
    ),
    sa.Column("rows_per_second", number(), nullable=False),
    sa.Column("tier", word(10), nullable=False),
    sa.Column("peak_memory_bytes", sa.BigInteger, nullable=False),
    sa.Column("cpu_percent", number(), nullable=False),
)

schema_version = sa.Table(
    "schema_version",
    metadata,
    sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("applied_at", UtcMoment, nullable=False),
)
