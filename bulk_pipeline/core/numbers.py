"""Cell texts into numbers: signs, percent, parentheses, missing tokens.

Most cells are plain numbers and take one cast; the rest are looked at again.
"""

import sys
from dataclasses import dataclass

import numpy as np
import polars as pl

from bulk_pipeline.core.number_forms import bare, exchanged, figures, numbers
from bulk_pipeline.core.number_style import NumberStyle

MISSING_TOKENS = frozenset({"", "-", "nm", "n/a", "na", "#n/a", "null", "none", "nan"})
"""Texts that stand for no value, compared trimmed and in lower case."""

ERROR_CELLS = frozenset(
    {"#null!", "#div/0!", "#value!", "#ref!", "#name?", "#num!", "#getting_data"}
    | {"#spill!", "#connect!", "#blocked!", "#unknown!", "#field!", "#calc!"}
)
"""What a spreadsheet shows where a formula failed; no value either."""

FRACTION_TO_PERCENT = 100.0
DECIMAL_DIGITS = 15
"""Digits of a decimal text that float64 keeps: 0.07 times 100 is 7, not a bit more."""

SMALLEST = sys.float_info.min
"""The least number above 0 that SQL Server takes; float64 has smaller ones, with fewer
digits."""


@dataclass(frozen=True, slots=True)
class Numbers:
    """Parsed cells.

    Attributes:
        values: float64 of length n; null where the cell is missing or refused.
        refused: String of length n; the reason code where the cell is no value
            (``not_a_number``, ``other_decimal``, ``not_finite``, ``too_small``),
            else null. None where no cell is.
        doubtful: whether a cell is a number under the other style that is none or
            another one under this: ``1,5`` or ``1,234`` under a decimal point.
        error_cells: how many of the missing cells hold a spreadsheet's error.
    """

    values: pl.Series
    refused: pl.Series | None
    doubtful: bool = False
    error_cells: int = 0


def parse_numbers(
    texts: pl.Series,
    *,
    percent: bool = False,
    fractions: bool = False,
    style: NumberStyle = NumberStyle.POINT,
    typed: bool = False,
) -> Numbers:
    """Numbers from cell texts, in row order.

    Thousands may be grouped by the mark that ``style`` leaves free, by blanks or by
    apostrophes, in groups of three throughout: ``1,23`` is never 123.

    Args:
        texts: String of length n, never null; blank is missing.
        percent: whether a trailing ``%`` may stand: ``5%`` is 5. Elsewhere a percent
            sign makes a cell no number, because nobody can say what was meant.
        fractions: the column holds fractions where we keep percent numbers, so 0.05
            becomes 5; a cell with a percent sign is a percent number already.
        style: what stands before the decimals.
        typed: the file types its cells, so that a point is a decimal point under
            either style where the cell has no comma.

    Returns:
        Values and refusals. Texts such as ``inf`` and numbers beyond float64
        (``1e400``) are refused as not finite, and those that float64 keeps with
        fewer digits (``1e-310``) as too small; none of them is turned into 0.
    """
    if style is NumberStyle.COMMA:
        texts = _with_points(texts, typed=typed)
    values = texts.cast(pl.Float64, strict=False)
    if fractions:
        values = (values * FRACTION_TO_PERCENT).round_sig_figs(DECIMAL_DIGITS)
    if _all_plain(texts, values):
        return Numbers(values, None)
    small = (values.abs() < SMALLEST) & (values != 0)
    odd = (~values.is_finite() | small).fill_null(value=True) & (texts != "")
    places = odd.arg_true()
    if places.is_empty():
        return Numbers(values, None)
    tokens = texts.gather(places).str.strip_chars().str.to_lowercase()
    missing = tokens.is_in(sorted(MISSING_TOKENS | ERROR_CELLS))
    values = values.scatter(places.filter(missing), None)
    places = places.filter(~missing)
    again = _parse_odd(texts.gather(places), percent=percent, fractions=fractions)
    return Numbers(
        values.scatter(places, again["value"]),
        _refused(again["refused"], places, len(texts)),
        bool(again["doubtful"].any()),
        int(tokens.is_in(sorted(ERROR_CELLS)).sum()),
    )


def _all_plain(texts: pl.Series, values: pl.Series) -> bool:
    """Whether each cell is blank or a number that can be kept as it is.

    True leaves nothing to look at again; it takes a fifth of the time of that look.
    """
    blank = values.null_count()
    if blank and blank != (texts.str.len_bytes() == 0).sum():
        return False
    sizes = np.abs(values.fill_null(0.0).to_numpy())
    if sizes.size == 0:
        return True
    # NaN is the largest and compares as false.
    if not sizes.max() <= sys.float_info.max:
        return False
    return int((sizes < SMALLEST).sum()) == int((sizes == 0).sum())


def _with_points(texts: pl.Series, *, typed: bool) -> pl.Series:
    """Texts of decimal commas with their marks exchanged."""
    marks = exchanged(texts)
    return (
        marks.zip_with(texts.str.contains(",", literal=True), texts) if typed else marks
    )


def _parse_odd(texts: pl.Series, *, percent: bool, fractions: bool) -> pl.DataFrame:
    """The careful reading of cells that are not missing and no plain numbers."""
    dressed = bare(texts)
    found = figures(dressed, percent=percent)
    values = numbers(found)
    other = _other_numbers(found, values)
    if fractions:
        signed = dressed.str.ends_with("%") & percent
        values = values.zip_with(
            signed, (values * FRACTION_TO_PERCENT).round_sig_figs(DECIMAL_DIGITS)
        )
    value = pl.col("value")
    small = (value.abs() < SMALLEST) & (value != 0)
    holds = value.is_finite() & ~small
    return pl.DataFrame({"value": values, "other": other}).select(
        value=pl.when(holds).then(value),
        refused=pl.when(holds)
        .then(None)
        .when(small)
        .then(pl.lit("too_small"))
        .when(value.is_not_null())
        .then(pl.lit("not_finite"))
        .when("other")
        .then(pl.lit("other_decimal"))
        .otherwise(pl.lit("not_a_number")),
        doubtful="other",
    )


def _other_numbers(texts: pl.Series, values: pl.Series) -> pl.Series:
    """Whether each figure is another number, or one at all, under the other style."""
    thousands = texts.str.contains("^[^.]*,[^.]*$")
    places = (values.is_null() | thousands).arg_true()
    found = numbers(exchanged(texts.gather(places))).is_not_null()
    nowhere = pl.Series([False]).new_from_index(0, len(texts))
    return nowhere.scatter(places.filter(found), values=True)


def _refused(reasons: pl.Series, places: pl.Series, length: int) -> pl.Series | None:
    """Reasons at their places among all cells; None where there is none."""
    if reasons.null_count() == len(reasons):
        return None
    none = pl.Series("refused", [None], dtype=pl.String).new_from_index(0, length)
    return none.scatter(places, reasons)
