"""The register of companies: get or create, set-wise, in one short transaction."""

from datetime import datetime
from typing import Literal

import polars as pl
import sqlalchemy as sa

from bulk_pipeline.adapters.database import Database
from bulk_pipeline.adapters.tables import companies
from bulk_pipeline.core.schema import MARKET_CAP, NAME, SECTOR, SYMBOL

_SEEN = sa.Table(
    "seen_companies",
    sa.MetaData(),
    sa.Column("symbol", companies.c.symbol.type, primary_key=True),
    sa.Column("name", companies.c.name.type),
    sa.Column("sector", companies.c.sector.type),
    sa.Column("market_cap", companies.c.market_cap.type),
    prefixes=["TEMPORARY"],
)
_DETAILS = ("name", "sector", "market_cap")


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
    rows = found.select(SYMBOL.name, NAME.name, SECTOR.name, MARKET_CAP.name).rows()

    def change(connection: sa.Connection) -> tuple[int, int]:
        _SEEN.create(connection, checkfirst=False)
        # Tuples for the driver as they are: a dict for each would double the time.
        insert = _SEEN.insert().compile(connection)
        connection.exec_driver_sql(str(insert), rows)
        changed = connection.execute(_update(policy), {"now": now}).rowcount
        created = connection.execute(_insert(), {"now": now}).rowcount
        _SEEN.drop(connection, checkfirst=False)
        return created, changed

    return database.writing(change)


def _insert() -> sa.Insert:
    moment = sa.bindparam("now", type_=companies.c.created_at.type)
    known = sa.exists().where(companies.c.symbol == _SEEN.c.symbol)
    new = sa.select(_SEEN, moment, moment.label("updated_at")).where(~known)
    names = ["symbol", *_DETAILS, "created_at", "updated_at"]
    return companies.insert().from_select(names, new)


def _update(policy: Literal["keep", "overwrite"]) -> sa.Update:
    order = (_SEEN, companies) if policy == "overwrite" else (companies, _SEEN)
    taken = {n: sa.func.coalesce(order[0].c[n], order[1].c[n]) for n in _DETAILS}
    differs = [companies.c[n].is_distinct_from(taken[n]) for n in _DETAILS]
    moment = sa.bindparam("now", type_=companies.c.updated_at.type)
    return (
        companies.update()
        .where(companies.c.symbol == _SEEN.c.symbol, sa.or_(*differs))
        .values(**taken, updated_at=moment)
    )
