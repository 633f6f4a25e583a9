"""Rows that repeat a key of their own upload: the first one counts.

The key is (company symbol, year, quarter). A later row with the same key is a
duplicate, and a conflicting one where any ratio differs from the row that counts.
"""

import polars as pl

from bulk_pipeline.core.cleaning import ROW_SCHEMA
from bulk_pipeline.core.schema import FIRST_YEAR, KEY, QUARTER, RATIOS, SYMBOL, YEAR

YEAR_SPAN = 256
QUARTER_SPAN = 8


def period_code() -> pl.Expr:
    """Year and quarter of a row as one small integer, in order of time."""
    year = pl.col(YEAR.name).cast(pl.Int64) - FIRST_YEAR
    return year * QUARTER_SPAN + pl.col(QUARTER.name).to_physical().cast(pl.Int64)


def in_file_duplicates(rows: pl.DataFrame) -> pl.DataFrame:
    """Find the rows that repeat an earlier key of the same upload.

    Args:
        rows: n rows in batch order with ``upload`` (its number in the batch),
            ``line``, the key columns and the ratios.

    Returns:
        One row per duplicate: ``row`` and ``kept`` (positions in ``rows``, from 0, of
        the duplicate and of the row that counts).
    """
    symbols = pl.col(SYMBOL.name).cast(pl.Categorical).to_physical().cast(pl.Int64)
    # Polars numbers all symbols that the process holds, so a code can exceed n.
    company = pl.col("upload").cast(pl.Int64) * (symbols.max() + 1) + symbols
    keys = rows.select(key=company * YEAR_SPAN * QUARTER_SPAN + period_code())
    first = keys["key"].is_first_distinct()
    if first.all():
        return pl.DataFrame(schema={"row": pl.Int64, "kept": pl.Int64})
    placed = keys.with_row_index("row").with_columns(pl.col("row").cast(pl.Int64))
    kept = placed.filter(first).rename({"row": "kept"})
    repeated = placed.filter(~first)
    return repeated.join(kept, on="key", maintain_order="left").select("row", "kept")


def differing(ours: str = "{}", theirs: str = "{}_kept") -> pl.Expr:
    """Whether any ratio of a row differs from its counterpart; missing equals missing.

    Args:
        ours: how a ratio's column is named, with ``{}`` for the ratio.
        theirs: the same for the counterpart.
    """
    return pl.any_horizontal(
        pl.col(ours.format(name)).ne_missing(pl.col(theirs.format(name)))
        for name in RATIOS
    )


CONFLICT_SCHEMA: dict[str, pl.DataType] = {
    "upload": pl.Int64(),
    "line": pl.Int64(),
    "kept_line": pl.Int64(),
    "kept_upload": pl.String(),
    **{name: ROW_SCHEMA[name] for name in KEY},
    **{name: pl.Float64() for name in RATIOS},
    **{f"{name}_kept": pl.Float64() for name in RATIOS},
}
"""A conflicting duplicate with both sets of values.

``kept_line`` is the line of the row that counts where it is in the same file, and
``kept_upload`` the key of the upload that stored it where it is in the database.
"""


def conflicts(rows: pl.DataFrame, duplicates: pl.DataFrame) -> pl.DataFrame:
    """The duplicates whose ratios differ from the row that counts.

    Args:
        rows: as for ``in_file_duplicates``.
        duplicates: what that function returned for them.

    Returns:
        ``CONFLICT_SCHEMA`` plus ``row``, one row per conflict, in row order.
    """
    seen = rows.select("upload", "line", *KEY, *RATIOS)
    ours = seen[duplicates["row"]]
    kept = seen[duplicates["kept"]].select(
        pl.col("line").alias("kept_line"),
        pl.col(*RATIOS).name.suffix("_kept"),
    )
    pairs = pl.concat([duplicates.select("row"), ours, kept], how="horizontal")
    return pairs.filter(differing()).select(
        "row",
        *(
            pl.lit(None, dtype=pl.String).alias(name)
            if name == "kept_upload"
            else pl.col(name).cast(kind)
            for name, kind in CONFLICT_SCHEMA.items()
        ),
    )
