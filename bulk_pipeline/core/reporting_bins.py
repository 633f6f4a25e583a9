"""Histograms of the probability over fixed bins, and what can be told from them.

The bins are so narrow that a quantile from them is as good as one from the rows for
anybody who looks at a picture, and so few that ten million rows become some thousand
counts.
"""

import numpy as np
import polars as pl
from numpy.typing import NDArray

from bulk_pipeline.core.risk import LEVELS

FINE, FINE_BINS, FINE_TO = 0.0001, 1000, 0.1
"""Width and number of the bins below ``FINE_TO``, in probabilities."""
COARSE, COARSE_BINS = 0.001, 900
"""Width and number of those above, up to 1; a probability of 1 has a bin of its own."""

QUANTILES = {"p05": 0.05, "p25": 0.25, "p50": 0.5, "p75": 0.75, "p95": 0.95}
"""Column → the share of rows that lie at or below it."""


def bin_number(probability: pl.Expr) -> pl.Expr:
    """The bin of each probability: from 0, Int32; null stays null."""
    fine = (probability / FINE).cast(pl.Int32)
    coarse = (probability / COARSE).cast(pl.Int32) + (FINE_BINS - 100)
    return pl.when(probability < FINE_TO).then(fine).otherwise(coarse).alias("bin")


def edges() -> NDArray[np.float64]:
    """Lower edge of each bin, and the upper one of the last; from 0 to 1, ascending."""
    fine = np.arange(FINE_BINS) * FINE
    coarse = FINE_TO + np.arange(COARSE_BINS) * COARSE
    return np.concatenate([fine, coarse, [1.0, 1.0]])


def quantiles(counts: pl.DataFrame, by: str) -> pl.DataFrame:
    """Quantiles of each group of a histogram.

    Args:
        counts: columns ``by``, ``bin`` and ``rows`` (1 or more); a bin may be repeated.
        by: the column of the groups.

    Returns:
        A row for each group, in the order of ``by``: ``by``, ``rows`` (Int64), and the
        columns of ``QUANTILES`` (Float64), each wrong by less than the width of its
        bin: 0.0001 below 0.1 and 0.001 above.
    """
    limits = edges()
    bins = counts.group_by(by, "bin").agg(pl.col("rows").sum().cast(pl.Int64))
    bins = bins.sort(by, "bin")
    numbers = bins["bin"].to_numpy()
    rows, reached = pl.col("rows"), pl.col("reached")
    bins = bins.with_columns(
        lower=pl.Series(limits[numbers], dtype=pl.Float64),
        width=pl.Series(np.diff(limits)[numbers], dtype=pl.Float64),
        reached=rows.cum_sum().over(by),
        total=rows.sum().over(by),
    )

    def value(share: float) -> pl.Expr:
        before, wanted = reached - rows, pl.col("total") * share
        inside = pl.col("lower") + pl.col("width") * (wanted - before) / rows
        return inside.filter((before < wanted) & (wanted <= reached)).first()

    return (
        bins.group_by(by)
        .agg(rows.sum(), **{name: value(share) for name, share in QUANTILES.items()})
        .sort(by)
    )


def level_shares(counts: pl.DataFrame, by: str) -> pl.DataFrame:
    """Share of each risk level in each group of a histogram.

    Args:
        counts: columns ``by``, ``risk_level`` and ``rows`` (1 or more).
        by: the column of the groups.

    Returns:
        A row for each group, in the order of ``by``: ``by``, ``rows`` (Int64), and a
        column for each level (Float64) from 0 to 1, which add up to 1.
    """
    rows = pl.col("rows")
    shares = {
        level: rows.filter(pl.col("risk_level") == level).sum() / rows.sum()
        for level in LEVELS
    }
    return counts.group_by(by).agg(rows=rows.sum().cast(pl.Int64), **shares).sort(by)
