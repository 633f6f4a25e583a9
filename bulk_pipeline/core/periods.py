"""Cell texts into reporting years and quarters."""

from dataclasses import dataclass

import polars as pl

from bulk_pipeline.core.schema import FIRST_YEAR, QUARTERS
from bulk_pipeline.core.texts import spellings

QUARTER = pl.Enum(QUARTERS)
_QUARTER_TEXTS = {name: name for name in QUARTERS} | {
    f"{number}{decimals}": f"Q{number}"
    for number in range(1, 5)
    for decimals in ("", ".0", ",0")
}
_YEAR = "^[0-9]{4}(?:[.,]0+)?$"
_MONTH = "(?:0?[1-9]|1[0-2])"
_DAY = "(?:0?[1-9]|[12][0-9]|3[01])"
_MONTH_NAME = (
    "(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?"
    "|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)"
)
_DAYS = "|".join(
    mark.join(parts)
    for mark in ("-", "/", "[.]")
    for parts in (
        ("[0-9]{4}", _MONTH, _DAY),
        (_DAY, _MONTH, "[0-9]{4}"),
        (_MONTH, _DAY, "[0-9]{4}"),
    )
)
_DATE = (
    f"(?i)^(?:{_DAYS}|{_DAY}[ -]{_MONTH_NAME}[ -][0-9]{{4}}"
    rf"|{_MONTH_NAME}\.? {_DAY}(?:,|,? )[0-9]{{4}}|[0-9]{{4}}-(?:0[1-9]|1[0-2]))"
    r"(?:[T ][0-9]{1,2}:[0-9]{2}(?::[0-9]{2}(?:[.,][0-9]+)?)?(?: ?[ap]m)?"
    r"(?: ?(?:Z|UTC|[+-][0-9]{2}:?[0-9]{2}))?)?$"
)
"""Dates in which the year is the first run of four digits."""
_TWO_YEARS = (
    "^[0-9]{2}(?:" + "|".join(f"{m - 1:02}-{m:02}" for m in range(1, 13)) + ")$"
)
"""``2011-12`` is December 2011 to some and the business year 2011/12 to others."""


@dataclass(frozen=True, slots=True)
class Years:
    """Parsed years.

    Attributes:
        values: Int16 of length n, null where refused.
        refused: String of length n; ``blank``, ``not_a_year`` or
            ``year_out_of_range``, else null. None where no cell is refused.
        from_dates: how many cells held a date, of which the year was taken.
    """

    values: pl.Series
    refused: pl.Series | None
    from_dates: int


def parse_years(texts: pl.Series, latest: int) -> Years:
    """Years from cell texts: four digits, or a date that gives its year.

    A date has a year of four digits and a day and a month that can be, in any order;
    with names of months in English; or no day, as ``2012-12``. Its time and zone
    do not matter: the year is the one that is written.

    Args:
        texts: String of length n, never null.
        latest: the last year that can be; 1900 is the first.
    """
    years = texts.cast(pl.Int16, strict=False)
    settled = years.is_between(FIRST_YEAR, latest) & (texts.str.len_bytes() == 4)  # noqa: PLR2004
    if settled.all() and not settled.has_nulls():
        return Years(years, None, 0)
    text, year = pl.col("text"), pl.col("year")
    judged = (
        texts.str.strip_chars()
        .alias("text")
        .to_frame()
        .with_columns(
            plain=text.str.contains(_YEAR),
            dated=text.str.contains(_DATE) & ~text.str.contains(_TWO_YEARS),
            year=text.str.extract("([0-9]{4})").cast(pl.Int16),
        )
        .with_columns(year=pl.when(pl.col("plain") | pl.col("dated")).then(year))
        .select(
            "dated",
            year=pl.when(year.is_between(FIRST_YEAR, latest)).then(year),
            refused=pl.when(text == "")
            .then(pl.lit("blank"))
            .when(year.is_null())
            .then(pl.lit("not_a_year"))
            .when(~year.is_between(FIRST_YEAR, latest))
            .then(pl.lit("year_out_of_range")),
        )
    )
    return Years(judged["year"], judged["refused"], int(judged["dated"].sum()))


def parse_quarters(texts: pl.Series, blank: str) -> tuple[pl.Series, pl.Series | None]:
    """Quarters from cell texts: Q1 to Q4, 1 to 4, FY, any case.

    Args:
        texts: String of length n, never null.
        blank: the quarter of a blank cell.

    Returns:
        Quarters as ``QUARTER`` (null where refused) and the reason code
        ``not_a_quarter`` (null elsewhere), both of length n in row order; None
        instead of the codes where no cell is refused.
    """
    # A file holds a handful of spellings: each is settled once.
    found = spellings(texts)
    tidy = found.str.strip_chars().str.to_uppercase()
    known = {**_QUARTER_TEXTS, "": blank}
    settled = [known.get(text) for text in tidy]
    if len(settled) == 1 and settled[0] is not None:
        return pl.Series(settled, dtype=QUARTER).new_from_index(0, len(texts)), None
    quarters = texts.replace_strict(found, settled, return_dtype=pl.String)
    if not quarters.has_nulls():
        return quarters.cast(QUARTER), None
    refused = (
        quarters.is_null()
        .to_frame("bad")
        .select(refused=pl.when("bad").then(pl.lit("not_a_quarter")))["refused"]
    )
    return quarters.cast(QUARTER), refused
