"""Stored rows with their company, model and upload, some companies at a time.

Companies are read a page at a time and then all their rows: memory holds a page, the
indices of symbol and natural key give the order, and no statement lasts long.
"""

from collections.abc import Generator, Iterator
from contextlib import closing

import polars as pl
import sqlalchemy as sa

from bulk_pipeline.adapters.databases.portions import VALUES_AT_ONCE
from bulk_pipeline.adapters.exporting.keys import Keys
from bulk_pipeline.adapters.exporting.named import Block, Known
from bulk_pipeline.adapters.exporting.sources import Source
from bulk_pipeline.adapters.exporting.wanted import Wanted
from bulk_pipeline.adapters.one_ahead import one_ahead
from bulk_pipeline.adapters.tables import annual_predictions, companies
from bulk_pipeline.core.export import EXPORTED
from bulk_pipeline.core.schema import (
    MARKET_CAP,
    NAME,
    QUARTER,
    RATIOS,
    SECTOR,
    SYMBOL,
    YEAR,
)

_IDS = ("company_id", "model_id", "upload_id")
_STORED = (
    *_IDS,
    YEAR.name,
    QUARTER.name,
    *RATIOS,
    "probability",
    "risk_level",
    "confidence",
    "updated_at",
)
_COMPANY: dict[str, pl.DataType] = {
    "company_id": pl.Int64(),
    SYMBOL.name: pl.String(),
    NAME.name: pl.String(),
    SECTOR.name: pl.String(),
    MARKET_CAP.name: pl.Float64(),
}


def rows_at_most(source: Source, wanted: Wanted) -> int:
    """A number of rows that an export does not exceed."""
    if wanted.keys is not None:
        return wanted.keys.periods.height
    query = sa.select(sa.func.count()).select_from(annual_predictions)
    counted = source.frame(query.where(*wanted.conditions()), {"rows": pl.Int64()})
    return int(counted.item())


def blocks(source: Source, wanted: Wanted, rows_at_once: int) -> Generator[Block]:
    """The wanted rows by symbol, year and quarter.

    Args:
        source: one transaction.
        wanted: which rows.
        rows_at_once: rows of a block, more or less.

    Yields:
        At least one block, which may be empty. To be closed before the source is.
    """
    known = Known.of(source)
    waiting: list[pl.DataFrame] = []
    parts = _parts(source, wanted)
    with closing(one_ahead(parts) if source.apart else parts) as found:
        for part in found:
            waiting.append(part)
            if sum(each.height for each in waiting) >= rows_at_once:
                yield known.block(pl.concat(waiting), wanted)
                waiting = []
    if waiting:
        yield known.block(pl.concat(waiting), wanted)
    else:
        nobody = pl.DataFrame(schema=_COMPANY)
        yield known.block(_rows(source, nobody, wanted), wanted)


def _parts(source: Source, wanted: Wanted) -> Generator[pl.DataFrame]:
    """The wanted rows, page by page."""
    for page, keys in _pages(source, wanted):
        rows = _rows(source, page, wanted)
        yield keys.only(rows) if keys else rows


def _pages(
    source: Source, wanted: Wanted
) -> Iterator[tuple[pl.DataFrame, Keys | None]]:
    """Companies by symbol, and the keys that are wanted of them."""
    c = companies.c
    columns = (c.id, c.symbol, c.name, c.sector, c.market_cap)
    query = sa.select(*columns).order_by(c.symbol)
    if wanted.keys is not None:
        for keys in wanted.keys.parts(VALUES_AT_ONCE):
            some = query.where(c.symbol.in_(keys.symbols.to_list()))
            yield source.frame(some, _COMPANY), keys
        return
    page = source.frame(query.limit(VALUES_AT_ONCE), _COMPANY)
    while not page.is_empty():
        yield page, None
        after = query.where(c.symbol > page[SYMBOL.name][-1])
        page = source.frame(after.limit(VALUES_AT_ONCE), _COMPANY)


def _rows(source: Source, page: pl.DataFrame, wanted: Wanted) -> pl.DataFrame:
    """The wanted rows of a page of companies, with their companies, in order."""
    p = annual_predictions.c
    query = sa.select(*(p[name] for name in _STORED)).where(
        p.company_id.in_(page["company_id"].to_list()), *wanted.conditions()
    )
    types = {name: EXPORTED.get(name, pl.Int64()) for name in _STORED}
    found = source.frame(query, types)
    placed = page.with_row_index("place")
    return found.join(placed, on="company_id").sort("place", YEAR.name, QUARTER.name)
