"""Made-up company accounts, seeded: input for demonstrations and for load tests.

What a row looks like and how often it is wrong is decided here. Nothing here writes
a file, and nothing here judges a row: cleaning does.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl

from bulk_pipeline.core import schema
from bulk_pipeline.core.dummy_companies import dummy_companies
from bulk_pipeline.core.errors import ConfigurationError

LAST_YEAR = 2024
YEARS = LAST_YEAR - schema.FIRST_YEAR + 1
QUARTERS = ("Q4", "Q1", "Q2", "Q3")
"""The quarters of a company in the order in which they are used up."""
MOST_ROWS = 1_000_000_000
_USUAL_YEARS = 40  # rows of one company when the number of companies is left open
_CHUNK_ROWS = 50_000  # rows drawn from one seed; another value means other rows
_LACKING = 0.2  # share of rows without at least one ratio, as in real files
_FAULTS: tuple[tuple[str, str, str | None], ...] = (
    (schema.SYMBOL.name, "blank", None),
    (schema.SYMBOL.name, "too_long", "SYMBOL.LONGER.THAN.20"),
    (schema.NAME.name, "blank", None),
    (schema.YEAR.name, "not_a_year", "soon"),
    (schema.YEAR.name, "year_out_of_range", "1776"),
    (schema.QUARTER.name, "not_a_quarter", "Q7"),
    *((ratio, "not_a_number", "abc") for ratio in schema.RATIOS),
    *((ratio, "not_finite", "inf") for ratio in schema.RATIOS),
)
"""What can be wrong: column, the reason that cleaning gives, text of the cell."""


@dataclass(frozen=True, slots=True)
class DummyRequest:
    """What to make; the same request always means the same rows.

    Attributes:
        rows: number of rows, bad ones included.
        companies: number of companies; None: about forty rows for each.
        seed: 0 or more; another seed, other rows.
        bad_share: fraction of the rows that is wrong on purpose: 0.01 is 1 %.

    Raises:
        ConfigurationError: names the value that cannot work and one that would.
    """

    rows: int
    companies: int | None = None
    seed: int = 0
    bad_share: float = 0.0

    def __post_init__(self) -> None:
        if not 1 <= self.rows <= MOST_ROWS:
            raise ConfigurationError(
                f"rows is {self.rows}: give a number from 1 to {MOST_ROWS:,}."
            )
        if self.seed < 0:
            raise ConfigurationError(f"seed is {self.seed}: give 0 or more.")
        if not 0 <= self.bad_share <= 1:
            raise ConfigurationError(
                f"bad_share is {self.bad_share}: give a fraction from 0 to 1, "
                "such as 0.01 for 1 %."
            )
        each = YEARS * len(QUARTERS)
        fewest = -(-self.rows // each)
        if not fewest <= self.company_count <= self.rows:
            most = max(self.company_count, 0) * each
            raise ConfigurationError(
                f"companies is {self.companies}, which holds at most {most:,} rows "
                f"({each} each) and needs one row each: for {self.rows:,} rows give "
                f"a number from {fewest} to {self.rows}."
            )

    @property
    def company_count(self) -> int:
        """Number of companies, also when the request leaves it open."""
        if self.companies is None:
            return -(-self.rows // _USUAL_YEARS)
        return self.companies

    @property
    def bad_rows(self) -> int:
        """Number of rows that are wrong on purpose."""
        return round(self.rows * self.bad_share)


def dummy_blocks(
    request: DummyRequest, block_rows: int = 100_000
) -> Iterator[pl.DataFrame]:
    """The rows of a request, company by company, the latest year first.

    Args:
        request: what to make.
        block_rows: most rows of one frame; it changes no row.

    Yields:
        Frames with the columns of ``schema.INPUT_COLUMNS`` in order. No good row
        repeats a key; only ratios are null in it. Without a bad share the year is
        Int16, the market cap Int64 and ratios are Float64 of three decimals; with
        one, every column is String.

    Raises:
        ConfigurationError: ``block_rows`` is below 1.
    """
    if block_rows < 1:
        raise ConfigurationError(f"block_rows is {block_rows}: give 1 or more.")
    waiting = _chunk(request, 0)
    for number in range(1, -(-request.rows // _CHUNK_ROWS)):
        while waiting.height >= block_rows:
            yield waiting.head(block_rows)
            waiting = waiting.slice(block_rows)
        waiting = pl.concat([waiting, _chunk(request, number)])
    yield from waiting.iter_slices(block_rows)


def expected_rejects(request: DummyRequest) -> dict[tuple[str, str], int]:
    """How many rows of a request cleaning rejects, by column and reason.

    Every bad row has one fault, so the counts add up to ``request.bad_rows``; a
    fault that does not occur is left out.
    """
    rounds, rest = divmod(request.bad_rows, len(_FAULTS))
    counts: Counter[tuple[str, str]] = Counter()
    for kind, (column, reason, _) in enumerate(_FAULTS):
        counts[column, reason] = rounds + (kind < rest)
    return {fault: count for fault, count in counts.items() if count}


def _chunk(request: DummyRequest, number: int) -> pl.DataFrame:
    """The rows that one seed gives: up to ``_CHUNK_ROWS``, in row order."""
    start = number * _CHUNK_ROWS
    rows = np.arange(start, min(start + _CHUNK_ROWS, request.rows))
    rng = np.random.default_rng((request.seed, number))
    each, longer = divmod(request.rows, request.company_count)
    border = longer * (each + 1)  # before it, every company has one row more
    company = np.where(
        rows < border, rows // (each + 1), longer + (rows - border) // each
    )
    period = rows - company * each - np.minimum(company, longer)
    numbers = range(int(company[0]), int(company[-1]) + 1)
    companies = dummy_companies(request.seed, numbers, request.company_count)
    frame = companies[company - numbers.start]
    frame = frame.with_columns(
        pl.Series(schema.YEAR.name, LAST_YEAR - period % YEARS, dtype=pl.Int16),
        pl.Series(QUARTERS).gather(period // YEARS).alias(schema.QUARTER.name),
        *_ratios(rng, len(rows)),
    )
    return frame if request.bad_share == 0 else _spoiled(request, frame, start, rng)


def _ratios(rng: np.random.Generator, count: int) -> list[pl.Series]:
    """Five ratios of ``count`` rows, spread like those of real large companies."""

    def happens(share: float) -> np.ndarray:
        return rng.random(count) < share

    over = happens(0.03)  # more long-term debt than capital
    values = (
        np.where(
            over, 100 + rng.exponential(40, count), 100 * rng.beta(1.6, 2.6, count)
        ),
        rng.gamma(1.5, 2.0, count) * np.where(happens(0.04), -1, 1),
        8 + 15 * rng.standard_t(4, count) / np.sqrt(2),
        rng.lognormal(2.1, 1.3, count) * np.where(happens(0.08), -1, 1),
        rng.normal(5, 8, count),
    )
    lacking = happens(0.2)
    surely = rng.integers(len(values), size=count)
    columns = []
    for place, (name, value) in enumerate(zip(schema.RATIOS, values, strict=True)):
        rounded = np.round(value, 3) + 0.0  # the sum turns -0.0 into 0.0
        rounded[lacking & ((surely == place) | happens(0.2))] = np.nan
        columns.append(pl.Series(name, rounded, nan_to_null=True))
    return columns


def _spoiled(
    request: DummyRequest, frame: pl.DataFrame, start: int, rng: np.random.Generator
) -> pl.DataFrame:
    """The rows as text, this chunk's part of the bad rows made wrong."""
    stop = start + frame.height
    ordinals = np.arange(
        start * request.bad_rows // request.rows,
        stop * request.bad_rows // request.rows,
    )
    kinds = np.full(frame.height, -1)
    places = rng.choice(frame.height, len(ordinals), replace=False)
    kinds[places] = ordinals % len(_FAULTS)
    text = frame.cast(pl.String)
    kind = pl.Series(kinds)
    for code, (column, _, cell) in enumerate(_FAULTS):
        spoilt = pl.when(kind == code).then(pl.lit(cell, pl.String))
        text = text.with_columns(spoilt.otherwise(pl.col(column)).alias(column))
    return text
