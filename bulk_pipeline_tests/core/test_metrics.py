"""The laws of throughput: a rate is never infinite, a tier begins above its limit."""

import math

import pytest

from bulk_pipeline.core.metrics import STAGES, Tier, rows_per_second, tier


@pytest.mark.parametrize(
    ("rows", "seconds", "rate"),
    [(1_000_000, 5.0, 200_000.0), (0, 2.0, 0.0), (10, 0.0, 0.0), (1, 0.5, 2.0)],
)
def test_a_rate_is_rows_over_seconds(rows, seconds, rate):
    """A load too short for the clock must not divide by zero after it committed."""
    assert rows_per_second(rows, seconds) == rate


@pytest.mark.parametrize(
    ("limit", "at", "above"),
    [
        (100_000, Tier.STANDARD, Tier.HIGH),
        (500_000, Tier.HIGH, Tier.VERY_HIGH),
        (1_000_000, Tier.VERY_HIGH, Tier.ULTRA),
    ],
)
def test_a_tier_begins_above_its_limit(limit, at, above):
    """Two reports of one run would disagree if the limit belonged to both."""
    assert tier(math.nextafter(limit, 0)) == at
    assert tier(limit) == at
    assert tier(math.nextafter(limit, math.inf)) == above


@pytest.mark.parametrize(
    ("rate", "name"),
    [(0.0, "STANDARD"), (200_000.0, "HIGH"), (math.inf, "ULTRA")],
)
def test_a_tier_is_shown_by_its_name(rate, name):
    """People compare these words between reports; they must not change."""
    assert tier(rate) == name


def test_every_stage_has_its_own_name():
    """Two stages of one name would add up to one, and the total would not match."""
    assert len(set(STAGES)) == len(STAGES) == 6
