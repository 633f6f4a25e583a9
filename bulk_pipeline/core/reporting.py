"""What the performance report tells, as figures; how it looks belongs to others."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import median

import polars as pl

from bulk_pipeline.core.metrics import LoadFigures
from bulk_pipeline.core.reporting_bins import level_shares
from bulk_pipeline.core.risk import LEVELS, LevelThresholds

OUTCOMES = ("inserted", "updated", "duplicates", "rejected")
"""What becomes of a row that is read; together they are all rows read."""

MOST_PERIODS = 30
_PERIODS = {
    "1m": "%d %b %H:%M",
    "10m": "%d %b %H:%M",
    "1h": "%d %b %H:%M",
    "6h": "%d %b %H:%M",
    "1d": "%d %b %Y",
    "1w": "%d %b %Y",
    "1mo": "%b %Y",
    "1q": "%b %Y",
    "1y": "%Y",
}
PERIOD_WORDS = {
    "1m": "minute",
    "10m": "ten minutes",
    "1h": "hour",
    "6h": "six hours",
    "1d": "day",
    "1w": "week",
    "1mo": "month",
    "1q": "quarter",
    "1y": "year",
}


@dataclass(frozen=True, slots=True)
class StoredScores:
    """The stored predictions as histograms over ``reporting_bins``.

    Attributes:
        by_year: columns ``reporting_year`` (Int64), ``bin`` (Int32), ``risk_level``
            (String), ``rows`` (Int64, 1 or more).
        by_sector: the same with ``sector`` (Int64), a place in ``sectors``.
        sectors: names as people wrote them, those with most companies first; then what
            stands for companies of all others, and for those without one.
    """

    by_year: pl.DataFrame
    by_sector: pl.DataFrame
    sectors: tuple[str, ...]

    @property
    def rows(self) -> int:
        """How many predictions are stored."""
        return int(self.by_year["rows"].sum())

    def shares(self) -> dict[str, float]:
        """Share of each level in all rows; nothing where no row is stored."""
        every = self.by_year.with_columns(all=pl.lit(0))
        found = level_shares(every, "all").select(LEVELS).rows(named=True)
        return found[0] if found else {}


@dataclass(frozen=True, slots=True)
class RejectReason:
    """Rows rejected for one reason: code, how many, in how many files, sentence."""

    reason: str
    rows: int
    files: int
    sentence: str


@dataclass(frozen=True, slots=True)
class ReportFigures:
    """Everything that a report shows.

    Attributes:
        made_at: when, UTC.
        database: its URL as people may see it.
        last: how many loads and uploads were looked at, at most.
        loads: the last loads, oldest first.
        states: what became of the last uploads of this home: state → how many.
        rejected: why rows of these uploads were rejected, most frequent first.
        stored: the predictions that are stored.
        thresholds: where the levels of the active model begin.
        model: the name of that model.
        notes: what a reader should know besides, one sentence each.
    """

    made_at: datetime
    database: str
    last: int
    loads: tuple[LoadFigures, ...]
    states: Mapping[str, int]
    rejected: tuple[RejectReason, ...]
    stored: StoredScores
    thresholds: LevelThresholds
    model: str
    notes: tuple[str, ...] = ()

    @property
    def worked(self) -> tuple[LoadFigures, ...]:
        """The loads that did work of their own, oldest first.

        The others read no row, or found all of theirs stored: theirs are no rates.
        """
        return tuple(
            load for load in self.loads if load.rows_read and not load.is_repetition
        )

    @property
    def median_rate(self) -> float:
        """Median rows per second of loads that did work; 0.0 where there is none."""
        return median([load.rows_per_second for load in self.worked] or [0.0])


def outcomes_by_period(loads: Sequence[LoadFigures]) -> tuple[pl.DataFrame, str]:
    """What became of the rows of some loads, period by period.

    Args:
        loads: at least one, in any order.

    Returns:
        A row for each period from the first load to the last, those without a load
        included: ``begins`` (UTC), ``label`` (String) and the counts of ``OUTCOMES``;
        and the length of a period, a key of ``PERIOD_WORDS``: the shortest that makes
        no more than 30 of them, if one does.
    """
    columns = ("finished_at", *OUTCOMES)
    told = pl.DataFrame(
        [tuple(getattr(load, name) for name in columns) for load in loads],
        schema={"finished_at": pl.Datetime("us", "UTC")}
        | dict.fromkeys(OUTCOMES, pl.Int64()),
        orient="row",
    )
    for every in _PERIODS:
        begun = told.with_columns(begins=pl.col("finished_at").dt.truncate(every))
        first, last = begun["begins"].min(), begun["begins"].max()
        periods = pl.select(
            begins=pl.datetime_range(first, last, every)  # type: ignore[arg-type]
        )
        if periods.height <= MOST_PERIODS:
            break
    sums = begun.group_by("begins").agg(pl.col(*OUTCOMES).sum())
    found = periods.join(sums, on="begins", how="left").fill_null(0).sort("begins")
    label = pl.col("begins").dt.strftime(_PERIODS[every]).alias("label")
    return found.select("begins", label, *OUTCOMES), every


def compact(number: float) -> str:
    """A count or a rate in few characters: 950, 12k, 1.5M, 10M, 2B."""
    for size, mark in ((1e9, "B"), (1e6, "M"), (1e3, "k")):
        # What rounds to a thousand of a unit is one of the next.
        if abs(number) >= 0.9995 * size:
            return f"{number / size:.3g}{mark}"
    return f"{number:.3g}"
