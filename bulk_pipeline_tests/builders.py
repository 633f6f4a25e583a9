"""Small builders that tests of several modules share."""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bulk_pipeline.core.schema import INPUT_COLUMNS

HEADER = tuple(column.name for column in INPUT_COLUMNS)

ROW: Mapping[str, str] = {
    "company_symbol": "HPE",
    "company_name": "Hewlett Packard Enterprise Company",
    "sector": "Technology",
    "market_cap": "100000",
    "reporting_year": "2012",
    "reporting_quarter": "Q4",
    "long_term_debt_to_total_capital": "24.111",
    "total_debt_to_ebitda": "2.057",
    "net_income_margin": "-24.182",
    "ebit_to_interest_expense": "74.333",
    "return_on_assets": "3.711",
}
"""One good row as a file holds it."""


def rows_of(symbols: Sequence[str], years: Sequence[int]) -> list[dict[str, str]]:
    """One good row per symbol and year."""
    return [
        {**ROW, "company_symbol": symbol, "reporting_year": str(year)}
        for symbol in symbols
        for year in years
    ]


def write_csv(
    path: Path, rows: Sequence[Mapping[str, Any]], header: Sequence[str] = HEADER
) -> Path:
    """A CSV file with these rows under this header; returns its path."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, header, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)
    return path
