"""From a probability of default to a level and a confidence.

The thresholds belong to the model document; the rules belong here. What gives a
company its probability does not.
"""

import math
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from bulk_pipeline.core.errors import ModelRefused

LEVELS = ("LOW", "MEDIUM", "HIGH", "CRITICAL")
LEVEL_TYPE = pl.Enum(LEVELS)
"""Levels sort by risk, not by alphabet."""


@dataclass(frozen=True, slots=True)
class LevelThresholds:
    """Where one risk level ends and the next begins, as probabilities.

    Fractions: 0.02 is 2 %. A probability equal to ``medium`` or ``high`` has already
    reached that level; one equal to ``critical`` is still HIGH.

    Raises:
        ModelRefused: the three do not ascend within [0, 1]; names them.
    """

    medium: float = 0.02
    high: float = 0.05
    critical: float = 0.15

    def __post_init__(self) -> None:
        if not 0 <= self.medium < self.high < self.critical <= 1:
            raise ModelRefused(
                "The thresholds of the levels must ascend within 0 and 1: medium "
                f"{self.medium}, high {self.high}, critical {self.critical}. Put "
                "them in order, as fractions (0.02 is 2 %)."
            )


def risk_level(probability: pl.Expr, thresholds: LevelThresholds) -> pl.Expr:
    """Risk level of each probability.

    Args:
        probability: float64 in [0, 1], unrounded: rounding moves rows at a threshold.
        thresholds: where the levels begin.

    Returns:
        ``risk_level``, a ``LEVEL_TYPE``, in row order; null where the probability is
        null or NaN.
    """
    low, medium, high, critical = (pl.lit(name, dtype=LEVEL_TYPE) for name in LEVELS)
    return (
        pl.when(probability.fill_nan(None).is_null())
        .then(None)
        .when(probability > thresholds.critical)
        .then(critical)
        .when(probability >= thresholds.high)
        .then(high)
        .when(probability >= thresholds.medium)
        .then(medium)
        .otherwise(low)
        .alias("risk_level")
    )


def confidence(probability: pl.Expr) -> pl.Expr:
    """Distance of each probability from an even bet: max(2 · |p - 0.5|, 0.5).

    Returns:
        ``confidence``, float64 in [0.5, 1], in row order; null stays null and NaN
        stays NaN.
    """
    distance = 2 * (probability - 0.5).abs()
    return distance.clip(lower_bound=0.5).alias("confidence")


def scored(
    ratios: pl.DataFrame,
    probabilities: NDArray[np.float64],
    thresholds: LevelThresholds,
) -> pl.DataFrame:
    """The rows with their probability, risk level and confidence.

    Args:
        ratios: n rows; columns of the same names as the new ones are replaced.
        probabilities: (n,), in row order.
        thresholds: where the levels begin.

    Returns:
        All columns of ``ratios`` and then ``probability`` (float64),
        ``risk_level`` (``LEVEL_TYPE``) and ``confidence`` (float64), in row order,
        none of them null.

    Raises:
        ModelRefused: not one probability a row, or one outside [0, 1] or NaN; gives
            the counts or the range.
    """
    require_probabilities(probabilities, ratios.height)
    probability = pl.col("probability")
    return ratios.with_columns(
        pl.Series("probability", probabilities, dtype=pl.Float64)
    ).with_columns(risk_level(probability, thresholds), confidence(probability))


def require_probabilities(probabilities: NDArray[np.float64], rows: int) -> None:
    """Refuse what a model returned unless it is one probability a row.

    Raises:
        ModelRefused: another shape than (rows,), or a value outside [0, 1] or NaN.
    """
    if probabilities.shape != (rows,):
        raise ModelRefused(
            f"The model returned an array of shape {probabilities.shape} for {rows} "
            "rows. Use a model that returns one probability a row."
        )
    if not rows:
        return
    lowest, highest = float(probabilities.min()), float(probabilities.max())
    if math.isnan(lowest) or lowest < 0 or highest > 1:
        raise ModelRefused(
            f"The model returned values from {lowest} to {highest}, not "
            "probabilities. Use a model whose every score lies within 0 and 1."
        )
