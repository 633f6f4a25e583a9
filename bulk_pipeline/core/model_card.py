"""What a scorecard can say: its bins in words, its range, rows to try a model on.

How it looks on a terminal belongs to the command line.
"""

import math

import numpy as np
import polars as pl

from bulk_pipeline.core.bins import Feature, bin_terms
from bulk_pipeline.core.risk import LEVELS, LevelThresholds, risk_level
from bulk_pipeline.core.schema import RATIOS
from bulk_pipeline.core.scorecard import Scorecard

PROBE_ROWS = pl.DataFrame(
    [
        (5.22, 0.227, 10.111, 62.886, 13.152),
        (70.0, 6.0, -5.0, 1.0, -3.0),
        (0.0, 0.0, 0.0, 0.0, 0.0),
        (None, None, None, None, None),
        (35.0, 2.5, 4.0, 5.0, 4.0),
        (120.0, -3.0, -150.0, -9.0, -120.0),
        (None, None, -24.182, 74.333, None),
    ],
    schema=dict.fromkeys(RATIOS, pl.Float64()),
    orient="row",
)
"""Accounts to try a model on: good, bad, all zero, all missing, odd."""


def bins_in_words(feature: Feature) -> list[tuple[str, float]]:
    """Each bin of a ratio as people read it, with its historic default rate.

    Returns:
        In ascending order, then the missing ratio. A value above every bin has the
        first bin's rate and is listed as a bin.
    """
    edges = feature.edges
    words = [
        _interval(below, upper)
        for below, upper in zip((-math.inf, *edges[:-1]), edges, strict=True)
    ]
    bins = list(zip(words, feature.rates, strict=True))
    return [*bins, ("missing", feature.missing_default_rate)]


def probability_range(scorecard: Scorecard) -> tuple[float, float]:
    """The lowest and the highest probability that any accounts can get.

    A probability rises with each ratio's share of z, so the lowest shares together
    give the lowest one. Both are scored like any row.
    """
    shares = [bin_terms(feature) for feature in scorecard.features]
    extremes = [
        [
            _value(feature, int(choose(share)))
            for feature, share in zip(scorecard.features, shares, strict=True)
        ]
        for choose in (np.argmin, np.argmax)
    ]
    lowest, highest = scorecard.probabilities(np.array(extremes))
    return float(lowest), float(highest)


def possible_levels(
    lowest: float, highest: float, thresholds: LevelThresholds
) -> tuple[str, ...]:
    """The levels from that of ``lowest`` to that of ``highest``; no other can occur."""
    ends = pl.DataFrame({"p": [lowest, highest]}).select(
        risk_level(pl.col("p"), thresholds).to_physical()
    )
    first, last = ends["risk_level"]
    return LEVELS[first : last + 1]


def _interval(below: float, upper: float) -> str:
    if math.isinf(below) and math.isinf(upper):
        return "any number"
    if math.isinf(below):
        return f"up to {upper:.10g}"
    if math.isinf(upper):
        return f"above {below:.10g}"
    return f"above {below:.10g} up to {upper:.10g}"


def _value(feature: Feature, edges_at_or_above: int) -> float:
    """A ratio with so many of the feature's edges at or above it; NaN for none."""
    return feature.edges[-edges_at_or_above] if edges_at_or_above else math.nan
