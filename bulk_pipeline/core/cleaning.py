"""Text rows into typed rows and rejects: nothing filled in, nothing skipped.

A row is rejected alone, for the first of its columns (in the order of the schema)
that cannot be a value. What is only implausible stays and is counted elsewhere.
"""

from dataclasses import dataclass

import polars as pl

from bulk_pipeline.core.number_style import NumberStyle
from bulk_pipeline.core.numbers import Numbers, parse_numbers
from bulk_pipeline.core.periods import QUARTER, parse_quarters, parse_years
from bulk_pipeline.core.schema import (
    INPUT_COLUMNS,
    MARKET_CAP,
    NAME,
    PERCENT_RATIOS,
    RATIOS,
    SECTOR,
    SYMBOL,
    YEAR,
    Column,
)
from bulk_pipeline.core.schema import QUARTER as QUARTER_COLUMN
from bulk_pipeline.core.texts import parse_texts

REASONS = {
    "blank": "The cell is blank, and this column needs a value.",
    "too_long": "The text is longer than the column can hold.",
    "control_character": "The text holds a control character or a mark that takes no "
    "space.",
    "not_a_year": "The cell is neither a four-digit year nor a date that has one; "
    "two-digit years and serial numbers of dates are not guessed.",
    "year_out_of_range": "The year lies before 1900 or after next year.",
    "not_a_quarter": "The cell is none of Q1, Q2, Q3, Q4, FY, 1, 2, 3, 4.",
    "not_a_number": "The cell is neither a number nor a missing token.",
    "other_decimal": "The number is written with a decimal comma in a file of decimal "
    "points, or the other way round.",
    "not_finite": "The number is infinite or too large to hold.",
    "too_small": "The number is nearer to 0 than 2.3e-308, which SQL Server cannot "
    "hold.",
    "wrong_field_count": "The line has more or fewer fields than the header.",
}
"""Every reason code and its sentence for the reject file."""

ROW_SCHEMA: dict[str, pl.DataType] = {
    "line": pl.Int64(),
    SYMBOL.name: pl.String(),
    NAME.name: pl.String(),
    SECTOR.name: pl.String(),
    MARKET_CAP.name: pl.Float64(),
    YEAR.name: pl.Int16(),
    QUARTER_COLUMN.name: QUARTER,
    **dict.fromkeys(RATIOS, pl.Float64()),
}
"""Columns of typed rows; null only in sector, market_cap and the ratios."""

REJECT_SCHEMA: dict[str, pl.DataType] = {
    "row": pl.Int64(),
    "line": pl.Int64(),
    "column": pl.String(),
    "reason": pl.String(),
    "value": pl.String(),
}
"""Columns of rejects."""


@dataclass(frozen=True, slots=True)
class CleaningRules:
    """What a batch decides about reading cells.

    Attributes:
        latest_year: last reporting year that can be (next year, by the clock of the
            run).
        blank_quarter: quarter of rows that give none.
        fractions: the file writes percent ratios as fractions.
        style: what stands before the decimals in the file.
        settled: whether the file's numbers were looked at, or somebody decided: then
            no cell is doubtful, and one that does not fit rejects its row.
        typed: the file types its cells, as ``parse_numbers`` takes it.
    """

    latest_year: int
    blank_quarter: str = "Q4"
    fractions: bool = False
    style: NumberStyle = NumberStyle.POINT
    settled: bool = False
    typed: bool = False


@dataclass(frozen=True, slots=True)
class Cleaned:
    """What became of n text rows.

    Attributes:
        rows: typed rows in row order, columns as ``ROW_SCHEMA``.
        rejects: one row per rejected row, in row order: ``row`` (position in the
            input, from 0), ``line``, ``column``, ``reason`` (a key of ``REASONS``)
            and ``value`` (the cell as it stood).
        dates_as_years: cells whose date was taken for its year.
        error_cells: cells of numbers that hold a spreadsheet's error; they are missing.
        doubtful: the style is not settled, and a number may mean something else under
            the other one. Then nothing of this may be kept before it is settled.
    """

    rows: pl.DataFrame
    rejects: pl.DataFrame
    dates_as_years: int
    error_cells: int
    doubtful: bool


def clean(texts: pl.DataFrame, rules: CleaningRules) -> Cleaned:
    """Typed rows and rejects of n text rows.

    Args:
        texts: ``line`` (Int64, where the row began in its file) and the columns of
            the schema that the file has, by our names, String and never null.
        rules: what the batch decides.

    Returns:
        ``rows.height + rejects.height`` equals n. Optional columns that the file
        lacks are null (sector, market value) or the blank quarter.
    """
    typed: dict[str, pl.Series] = {"line": texts["line"]}
    refused: dict[str, pl.Series] = {}
    error_cells, doubtful = 0, False
    years = parse_years(texts[YEAR.name], rules.latest_year)
    for column in INPUT_COLUMNS:
        if column is YEAR:
            typed[column.name], bad = years.values, years.refused
        elif column.name not in texts.columns:
            typed[column.name] = _absent(column, texts.height, rules)
            continue
        elif column is QUARTER_COLUMN:
            typed[column.name], bad = parse_quarters(
                texts[column.name], rules.blank_quarter
            )
        elif column.max_length is not None:
            typed[column.name], bad = parse_texts(texts[column.name], column)
        else:
            numbers = _numbers(texts[column.name], column, rules)
            typed[column.name], bad = numbers.values, numbers.refused
            error_cells += numbers.error_cells
            doubtful |= numbers.doubtful and not rules.settled
        if bad is not None and not _all_null(bad):
            refused[column.name] = bad
    rows = pl.DataFrame({name: typed[name].alias(name) for name in ROW_SCHEMA})
    kept, rejects = _parted(texts, rows, refused)
    return Cleaned(kept, rejects, years.from_dates, error_cells, doubtful)


def _numbers(texts: pl.Series, column: Column, rules: CleaningRules) -> Numbers:
    """A numeric column, read as its unit and the file's style ask."""
    percent = column.name in PERCENT_RATIOS
    return parse_numbers(
        texts,
        percent=percent,
        fractions=rules.fractions and percent,
        style=rules.style,
        typed=rules.typed,
    )


def _absent(column: Column, height: int, rules: CleaningRules) -> pl.Series:
    """An optional column that the file does not have."""
    value = rules.blank_quarter if column is QUARTER_COLUMN else None
    one = pl.Series(column.name, [value], dtype=ROW_SCHEMA[column.name])
    return one.new_from_index(0, height)


def _all_null(values: pl.Series) -> bool:
    return values.null_count() == len(values)


def _parted(
    texts: pl.DataFrame, rows: pl.DataFrame, refused: dict[str, pl.Series]
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Rows without any refusal, and the first refusal of each of the others."""
    if not refused:
        return rows, pl.DataFrame(schema=REJECT_SCHEMA)
    judged = pl.DataFrame(refused).with_row_index("row")
    bad = judged.filter(pl.any_horizontal(pl.col(*refused).is_not_null()))
    first = pl.coalesce(
        pl.when(pl.col(name).is_not_null()).then(pl.lit(name)) for name in refused
    )
    rejects = bad.select(
        pl.col("row").cast(pl.Int64), column=first, reason=pl.coalesce(*refused)
    )
    found = texts[rejects["row"]]
    value = pl.coalesce(
        pl.when(pl.col("column") == name).then(pl.col(name)) for name in refused
    )
    shown = pl.concat([rejects, found], how="horizontal").select(
        "row", "line", "column", "reason", value=value
    )
    keep = (
        pl.Series([True])
        .new_from_index(0, rows.height)
        .scatter(rejects["row"], values=False)
    )
    return rows.filter(keep), shown
