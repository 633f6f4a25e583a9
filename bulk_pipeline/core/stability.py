"""How far the accounts of a batch are from those that a model is used to.

The measure is the population stability index over bins. Which bins, and the counts of
the population to compare with, come from a reference; ``core.reference`` reads one.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from bulk_pipeline.core.schema import PLACEHOLDER

MODERATE = 0.1
"""Above it an index says that a population has moved a little, and above 0.25 that it
is another one. Source: Siddiqi, Credit Risk Scorecards (Wiley 2006), on reports of
stability; a rule of thumb of the trade, not a test of significance."""

LEAST_SHARE = 1e-4
"""Share that an emptier bin counts as. The logarithm of an empty one has no value;
Evidently, a library for such reports, puts the same figure there."""


_EQUAL = 1e-9  # relative; values nearer than that are one value


@dataclass(frozen=True, slots=True)
class Distribution:
    """Values of one column counted by bins; two with equal edges add up.

    Attributes:
        edges: upper bound of each bin, in it, ascending; the last is infinity.
        counts: values of each bin.
        missing: rows without a value.
        placeholders: values that are exactly 100000000; they are counted in their bin
            as well.
    """

    edges: tuple[float, ...]
    counts: tuple[int, ...]
    missing: int = 0
    placeholders: int = 0

    def __add__(self, other: "Distribution") -> "Distribution":
        if self.edges != other.edges:
            raise ValueError("Only distributions over the same bins add up.")
        return Distribution(
            self.edges,
            tuple(a + b for a, b in zip(self.counts, other.counts, strict=True)),
            self.missing + other.missing,
            self.placeholders + other.placeholders,
        )

    @property
    def rows(self) -> int:
        """How many rows were counted, those without a value included."""
        return sum(self.counts) + self.missing

    @property
    def by_bin(self) -> tuple[int, ...]:
        """Rows of each bin, then those without a value, which are a bin as well."""
        return (*self.counts, self.missing)

    def share(self, rows: int) -> float:
        """So many rows among all, 0 to 1; 0 where there are none."""
        return rows / self.rows if self.rows else 0.0

    @property
    def missing_share(self) -> float:
        """Rows without a value among all, 0 to 1."""
        return self.share(self.missing)

    @property
    def placeholder_share(self) -> float:
        """Rows with the placeholder among all, 0 to 1."""
        return self.share(self.placeholders)


def distribution(
    column: NDArray[np.float64],
    edges: Sequence[float] = (math.inf,),
    present: NDArray[np.bool_] | None = None,
) -> Distribution:
    """The values of a column counted by bins.

    Args:
        column: (n,), NaN where there is no value; n may be 0.
        edges: as in ``Distribution``; by default all values are one bin.
        present: (n,), False where there is no value either, whatever the column has
            there; None where only NaN says so.
    """
    # A comparison and a count for each edge take half as long as numbering the bins.
    held = np.empty(len(column), np.bool_)

    def counted(compare: np.ufunc, bound: float) -> int:
        compare(column, bound, out=held)
        if present is not None:
            np.logical_and(held, present, out=held)
        return int(np.count_nonzero(held))

    at_most = [0, *(counted(np.less_equal, edge) for edge in edges)]
    return Distribution(
        tuple(edges),
        tuple(upper - below for below, upper in pairwise(at_most)),
        len(column) - at_most[-1],
        counted(np.equal, PLACEHOLDER),
    )


def decile_edges(column: NDArray[np.float64]) -> tuple[float, ...]:
    """Edges that cut the values of a column into ten bins of about equal size.

    An edge lies midway between two values, since processors may differ in the last
    digits of a score and many scores are equal.

    Args:
        column: (n,), NaN where there is no value.

    Returns:
        Ascending, the last infinity. Where many values are equal there are fewer bins,
        and without values there is one.
    """
    values = np.unique(column[~np.isnan(column)])
    gaps = np.flatnonzero(np.diff(values) > _EQUAL * np.abs(values[1:]))
    middles = values[gaps] / 2 + values[gaps + 1] / 2
    if not len(middles):
        return (math.inf,)
    tenths = np.arange(1, 10) / 10
    cuts = np.nanquantile(column, tenths, method="lower")
    places = np.searchsorted(middles, cuts)
    edges = np.unique(middles[places[places < len(middles)]])
    return (*edges.tolist(), math.inf)


def stability_index(actual: Sequence[int], expected: Sequence[int]) -> float:
    """The population stability index of two populations over the same bins.

    It is the sum over the bins of (a - e) · ln(a / e), where a and e are the shares of
    a bin, at least ``LEAST_SHARE``. It is 0 for equal shares, the same both ways, never
    negative and always finite; for columns that do not depend on each other those of
    all columns add up to that of their combinations.

    Args:
        actual: rows of each bin; some bin has rows.
        expected: rows of each bin of the other population; some bin has rows.
    """
    a, e = (
        np.maximum(np.array(counts, np.float64) / sum(counts), LEAST_SHARE)
        for counts in (actual, expected)
    )
    return float(np.sum((a - e) * np.log(a / e)))


def index_by_chance(bins: int, rows: int, reference_rows: int) -> float:
    """The index to expect of two samples of one population.

    Of independent rows it is (bins - 1) · (1 / n + 1 / m), since the index times
    n · m / (n + m) is about chi-squared with bins - 1 degrees of freedom (Yurdakul,
    Statistical Properties of Population Stability Index, 2018). Rows of one company in
    several years are alike: there it is several times as much.

    Args:
        bins: how many there are, the missing one included.
        rows: n, at least 1.
        reference_rows: m, at least 1.
    """
    return (bins - 1) * (1 / rows + 1 / reference_rows)
