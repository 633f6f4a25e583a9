"""Text rows into typed rows and rejects: nothing filled in, nothing skipped.

A row is rejected alone, for the first of its columns (in the order of the schema)
that cannot be a value. What is only implausible stays and is counted elsewhere.
"""

from dataclasses import dataclass

import polars as pl

from bulk_pipeline.core.numbers import parse_numbers
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

REASONS = {
    "blank": "The cell is blank, and this column needs a value.",
    "too_long": "The text is longer than the column can hold.",
    "control_character": "The text holds a control character.",
    "not_a_year": "The cell is neither a four-digit year nor a date.",
    "year_out_of_range": "The year lies before 1900 or after next year.",
    "not_a_quarter": "The cell is none of Q1, Q2, Q3, Q4, FY, 1, 2, 3, 4.",
    "not_a_number": "The cell is neither a number nor a missing token.",
    "not_finite": "The number is infinite or too large to hold.",
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

_CONTROL = r"[\x00-\x1f\x7f]"


@dataclass(frozen=True, slots=True)
class CleaningRules:
    """What a batch decides about reading cells.

    Attributes:
        latest_year: last reporting year that can be (next year, by the clock of the
            run).
        blank_quarter: quarter of rows that give none.
        fractions: the file writes percent ratios as fractions.
    """

    latest_year: int
    blank_quarter: str = "Q4"
    fractions: bool = False


@dataclass(frozen=True, slots=True)
class Cleaned:
    """What became of n text rows.

    Attributes:
        rows: typed rows in row order, columns as ``ROW_SCHEMA``.
        rejects: one row per rejected row, in row order: ``row`` (position in the
            input, from 0), ``line``, ``column``, ``reason`` (a key of ``REASONS``)
            and ``value`` (the cell as it stood).
        dates_as_years: cells whose date was taken for its year.
    """

    rows: pl.DataFrame
    rejects: pl.DataFrame
    dates_as_years: int


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
            typed[column.name], bad = _parse_text(texts[column.name], column)
        else:
            numbers = parse_numbers(
                texts[column.name],
                percent=column.name in PERCENT_RATIOS,
                fractions=rules.fractions and column.name in PERCENT_RATIOS,
            )
            typed[column.name], bad = numbers.values, numbers.refused
        if bad is not None and not _all_null(bad):
            refused[column.name] = bad
    rows = pl.DataFrame({name: typed[name].alias(name) for name in ROW_SCHEMA})
    return _parted(texts, rows, refused, years.from_dates)


def _absent(column: Column, height: int, rules: CleaningRules) -> pl.Series:
    """An optional column that the file does not have."""
    value = rules.blank_quarter if column is QUARTER_COLUMN else None
    one = pl.Series(column.name, [value], dtype=ROW_SCHEMA[column.name])
    return one.new_from_index(0, height)


def _parse_text(texts: pl.Series, column: Column) -> tuple[pl.Series, pl.Series | None]:
    """Trimmed texts (symbols in upper case) and the reason where one cannot stand."""
    # A file repeats its texts from row to row: mostly a look at the distinct ones
    # shows that there is nothing to do.
    distinct = _judged_texts(texts.unique(), column)
    same = distinct["raw"].eq_missing(distinct["text"]).all()
    if same and _all_null(distinct["refused"]):
        return texts, None
    judged = _judged_texts(texts, column)
    return judged["text"], judged["refused"]


def _judged_texts(texts: pl.Series, column: Column) -> pl.DataFrame:
    """Each text as it stood, as it is kept (null where blank), and why it is not."""
    trimmed = pl.col("raw").str.strip_chars()
    if column is SYMBOL:
        trimmed = trimmed.str.to_uppercase()
    text = pl.col("text")
    blank = pl.lit("blank" if column.needed else None, dtype=pl.String)
    return (
        texts.alias("raw")
        .to_frame()
        .with_columns(text=trimmed)
        .with_columns(
            text=pl.when(text != "").then(text),
            refused=pl.when(text == "")
            .then(blank)
            .when(text.str.len_chars() > (column.max_length or 0))
            .then(pl.lit("too_long"))
            .when(text.str.contains(_CONTROL))
            .then(pl.lit("control_character")),
        )
    )


def _all_null(values: pl.Series) -> bool:
    return values.null_count() == len(values)


def _parted(
    texts: pl.DataFrame,
    rows: pl.DataFrame,
    refused: dict[str, pl.Series],
    dates_as_years: int,
) -> Cleaned:
    """Rows without any refusal, and the first refusal of each of the others."""
    judged = pl.DataFrame(refused).with_row_index("row") if refused else None
    if judged is None:
        return Cleaned(rows, _no_rejects(), dates_as_years)
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
    return Cleaned(rows.filter(keep), shown, dates_as_years)


def _no_rejects() -> pl.DataFrame:
    return pl.DataFrame(schema=REJECT_SCHEMA)


REJECT_SCHEMA: dict[str, pl.DataType] = {
    "row": pl.Int64(),
    "line": pl.Int64(),
    "column": pl.String(),
    "reason": pl.String(),
    "value": pl.String(),
}
"""Columns of rejects."""
