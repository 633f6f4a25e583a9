"""Exported files as tests read them back, value by value."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import openpyxl
import polars as pl
from openpyxl.utils.escape import unescape

from bulk_pipeline.core.export import EXPORTED, STORED_BY

STORED = """
SELECT c.symbol, c.name, c.sector, c.market_cap, p.reporting_year, p.reporting_quarter,
 p.long_term_debt_to_total_capital, p.total_debt_to_ebitda, p.net_income_margin,
 p.ebit_to_interest_expense, p.return_on_assets, p.probability, p.risk_level,
 p.confidence, m.name, m.sha256, u.upload_key
FROM annual_predictions p JOIN companies c ON c.id = p.company_id
 JOIN models m ON m.id = p.model_id JOIN uploads u ON u.id = p.upload_id
"""
"""What an export holds, asked of the database by other words; without the moment."""


def read_back(path: Path) -> pl.DataFrame:
    """An exported file with the types of an export, by another reader than ours."""
    if path.suffix == ".parquet":
        return pl.read_parquet(path)
    if path.suffix == ".csv":
        found = pl.read_csv(path, infer_schema=False)
        return found.select(_typed(name, texts=True) for name in found.columns)
    rows: list[Sequence[Any]] = list(
        openpyxl.load_workbook(path).worksheets[0].iter_rows(values_only=True)
    )
    names = [str(name) for name in rows[0]]
    columns = list(zip(*rows[1:], strict=True)) or [()] * len(names)
    pairs = zip(names, columns, strict=True)
    return pl.DataFrame([_column(name, list(values)) for name, values in pairs])


def _typed(name: str, *, texts: bool) -> pl.Expr:
    kind = EXPORTED.get(name, pl.String())
    column = pl.col(name)
    if isinstance(kind, pl.Datetime) and texts:
        return column.str.to_datetime("%Y-%m-%dT%H:%M:%S%.3fZ", time_zone="UTC")
    if isinstance(kind, pl.Enum):
        return column
    return column.cast(kind)


def _column(name: str, values: list[Any]) -> pl.Series:
    """One column of a workbook."""
    kind = EXPORTED.get(name, pl.String())
    if isinstance(kind, pl.Datetime):
        return pl.Series(name, values, dtype=pl.Datetime("us")).dt.replace_time_zone(
            "UTC"
        )
    if isinstance(kind, pl.Float64):
        return pl.Series(name, [None if v is None else float(v) for v in values], kind)
    if isinstance(kind, pl.Int16):
        return pl.Series(name, values, kind)
    return pl.Series(name, [_shown(v) for v in values], pl.String)


def _shown(text: str | None) -> str | None:
    """A text as Excel shows it; openpyxl takes escapes from shared texts alone."""
    return unescape(text) if text and "_x005F_" in text else text


def ordered(rows: Sequence[Sequence[Any]]) -> list[tuple[Any, ...]]:
    """Rows in the order of symbol, year and quarter, Q1 to Q4 and then FY."""
    quarters = ["Q1", "Q2", "Q3", "Q4", "FY"]
    return sorted(
        (tuple(row) for row in rows),
        key=lambda row: (row[0], row[4], quarters.index(row[5])),
    )


def values(frame: pl.DataFrame) -> list[tuple[Any, ...]]:
    """The rows of an export without the moment and without who stored them."""
    return frame.drop("updated_at", STORED_BY, strict=False).rows()
