"""Distinct companies of a file: one row per symbol, the first value that is there."""

from collections.abc import Iterable

import polars as pl

from bulk_pipeline.core.cleaning import ROW_SCHEMA
from bulk_pipeline.core.schema import MARKET_CAP, NAME, SECTOR, SYMBOL

DETAILS = (NAME.name, SECTOR.name, MARKET_CAP.name)
COMPANY_SCHEMA: dict[str, pl.DataType] = {
    **{name: ROW_SCHEMA[name] for name in (SYMBOL.name, *DETAILS)},
    "names_differ": pl.Boolean(),
}
"""Columns of distinct companies; sector and market value may be null."""


def distinct_companies(rows: pl.DataFrame) -> pl.DataFrame:
    """One row per symbol, in order of first appearance.

    Args:
        rows: typed rows of a file, in file order.

    Returns:
        ``COMPANY_SCHEMA``: the first non-null name, sector and market value of each
        symbol, and whether the file gives it more than one name.
    """
    return rows.group_by(SYMBOL.name, maintain_order=True).agg(
        *(pl.col(name).drop_nulls().first() for name in DETAILS),
        names_differ=(pl.col(NAME.name) != pl.col(NAME.name).first()).any(),
    )


def merged_companies(parts: Iterable[pl.DataFrame]) -> pl.DataFrame:
    """Distinct companies of several parts in order, the first value again winning."""
    frames = [pl.DataFrame(schema=COMPANY_SCHEMA), *parts]
    found = pl.concat(frames).group_by(SYMBOL.name, maintain_order=True)
    return found.agg(
        *(pl.col(name).drop_nulls().first() for name in DETAILS),
        names_differ=pl.col("names_differ").any()
        | (pl.col(NAME.name) != pl.col(NAME.name).first()).any(),
    )
