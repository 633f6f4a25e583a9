"""Distinct companies of a file: one row per symbol, the first value that is there."""

from collections.abc import Iterable

import polars as pl

from bulk_pipeline.core.cleaning import ROW_SCHEMA
from bulk_pipeline.core.schema import MARKET_CAP, NAME, SECTOR, SYMBOL

DETAILS = (SECTOR.name, MARKET_CAP.name)
COMPANY_SCHEMA: dict[str, pl.DataType] = {
    **{name: ROW_SCHEMA[name] for name in (SYMBOL.name, NAME.name, *DETAILS)},
    "names_differ": pl.Boolean(),
}
"""Columns of distinct companies; sector and market value may be null."""


def named_companies(rows: pl.DataFrame) -> pl.DataFrame:
    """One row per symbol and name, in order of first appearance.

    Args:
        rows: typed rows of a part of a file, or what this function made of several
            parts, in file order.

    Returns:
        Symbol, name, and the first sector and market value that are there.
    """
    details = (pl.col(name).drop_nulls().first() for name in DETAILS)
    return rows.group_by(SYMBOL.name, NAME.name, maintain_order=True).agg(*details)


def distinct_companies(parts: Iterable[pl.DataFrame]) -> pl.DataFrame:
    """One row per symbol, in order of first appearance.

    Args:
        parts: what ``named_companies`` made of the parts of a batch, in order.

    Returns:
        ``COMPANY_SCHEMA``: the first name, sector and market value of each symbol,
        and whether it has more than one name.
    """
    none = pl.DataFrame(schema=COMPANY_SCHEMA).drop("names_differ")
    found = named_companies(pl.concat([none, *parts]))
    return found.group_by(SYMBOL.name, maintain_order=True).agg(
        pl.col(NAME.name).first(),
        *(pl.col(name).drop_nulls().first() for name in DETAILS),
        names_differ=pl.len() > 1,
    )
