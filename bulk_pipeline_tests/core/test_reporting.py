"""Laws of the report's figures: histograms give quantiles, periods hold all rows."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from bulk_pipeline.core.metrics import LoadFigures
from bulk_pipeline.core.reporting import (
    MOST_PERIODS,
    OUTCOMES,
    ReportFigures,
    StoredScores,
    compact,
    outcomes_by_period,
)
from bulk_pipeline.core.reporting_bins import (
    COARSE,
    FINE,
    FINE_TO,
    QUANTILES,
    bin_number,
    edges,
    level_shares,
    quantiles,
)
from bulk_pipeline.core.risk import LEVELS, LevelThresholds

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def counted(probabilities: np.ndarray, group: int = 2001) -> pl.DataFrame:
    """The histogram of some probabilities."""
    rows = pl.DataFrame({"p": probabilities}).select(bin_number(pl.col("p")))
    counts = rows.group_by("bin").agg(rows=pl.len().cast(pl.Int64))
    return counts.with_columns(reporting_year=pl.lit(group, pl.Int64))


def load(finished_at: datetime, rate: float = 1000.0, **counts: int) -> LoadFigures:
    """A load of ten rows, all new unless said otherwise."""
    given = {"inserted": 10, "updated": 0, "duplicates": 0, "rejected": 0, **counts}
    return LoadFigures(
        batch="b",
        run_id="r",
        finished_at=finished_at,
        rows_read=sum(given.values()),
        duplicates_conflicting=0,
        **given,
        rows_written=given["inserted"],
        seconds=0.01,
        stages={},
        rows_per_second=rate,
        tier="STANDARD",
        peak_memory_bytes=1,
        cpu_percent=100.0,
    )


def test_every_probability_lies_in_its_bin() -> None:
    """A bin that is off by one moves every picture."""
    known = [0.0, 0.00005, 0.02, 0.0999, 0.1, 0.15, 0.5, 0.999, 1.0]
    values = np.concatenate([known, np.random.default_rng(1).random(5000)])
    numbers = pl.DataFrame({"p": values}).select(bin_number(pl.col("p"))).to_series()
    limits = edges()
    found = numbers.to_numpy()

    assert (limits[found] <= values + 1e-12).all()
    assert (values <= limits[found + 1] + 1e-12).all()
    assert (limits[0], limits[-1]) == (0.0, 1.0)


@pytest.mark.parametrize("spread", [0.001, 0.01, 0.2])
def test_quantiles_of_a_histogram_are_exact_to_the_width_of_a_bin(
    spread: float,
) -> None:
    """The report promises this resolution below its pictures."""
    values = np.clip(np.random.default_rng(7).exponential(spread, 20_000), 0, 1)
    [row] = quantiles(counted(values), "reporting_year").rows(named=True)
    exact = np.quantile(values, list(QUANTILES.values()), method="inverted_cdf")

    assert row["rows"] == values.size
    for name, value in zip(QUANTILES, exact, strict=True):
        width = FINE if value < FINE_TO else COARSE
        assert abs(row[name] - value) <= width * 1.001


def test_groups_keep_their_own_quantiles_whatever_the_order_of_the_counts() -> None:
    """Counts come from a database, which gives them in any order, some in parts."""
    low, high = np.full(100, 0.01), np.full(50, 0.4)
    parts = [counted(high, 2002), counted(low, 2001), counted(low, 2001)]
    found = quantiles(pl.concat(parts), "reporting_year")

    assert found["reporting_year"].to_list() == [2001, 2002]
    assert found["rows"].to_list() == [200, 50]
    assert found["p50"].to_list() == pytest.approx([0.01, 0.4], abs=COARSE)


def test_shares_of_levels_add_up_to_one() -> None:
    """A mix that does not is one that lost rows."""
    counts = pl.DataFrame(
        {
            "reporting_year": [2001, 2001, 2002],
            "risk_level": ["LOW", "HIGH", "CRITICAL"],
            "rows": [3, 1, 5],
        }
    )
    found = level_shares(counts, "reporting_year")

    assert found["rows"].to_list() == [4, 5]
    assert found["LOW"].to_list() == [0.75, 0.0]
    assert found.select(pl.sum_horizontal(LEVELS)).to_series().to_list() == [1.0, 1.0]


@pytest.mark.parametrize(
    "length",
    [
        timedelta(0),
        timedelta(minutes=20),
        timedelta(hours=20),
        timedelta(days=25),
        timedelta(days=400),
        timedelta(days=3_000),
    ],
)
def test_periods_hold_every_row_and_are_few(length: timedelta) -> None:
    """A bar chart of a hundred bars is none; one that lacks a load is wrong."""
    loads = [load(NOON + length, rejected=2), load(NOON, duplicates=5)]
    found, _ = outcomes_by_period(loads)

    assert 1 <= found.height <= MOST_PERIODS
    sums = found.select(OUTCOMES).sum().row(0)
    assert sums == (20, 0, 5, 2)
    gaps = found["begins"].diff().drop_nulls()
    assert gaps.is_empty() or gaps.min() > timedelta(0)


def test_periods_without_a_load_are_there() -> None:
    """Who sees two bars side by side takes them for two days in a row."""
    found, every = outcomes_by_period([load(NOON), load(NOON + timedelta(days=20))])

    assert (found.height, every) == (21, "1d")
    assert found["inserted"].sum() == 20


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (0, "0"),
        (950, "950"),
        (999.6, "1k"),
        (11_900, "11.9k"),
        (999_999, "1M"),
        (1_500_000, "1.5M"),
        (2e9, "2B"),
    ],
)
def test_numbers_are_said_in_few_characters(number: float, said: str) -> None:
    """Axes have room for five; "1000k" is none that people say."""
    assert compact(number) == said


def test_figures_of_nothing_are_nothing() -> None:
    """A report on an empty database is made before the first load."""
    empty = counted(np.array([])).with_columns(risk_level=pl.lit("LOW"))
    stored = StoredScores(empty, empty, ("all others", "no sector given"))
    figures = ReportFigures(
        made_at=NOON,
        database="d",
        last=1,
        loads=(),
        states={},
        rejected=(),
        stored=stored,
        thresholds=LevelThresholds(),
        model="m",
    )

    assert (stored.rows, stored.shares(), figures.median_rate) == (0, {}, 0.0)


def test_loads_that_did_nothing_are_not_in_the_median() -> None:
    """What was stored already takes no time, and no row has no rate."""
    again = replace(load(NOON, 9e9), rows_written=0)
    none = load(NOON, 0.0, inserted=0)
    nothing = pl.DataFrame()
    figures = ReportFigures(
        made_at=NOON,
        database="d",
        last=9,
        loads=(again, none, none, load(NOON, 500.0)),
        states={},
        rejected=(),
        stored=StoredScores(nothing, nothing, ()),
        thresholds=LevelThresholds(),
        model="m",
    )

    assert figures.median_rate == 500.0
    assert figures.worked == (figures.loads[-1],)
