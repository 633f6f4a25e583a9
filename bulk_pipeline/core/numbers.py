"""Cell texts into numbers: signs, percent, parentheses, missing tokens.

Most cells are plain numbers and take one cast; the rest are looked at again.
"""

from dataclasses import dataclass

import polars as pl

MISSING_TOKENS = frozenset({"", "-", "nm", "n/a", "na", "#n/a", "null", "none", "nan"})
"""Texts that stand for no value, compared trimmed and in lower case."""

ERROR_CELLS = frozenset(
    {"#null!", "#div/0!", "#value!", "#ref!", "#name?", "#num!", "#getting_data"}
    | {"#spill!", "#connect!", "#blocked!", "#unknown!", "#field!", "#calc!"}
)
"""What a spreadsheet shows where a formula failed; no value either."""

MINUS_SIGN = "\u2212"
FRACTION_TO_PERCENT = 100.0
DECIMAL_DIGITS = 15
"""Digits of a decimal text that float64 keeps: 0.07 times 100 is 7, not a bit more."""


@dataclass(frozen=True, slots=True)
class Numbers:
    """Parsed cells.

    Attributes:
        values: float64 of length n; null where the cell is missing or refused.
        refused: String of length n; the reason code where the cell is no value
            (``not_a_number``, ``not_finite``), else null. None where no cell is.
    """

    values: pl.Series
    refused: pl.Series | None


def parse_numbers(
    texts: pl.Series, *, percent: bool = False, fractions: bool = False
) -> Numbers:
    """Numbers from cell texts, in row order.

    Args:
        texts: String of length n, never null; blank is missing.
        percent: whether a trailing ``%`` may stand: ``5%`` is 5. Elsewhere a percent
            sign makes a cell no number, because nobody can say what was meant.
        fractions: the column holds fractions where we keep percent numbers, so 0.05
            becomes 5; a cell with a percent sign is a percent number already.

    Returns:
        Values and refusals. Texts such as ``inf`` and numbers beyond float64
        (``1e400``) are refused as not finite; nothing is ever turned into 0.
    """
    values = texts.cast(pl.Float64, strict=False)
    if fractions:
        values = (values * FRACTION_TO_PERCENT).round_sig_figs(DECIMAL_DIGITS)
    if not values.has_nulls() and values.is_finite().all():
        return Numbers(values, None)
    odd = (~values.is_finite()).fill_null(value=True) & (texts != "")
    where = odd.arg_true()
    if where.is_empty():
        return Numbers(values, None)
    again = _parse_odd(texts.gather(where), percent=percent, fractions=fractions)
    values = values.scatter(where, again["value"])
    if again["refused"].null_count() == again.height:
        return Numbers(values, None)
    none = pl.Series("refused", [None], dtype=pl.String).new_from_index(0, len(texts))
    return Numbers(values, none.scatter(where, again["refused"]))


def _parse_odd(texts: pl.Series, *, percent: bool, fractions: bool) -> pl.DataFrame:
    """The careful reading of cells that one cast did not settle."""
    trimmed = pl.col("text").str.strip_chars()
    bare = (
        trimmed.str.replace_all(MINUS_SIGN, "-", literal=True)
        .str.replace(r"^\(\s*([^()+-][^()]*)\)(\s*%?)$", "-${1}${2}")
        .str.replace_all(r"^([+-]?)\s+", "${1}")
    )
    has_sign = bare.str.ends_with("%") if percent else pl.lit(value=False)
    number = pl.when(has_sign).then(bare.str.strip_suffix("%")).otherwise(bare)
    value = number.str.strip_chars().cast(pl.Float64, strict=False)
    if fractions:
        percents = (value * FRACTION_TO_PERCENT).round_sig_figs(DECIMAL_DIGITS)
        value = pl.when(has_sign).then(value).otherwise(percents)
    missing = trimmed.str.to_lowercase().is_in(sorted(MISSING_TOKENS | ERROR_CELLS))
    usable = value.is_not_null() & value.is_finite()
    return (
        texts.alias("text")
        .to_frame()
        .select(
            value=pl.when(usable & ~missing).then(value),
            refused=pl.when(missing | usable)
            .then(None)
            .when(value.is_null())
            .then(pl.lit("not_a_number"))
            .otherwise(pl.lit("not_finite")),
        )
    )
