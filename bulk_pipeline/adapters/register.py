"""The register of companies: get or create, set-wise, in one short transaction."""

from datetime import datetime
from typing import Any, Literal

import polars as pl
import sqlalchemy as sa

from bulk_pipeline.adapters.database import Database
from bulk_pipeline.adapters.tables import companies
from bulk_pipeline.core.schema import MARKET_CAP, NAME, SECTOR, SYMBOL

_DETAILS = ("name", "sector", "market_cap")
# Seen or absent, a symbol is ours until the transaction ends, whoever else writes.
_KEEP_LOCKED = "WITH (UPDLOCK, SERIALIZABLE)"
_LONGEST_TEXT = 8000  # bytes of a text within a page of SQL Server


def register_companies(
    database: Database,
    found: pl.DataFrame,
    now: datetime,
    policy: Literal["keep", "overwrite"],
) -> tuple[int, int]:
    """Make sure that every company of a batch is in the register.

    Args:
        database: the target.
        found: distinct companies (``COMPANY_SCHEMA``).
        now: moment written to rows that change, UTC.
        policy: ``keep`` fills blanks of a known company, ``overwrite`` takes every
            value that the file has; a blank never replaces a value.

    Returns:
        How many companies were created and how many were changed. A company that
        stays without predictions does no harm, so this commits on its own.
    """
    if found.is_empty():
        return 0, 0
    rows = found.select(
        symbol=SYMBOL.name,
        name=NAME.name,
        sector=SECTOR.name,
        market_cap=MARKET_CAP.name,
    )

    def change(connection: sa.Connection) -> tuple[int, int]:
        with database.scratch(connection, "seen_companies", _columns()) as scratch:
            scratch.fill(rows)
            seen = scratch.table
            update = _update(seen, policy, connection.dialect)
            changed = connection.execute(update, {"now": now}).rowcount
            created = connection.execute(_insert(seen), {"now": now}).rowcount
        return created, changed

    return database.writing(change)


def _columns() -> list[sa.Column[Any]]:
    """Columns of the batch's companies beside the register."""
    c = companies.c
    return [
        sa.Column("symbol", c.symbol.type, primary_key=True),
        *(sa.Column(name, c[name].type) for name in _DETAILS),
    ]


def _insert(seen: sa.Table) -> sa.Insert:
    moment = sa.bindparam("now", type_=companies.c.created_at.type)
    known = sa.select(companies.c.id).where(companies.c.symbol == seen.c.symbol)
    known = known.with_hint(companies, _KEEP_LOCKED, "mssql")
    new = sa.select(seen, moment, moment.label("updated_at")).where(~sa.exists(known))
    names = ["symbol", *_DETAILS, "created_at", "updated_at"]
    return companies.insert().from_select(names, new)


def _update(
    seen: sa.Table, policy: Literal["keep", "overwrite"], dialect: sa.Dialect
) -> sa.Update:
    order = (seen, companies) if policy == "overwrite" else (companies, seen)
    taken = {n: sa.func.coalesce(order[0].c[n], order[1].c[n]) for n in _DETAILS}
    changes: list[sa.ColumnElement[bool]] = [
        companies.c[n].is_(None) & seen.c[n].is_not(None) for n in _DETAILS
    ]
    if policy == "overwrite":
        changes += [
            _exactly(companies.c[n], dialect) != _exactly(seen.c[n], dialect)
            for n in _DETAILS
        ]
    moment = sa.bindparam("now", type_=companies.c.updated_at.type)
    return (
        companies.update()
        .where(companies.c.symbol == seen.c.symbol, sa.or_(*changes))
        .values(**taken, updated_at=moment)
    )


def _exactly(column: sa.Column[Any], dialect: sa.Dialect) -> sa.ColumnElement[Any]:
    """A value that differs where only its case does, which SQL Server often ignores."""
    if dialect.name == "mssql" and isinstance(column.type, sa.String):
        return sa.cast(column, sa.VARBINARY(_LONGEST_TEXT))
    return column
