"""The statements of a publishing transaction, compiled once from the tables.

The process that loads in bulk holds no SQLAlchemy, so it is handed finished texts
with positional parameters. What comes from people is never part of a text. The whole
numbers of ours that are the same in each row of a load have a place in the text of its
insert (``{model_id:d}``, which takes nothing but an integer): binding them once more
for each row costs a fifth of the insert.
"""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import dialect as sqlite_dialect
from sqlalchemy.schema import CreateIndex, CreateTable, DropIndex, DropTable

from bulk_pipeline.adapters.tables import (
    COUNTS,
    NATURAL_KEY,
    annual_prediction_history,
    annual_predictions,
    companies,
    models,
    uploads,
)
from bulk_pipeline.core.schema import RATIOS

_TEMPORARY = sa.MetaData(schema="temp")
_SCHEMA = sa.table(
    "sqlite_master", *(sa.column(n, sa.String) for n in ("type", "tbl_name", "sql"))
)
_SCORES = ("probability", "risk_level", "confidence")
_NOT_GIVEN = ("id", "withdrawn_at", "load_id", *COUNTS)
_REPLACEMENT = ("replaced_at", "replaced_by_upload_id", "reason")
VALUE_COLUMNS = (*RATIOS, *_SCORES, "model_id", "upload_id")
SAME_IN_ALL_ROWS = ("model_id", "created_at", "updated_at")
PREDICTION_COLUMNS = tuple(c.name for c in annual_predictions.c if c.name != "id")

wanted = sa.Table("wanted", _TEMPORARY, sa.Column("symbol", companies.c.symbol.type))
replacing = sa.Table(
    "replacing",
    _TEMPORARY,
    sa.Column("prediction_id", sa.Integer, primary_key=True),
    *(sa.Column(name, annual_predictions.c[name].type) for name in VALUE_COLUMNS),
    sa.Column("reason", sa.Unicode(20)),
)


def _receipt_statements() -> dict[str, sa.ClauseElement]:
    """Statements about models and receipts."""
    u, one = uploads.c, sa.bindparam
    zero: sa.ColumnClause[int] = sa.literal_column("0")
    return {
        "model_id": sa.select(models.c.id).where(models.c.sha256 == one("sha256")),
        "insert_model": models.insert().values(
            {n: one(n) for n in ("name", "sha256", "kind", "document", "created_at")}
        ),
        "receipt": sa.select(u.id, u.withdrawn_at).where(
            u.upload_key == one("upload_key")
        ),
        "insert_receipt": uploads.insert().values(
            {n.name: one(n.name) for n in u if n.name not in _NOT_GIVEN}
            | dict.fromkeys(COUNTS, zero)
        ),
        "update_receipt": uploads.update()
        .where(u.id == one("upload_id"))
        .values({n: one(n) for n in (*COUNTS, "model_id", "last_loaded_at")}),
        "upload_key": sa.select(u.upload_key).where(u.id == one("upload_id")),
    }


def _row_statements() -> dict[str, sa.ClauseElement]:
    p, h = annual_predictions.c, annual_prediction_history.c
    one = sa.bindparam
    zero: sa.ColumnClause[int] = sa.literal_column("0")
    # A ratio column may be all null; the driver guesses a column's type from its
    # first rows, and infinity (never stored, by constraint) keeps it a float.
    never_stored: sa.ColumnClause[float] = sa.literal_column("9e999")
    ratios = [sa.func.ifnull(p[name], never_stored).label(name) for name in RATIOS]
    key = (p.company_id, p.reporting_year, p.reporting_quarter)
    of_wanted = sa.select(companies.c.id).join(
        wanted, wanted.c.symbol == companies.c.symbol
    )
    history_key = (h.company_id, h.reporting_year, h.reporting_quarter)
    kept = [p[name] for name in PREDICTION_COLUMNS]
    return {
        "create_wanted": CreateTable(wanted),
        "drop_wanted": DropTable(wanted),
        "company_ids": sa.select(companies.c.symbol, companies.c.id).join(
            wanted, wanted.c.symbol == companies.c.symbol
        ),
        "stored": sa.select(p.id, p.upload_id, p.model_id, *key, *ratios).where(
            p.company_id.in_(of_wanted)
        ),
        "superseded": sa.select(*history_key).where(h.upload_id == one("upload_id")),
        "replaced": sa.select(*history_key).where(
            h.replaced_by_upload_id == one("upload_id"), h.reason == one("reason")
        ),
        "last_id": sa.select(sa.func.coalesce(sa.func.max(p.id), zero)),
        "count_all_new": sa.select(sa.func.count()).where(p.id > one("last_id")),
        "count_new": sa.select(p.upload_id, sa.func.count())
        .where(p.id > one("last_id"))
        .group_by(p.upload_id),
        "insert_wanted": wanted.insert().values(symbol=one("symbol")),
        "insert_replacing": replacing.insert().values(
            {column.name: one(column.name) for column in replacing.c}
        ),
        "insert_annual_predictions": annual_predictions.insert().values(
            {name: one(name) for name in PREDICTION_COLUMNS}
            | {n: sa.literal_column(f"{{{n}:d}}") for n in SAME_IN_ALL_ROWS}
        ),
        "create_replacing": CreateTable(replacing),
        "drop_replacing": DropTable(replacing),
        "keep_history": annual_prediction_history.insert().from_select(
            ["prediction_id", *PREDICTION_COLUMNS, *_REPLACEMENT],
            sa.select(
                p.id, *kept, one("now"), replacing.c.upload_id, replacing.c.reason
            ).join(replacing, replacing.c.prediction_id == p.id),
        ),
        "replace": annual_predictions.update()
        .where(p.id == replacing.c.prediction_id)
        .values({name: replacing.c[name] for name in VALUE_COLUMNS})
        .values(updated_at=one("now")),
        "changes": sa.select(sa.func.changes()),
    }


def _key_statements() -> dict[str, sa.ClauseElement]:
    """Statements about the index that keeps the natural key."""
    return {
        "in_schema": sa.select(_SCHEMA.c.type, _SCHEMA.c.sql).where(
            _SCHEMA.c.tbl_name == sa.bindparam("table")
        ),
        "drop_key": DropIndex(NATURAL_KEY),
        "create_key": CreateIndex(NATURAL_KEY),
    }


def compiled_statements() -> dict[str, dict[str, Any]]:
    """Each statement as ``{"sql": text, "parameters": names in order}``."""
    dialect = sqlite_dialect(paramstyle="qmark")
    made = {}
    statements = _receipt_statements() | _row_statements() | _key_statements()
    for name, statement in statements.items():
        compiled = statement.compile(dialect=dialect)
        order = list(getattr(compiled, "positiontup", None) or ())
        made[name] = {"sql": str(compiled), "parameters": order}
    return made
