"""Levels and confidence, from vectors of probabilities and not from one model."""

import numpy as np
import polars as pl
import pytest

from bulk_pipeline.core.errors import ModelRefused
from bulk_pipeline.core.risk import (
    LEVELS,
    LevelThresholds,
    confidence,
    risk_level,
    scored,
)

P = pl.col("p")


def levels_of(*probabilities: float | None) -> list[str | None]:
    """The levels of some probabilities under the usual thresholds."""
    rows = pl.DataFrame({"p": probabilities}, schema={"p": pl.Float64})
    return rows.select(risk_level(P, LevelThresholds()))["risk_level"].to_list()


@pytest.mark.parametrize(
    ("threshold", "below", "at", "above"),
    [
        (0.02, "LOW", "MEDIUM", "MEDIUM"),
        (0.05, "MEDIUM", "HIGH", "HIGH"),
        (0.15, "HIGH", "HIGH", "CRITICAL"),
    ],
)
def test_a_level_turns_at_its_threshold_and_at_no_neighbour(
    threshold, below, at, above
):
    """Three rows in four lie near 0.02; a wrong comparison moves whole portfolios."""
    found = levels_of(
        float(np.nextafter(threshold, 0)), threshold, float(np.nextafter(threshold, 1))
    )
    assert found == [below, at, above]


def test_the_ends_of_the_range_are_low_and_critical():
    """A certain default must not wrap round to a harmless level."""
    assert levels_of(0.0, 1.0) == ["LOW", "CRITICAL"]


def test_a_row_without_probability_has_no_level():
    """LOW for a row that was never scored would be a false all-clear."""
    assert levels_of(None, float("nan"), 0.5) == [None, None, "CRITICAL"]


def test_levels_sort_by_risk():
    """Sorted as text, CRITICAL would come before LOW in every report."""
    found = pl.Series(levels_of(0.5, 0.01, 0.06, 0.03), dtype=pl.Enum(LEVELS))
    assert found.sort().to_list() == list(LEVELS)


def test_other_thresholds_give_other_levels():
    """Another model has another range of scores, so the thresholds travel with it."""
    rows = pl.DataFrame({"p": [0.1, 0.3, 0.6, 0.9]})
    found = rows.select(risk_level(P, LevelThresholds(0.2, 0.5, 0.8)))["risk_level"]
    assert found.to_list() == list(LEVELS)


@pytest.mark.parametrize(
    "figures",
    [
        (0.05, 0.02, 0.15),
        (0.02, 0.02, 0.15),
        (0.02, 0.15, 0.15),
        (-0.1, 0.05, 0.15),
        (2.0, 5.0, 15.0),
        (0.02, 0.05, float("nan")),
    ],
)
def test_thresholds_that_do_not_ascend_are_refused(figures):
    """A level that no probability can reach would hide a mistake for years."""
    with pytest.raises(ModelRefused, match="must ascend within 0 and 1"):
        LevelThresholds(*figures)


@pytest.mark.parametrize(
    ("probability", "expected"),
    [(0.0, 1.0), (0.02, 0.96), (0.25, 0.5), (0.4, 0.5), (0.5, 0.5), (0.9, 0.8)],
)
def test_confidence_is_twice_the_distance_from_a_half_and_never_below_it(
    probability, expected
):
    """The floor is part of the rule that users know from their reports."""
    found = pl.DataFrame({"p": [probability]}).select(confidence(P)).item()
    assert found == pytest.approx(expected, rel=1e-15)


def test_confidence_of_no_probability_is_null():
    """A floor of 0.5 for an unscored row would look like a coin that was tossed."""
    rows = pl.DataFrame({"p": [None]}, schema={"p": pl.Float64})
    assert rows.select(confidence(P)).item() is None


def test_scored_rows_keep_their_columns_and_their_order():
    """A score beside the wrong company is worse than none."""
    rows = pl.DataFrame({"company_symbol": ["B", "A", "C"]})
    found = scored(rows, np.array([0.16, 0.01, 0.03]), LevelThresholds())
    assert found.columns == [
        "company_symbol",
        "probability",
        "risk_level",
        "confidence",
    ]
    assert found["company_symbol"].to_list() == ["B", "A", "C"]
    assert found["risk_level"].to_list() == ["CRITICAL", "LOW", "MEDIUM"]
    assert found.null_count().sum_horizontal().item() == 0


def test_no_rows_are_scored_as_no_rows_of_the_same_types():
    """A file of rejects alone goes the same way as any other."""
    rows = pl.DataFrame(schema={"company_symbol": pl.String})
    found = scored(rows, np.empty(0), LevelThresholds())
    assert found.height == 0
    assert found.schema["probability"] == pl.Float64
    assert found.schema["risk_level"] == pl.Enum(LEVELS)


@pytest.mark.parametrize("shape", [(2,), (4,), (1,), (3, 1)])
def test_a_model_that_miscounts_rows_is_refused(shape):
    """One score too few would shift every row after it."""
    rows = pl.DataFrame({"a": [1, 2, 3]})
    with pytest.raises(ModelRefused, match="for 3 rows"):
        scored(rows, np.full(shape, 0.1), LevelThresholds())


@pytest.mark.parametrize("value", [-1e-9, 1.000001, float("nan"), float("inf")])
def test_a_score_that_is_no_probability_is_refused(value):
    """NaN compares as greater than any threshold and would be stored as CRITICAL."""
    rows = pl.DataFrame({"a": [1, 2]})
    with pytest.raises(ModelRefused, match="not probabilities"):
        scored(rows, np.array([0.1, value]), LevelThresholds())
