"""The columns of an input file: the one source of names, synonyms, units, limits.

Readers, cleaning, tables, templates and documents take their columns from here.
Nothing here reads a file or knows a database.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from bulk_pipeline.core.errors import MissingColumns


class Unit(StrEnum):
    """What a cell of a column holds."""

    TEXT = "text"
    YEAR = "year"
    QUARTER = "quarter"
    MONEY = "number as supplied"
    PERCENT = "percent number: 24.111 is 24.111 %"
    MULTIPLE = "multiple"


@dataclass(frozen=True, slots=True)
class Column:
    """One column of an input file.

    Attributes:
        name: our name, in snake case; also the name of the database column.
        unit: what a cell holds.
        synonyms: other headers in use; case, blanks and ``_ - / . ( ) %`` in a
            header do not matter.
        needed: whether a file without this column is refused.
        description: one line for an analyst.
        max_length: longest text, in characters, after trimming.
        plausible: lowest and highest value that real accounts show often enough to
            be believed; outside it a row is counted, never rejected.
    """

    name: str
    unit: Unit
    synonyms: tuple[str, ...]
    needed: bool
    description: str
    max_length: int | None = None
    plausible: tuple[float, float] | None = None


SYMBOL = Column(
    "company_symbol",
    Unit.TEXT,
    ("stock_symbol", "symbol", "ticker", "stock"),
    needed=True,
    description="Stock symbol; stored trimmed and in upper case.",
    max_length=20,
)
NAME = Column(
    "company_name",
    Unit.TEXT,
    ("name", "company"),
    needed=True,
    description="Name of the company.",
    max_length=255,
)
SECTOR = Column(
    "sector",
    Unit.TEXT,
    ("industry", "gics_sector"),
    needed=False,
    description="Sector of the company.",
    max_length=100,
)
MARKET_CAP = Column(
    "market_cap",
    Unit.MONEY,
    ("market_capitalization", "mkt_cap"),
    needed=False,
    description="Market value as supplied; files disagree on the unit.",
)
YEAR = Column(
    "reporting_year",
    Unit.YEAR,
    ("year", "fiscal_year", "fy"),
    needed=True,
    description="Year of the accounts, four digits, 1900 to next year.",
)
QUARTER = Column(
    "reporting_quarter",
    Unit.QUARTER,
    ("quarter", "fiscal_quarter"),
    needed=False,
    description="Q1 to Q4, or FY for a whole year.",
)
RATIO_COLUMNS = (
    Column(
        "long_term_debt_to_total_capital",
        Unit.PERCENT,
        (
            "long-term debt / total capital (%)",
            "lt_debt_to_capital",
            "ltd_to_capital",
        ),
        needed=True,
        description="Long-term debt as a share of total capital.",
        plausible=(0.0, 100.0),
    ),
    Column(
        "total_debt_to_ebitda",
        Unit.MULTIPLE,
        ("total debt / ebitda", "debt_to_ebitda"),
        needed=True,
        description="Total debt over EBITDA.",
    ),
    Column(
        "net_income_margin",
        Unit.PERCENT,
        ("net income margin (%)", "net_margin"),
        needed=True,
        description="Net income as a share of revenue; may be negative.",
        plausible=(-100.0, 100.0),
    ),
    Column(
        "ebit_to_interest_expense",
        Unit.MULTIPLE,
        ("ebit / interest expense", "interest_coverage"),
        needed=True,
        description="EBIT over interest expense.",
    ),
    Column(
        "return_on_assets",
        Unit.PERCENT,
        ("return on assets (%)", "roa"),
        needed=True,
        description="Net income as a share of total assets.",
        plausible=(-100.0, 100.0),
    ),
)
INPUT_COLUMNS = (SYMBOL, NAME, SECTOR, MARKET_CAP, YEAR, QUARTER, *RATIO_COLUMNS)
RATIOS = tuple(column.name for column in RATIO_COLUMNS)
PERCENT_RATIOS = tuple(c.name for c in RATIO_COLUMNS if c.unit is Unit.PERCENT)
QUARTERS = ("Q1", "Q2", "Q3", "Q4", "FY")
FIRST_YEAR = 1900
PLACEHOLDER = 100_000_000.0
"""A number that suppliers write where they have none; real files hold it exactly."""
FRACTION_LIMIT = 1.5
"""Percent ratios that all lie within plus or minus this look like fractions."""
LAST_YEAR = 2155
"""Latest year that a table can hold: the year code of a key has 256 values."""
STORED_RANGES: dict[str, tuple[float, float]] = {
    YEAR.name: (FIRST_YEAR, LAST_YEAR),
    **dict.fromkeys(RATIOS, (-sys.float_info.max, sys.float_info.max)),
    "probability": (0.0, 1.0),
    "confidence": (0.5, 1.0),
}
"""Lowest and highest stored value of a column, null apart; no infinity passes."""
KEY = (SYMBOL.name, YEAR.name, QUARTER.name)
"""The natural key of a row before its company has a database id."""

_NOISE = str.maketrans("", "", " \t\r\n\u00a0_-/.()%")


def folded(header: str) -> str:
    """A header as it is compared: lower case, without blanks and ``_ - / . ( ) %``."""
    return header.translate(_NOISE).lower()


_KNOWN = {
    folded(text): column.name
    for column in INPUT_COLUMNS
    for text in (column.name, *column.synonyms)
}


def known_columns(header: Sequence[str]) -> int:
    """How many distinct columns of ours a row of header texts names."""
    return len({_KNOWN[folded(text)] for text in header if folded(text) in _KNOWN})


@dataclass(frozen=True, slots=True)
class HeaderMatch:
    """Which position of a file's header holds which column of ours.

    Attributes:
        positions: our column name → position in the header, from 0.
        ignored: header texts that are none of our columns, in file order.
    """

    positions: dict[str, int]
    ignored: tuple[str, ...]


def match_header(header: Sequence[str]) -> HeaderMatch:
    """Find our columns in a file's header.

    Args:
        header: texts as they stand in the file, in order.

    Returns:
        Every needed column and the optional ones that are there.

    Raises:
        MissingColumns: a needed column is absent, or two headers mean the same
            column; names them and lists the header found.
    """
    positions: dict[str, int] = {}
    ignored = []
    for position, text in enumerate(header):
        name = _KNOWN.get(folded(text))
        if name is None:
            ignored.append(text)
        elif name in positions:
            raise MissingColumns(
                f"Two columns mean {name}: {header[positions[name]]!r} and {text!r}. "
                "Remove or rename one of them."
            )
        else:
            positions[name] = position
    missing = [c.name for c in INPUT_COLUMNS if c.needed and c.name not in positions]
    if missing:
        found = ", ".join(repr(text) for text in header) or "nothing"
        raise MissingColumns(
            f"Needed columns are missing: {', '.join(missing)}. The header has: "
            f"{found}. Add them (a column may be empty) or rename what is there."
        )
    return HeaderMatch(positions, tuple(ignored))
