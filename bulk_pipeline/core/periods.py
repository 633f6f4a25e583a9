"""Cell texts into reporting years and quarters."""

from dataclasses import dataclass

import polars as pl

from bulk_pipeline.core.schema import FIRST_YEAR, QUARTERS

QUARTER = pl.Enum(QUARTERS)
_QUARTER_TEXTS = {
    **{name: name for name in QUARTERS},
    **{f"{number}": f"Q{number}" for number in range(1, 5)},
    **{f"{number}.0": f"Q{number}" for number in range(1, 5)},
}
_YEAR = r"^([0-9]{4})(?:\.0+)?$"
_DATES = (
    r"^([0-9]{4})-[0-9]{1,2}-[0-9]{1,2}(?:[ T].*)?$",
    r"^[0-9]{1,2}[./-][0-9]{1,2}[./-]([0-9]{4})(?: .*)?$",
)


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

    Args:
        texts: String of length n, never null.
        latest: the last year that can be; 1900 is the first.
    """
    cells = texts.alias("text").to_frame()
    trimmed = pl.col("text").str.strip_chars()
    plain = trimmed.str.extract(_YEAR).cast(pl.Int16)
    years = cells.select(year=pl.col("text").cast(pl.Int16, strict=False))["year"]
    settled = years.is_between(FIRST_YEAR, latest) & (texts.str.len_bytes() == 4)  # noqa: PLR2004
    if settled.all() and not settled.has_nulls():
        return Years(years, None, 0)
    dated = pl.coalesce(trimmed.str.extract(form) for form in _DATES).cast(pl.Int16)
    return _judged(cells.select("text", year=pl.coalesce(plain, dated)), latest)


def _judged(cells: pl.DataFrame, latest: int) -> Years:
    """Years with the reason for each that cannot stand."""
    trimmed = pl.col("text").str.strip_chars()
    judged = cells.select(
        year=pl.when(pl.col("year").is_between(FIRST_YEAR, latest)).then("year"),
        refused=pl.when(trimmed == "")
        .then(pl.lit("blank"))
        .when(pl.col("year").is_null())
        .then(pl.lit("not_a_year"))
        .when(~pl.col("year").is_between(FIRST_YEAR, latest))
        .then(pl.lit("year_out_of_range")),
        dated=pl.col("year").is_not_null() & ~trimmed.str.contains(_YEAR),
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
    spellings = texts.unique()
    tidy = spellings.str.strip_chars().str.to_uppercase()
    known = {**_QUARTER_TEXTS, "": blank}
    settled = [known.get(text) for text in tidy]
    quarters = texts.replace_strict(spellings, settled, return_dtype=pl.String)
    if not quarters.has_nulls():
        return quarters.cast(QUARTER), None
    refused = (
        quarters.is_null()
        .to_frame("bad")
        .select(refused=pl.when("bad").then(pl.lit("not_a_quarter")))["refused"]
    )
    return quarters.cast(QUARTER), refused
