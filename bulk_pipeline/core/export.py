"""What leaves in files for people: its columns, and cells that no spreadsheet runs."""

import polars as pl

from bulk_pipeline.core.periods import QUARTER
from bulk_pipeline.core.risk import LEVEL_TYPE
from bulk_pipeline.core.schema import (
    INPUT_COLUMNS,
    MARKET_CAP,
    RATIOS,
    YEAR,
)
from bulk_pipeline.core.schema import QUARTER as QUARTER_COLUMN

STORED_BY = "stored_by"
"""Of an exported upload: ``this upload``, or ``another upload`` that came before."""

_TYPES: dict[str, pl.DataType] = {
    MARKET_CAP.name: pl.Float64(),
    YEAR.name: pl.Int16(),
    QUARTER_COLUMN.name: QUARTER,
    **dict.fromkeys(RATIOS, pl.Float64()),
}
EXPORTED: dict[str, pl.DataType] = {
    **{column.name: _TYPES.get(column.name, pl.String()) for column in INPUT_COLUMNS},
    "probability": pl.Float64(),
    "risk_level": LEVEL_TYPE,
    "confidence": pl.Float64(),
    "model": pl.String(),
    "model_sha256": pl.String(),
    "upload": pl.String(),
    "updated_at": pl.Datetime("us", "UTC"),
}
"""Columns of an export: those of an input file first, so that it can be one again.

``probability`` is a fraction in [0, 1]; ``model`` and ``model_sha256`` are the name and
the hash of what gave it; ``upload`` is the key of the upload whose values are stored;
``updated_at`` is when the row was last written, UTC. Null only in the sector, the
market value and the ratios.
"""

_STARTS_A_FORMULA = r"^[=+\-@\t\r\x00]"
_PLAIN_NUMBER = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$"


def safe_text(cell: pl.Expr) -> pl.Expr:
    """A cell that a spreadsheet shows and never runs.

    A text that starts like a formula gets an apostrophe in front (OWASP ASVS 1.2.10);
    plain numbers stay as they are, so that a corrected file can be loaded again.
    """
    risky = cell.str.contains(_STARTS_A_FORMULA) & ~cell.str.contains(_PLAIN_NUMBER)
    return pl.when(risky).then(pl.concat_str(pl.lit("'"), cell)).otherwise(cell)
