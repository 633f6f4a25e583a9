"""Made-up company accounts, seeded: input for demonstrations and for load tests.

Which rows there are is decided here; what is in them in ``dummy_companies``,
``dummy_ratios`` and ``dummy_faults``. Nothing here writes a file, and nothing here
judges a row: cleaning does.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Self

import numpy as np
import polars as pl

from bulk_pipeline.core import schema
from bulk_pipeline.core.dummy_companies import dummy_companies
from bulk_pipeline.core.dummy_faults import (
    ExpectedDuplicates,
    Marks,
    expected_duplicates,
    expected_rejects,
    marks,
    spoiled,
)
from bulk_pipeline.core.dummy_ratios import Floats, ratios
from bulk_pipeline.core.dummy_request import (
    LAST_YEAR,
    MOST_ROWS,
    QUARTERS,
    DummyRequest,
)
from bulk_pipeline.core.errors import ConfigurationError

__all__ = [
    "LAST_YEAR",
    "MOST_ROWS",
    "QUARTERS",
    "DummyRequest",
    "ExpectedDuplicates",
    "dummy_blocks",
    "dummy_portion",
    "dummy_portions",
    "expected_duplicates",
    "expected_rejects",
    "in_blocks",
]

_PORTION_ROWS = 50_000  # rows drawn from one seed; another value means other rows


def dummy_blocks(
    request: DummyRequest, block_rows: int = 100_000
) -> Iterator[pl.DataFrame]:
    """The rows of a request, company by company, the latest year first.

    Args:
        request: what to make.
        block_rows: most rows of one frame; it changes no row.

    Yields:
        Frames with the columns of ``schema.INPUT_COLUMNS`` in order. Only ratios are
        null in a good row; a duplicate follows the row whose key it repeats. Without a
        bad share the year is Int16, the market cap Int64 and ratios are Float64 of
        three decimals; with one, every column is String.

    Raises:
        ConfigurationError: ``block_rows`` is below 1.
    """
    portions = (dummy_portion(request, n) for n in dummy_portions(request))
    return in_blocks(portions, block_rows)


def in_blocks(
    frames: Iterable[pl.DataFrame], block_rows: int
) -> Iterator[pl.DataFrame]:
    """The same rows in frames of so many rows each, the last one as many as are left.

    Raises:
        ConfigurationError: ``block_rows`` is below 1.
    """
    if block_rows < 1:
        raise ConfigurationError(f"block_rows is {block_rows}: give 1 or more.")
    return _regrouped(frames, block_rows)


def _regrouped(
    frames: Iterable[pl.DataFrame], block_rows: int
) -> Iterator[pl.DataFrame]:
    waiting: list[pl.DataFrame] = []
    height = 0
    for frame in frames:
        waiting.append(frame)
        height += frame.height
        if height >= block_rows:
            joined = pl.concat(waiting)
            height %= block_rows
            yield from joined.head(joined.height - height).iter_slices(block_rows)
            waiting = [joined.tail(height)]
    if height:
        yield pl.concat(waiting)


def dummy_portions(request: DummyRequest) -> range:
    """The numbers of the portions that the rows of a request come in."""
    return range(-(-request.company_count // _companies_of_portion(request)))


def dummy_portion(request: DummyRequest, number: int) -> pl.DataFrame:
    """Some rows of a request: at most 50,000 and their duplicates, whole companies.

    A portion depends on nothing but the request and its number, so portions may be made
    in any order and at once. All of them in order are the rows of the request, as
    ``dummy_blocks`` gives them.
    """
    rng = np.random.default_rng((request.seed, number))
    periods = _Periods.of(request, number)
    values = ratios(
        rng, len(periods.companies), periods.longest, request.missing_share
    )[:, periods.there]
    company, period = np.nonzero(periods.there)
    odd = marks(request, periods.rows, rng)
    order = np.repeat(np.arange(len(company)), odd.repeats)
    period = period[order]
    companies = dummy_companies(request.seed, periods.companies, request.company_count)
    frame = companies[company[order]].with_columns(
        pl.Series(
            schema.YEAR.name, request.last_year - period % request.years, dtype=pl.Int16
        ),
        pl.Series(QUARTERS).gather(period // request.years).alias(schema.QUARTER.name),
        *_ratio_columns(values[:, order], odd),
    )
    return spoiled(frame, odd.faults[order]) if request.bad_share else frame


@dataclass(frozen=True, slots=True)
class _Periods:
    """Which companies a portion has, and how many years of each.

    Attributes:
        companies: their numbers.
        rows: numbers of their rows among the distinct rows of the request.
        longest: years of the company that has the most.
        there: whether a company has a year, (companies, longest).
    """

    companies: range
    rows: range
    longest: int
    there: np.ndarray

    @classmethod
    def of(cls, request: DummyRequest, number: int) -> Self:
        """The part of a portion in the companies of a request."""
        size = _companies_of_portion(request)
        first = number * size
        companies = range(first, min(first + size, request.company_count))
        each, longer = divmod(request.distinct_rows, request.company_count)
        starts = [n * each + min(n, longer) for n in (first, companies.stop)]
        longest = each + (first < longer)
        years = each + (np.arange(first, companies.stop) < longer)
        there = np.arange(longest) < years[:, np.newaxis]
        return cls(companies, range(*starts), longest, there)


def _companies_of_portion(request: DummyRequest) -> int:
    return max(1, _PORTION_ROWS // -(-request.distinct_rows // request.company_count))


def _ratio_columns(values: Floats, odd: Marks) -> list[pl.Series]:
    """The ratios as columns, with other values where a duplicate is in conflict."""
    if odd.conflicts.any():
        second = np.cumsum(odd.repeats)[odd.conflicts] - 1
        changed = values[-1, second]
        values[-1, second] = np.round(np.nan_to_num(changed) + 1, 3)
    return [
        pl.Series(name, column, nan_to_null=True)
        for name, column in zip(schema.RATIOS, values, strict=True)
    ]
