"""Ratios with the spread, the correlations and the memory of real accounts.

A Gaussian copula: normal scores that are correlated as the ranks of the real rows are,
each turned into the quantile of its ratio. Where the numbers come from is said in
``dummy_tables``.
"""

from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from bulk_pipeline.core.dummy_tables import (
    COMPANY_WEIGHT,
    MISSING_PATTERNS,
    PLACEHOLDER_SHARE,
    PROBABILITIES,
    QUANTILES,
    RANK_CORRELATIONS,
    YEAR_MEMORY,
)
from bulk_pipeline.core.schema import PLACEHOLDER, RATIOS

Floats = npt.NDArray[np.float64]

_DECIMALS = 3
_FURTHEST = 4.0  # normal scores beyond it, 1 of 16,000, get the extreme quantile
_STEPS_PER_UNIT = 64


def ratios(
    rng: np.random.Generator, companies: int, periods: int, missing_share: float
) -> Floats:
    """Ratios of some companies over some periods.

    Args:
        rng: what is drawn from.
        companies: how many, n.
        periods: years in a row, the same number for each company, m.
        missing_share: share of the n x m rows with at least one missing ratio.

    Returns:
        Array (5, n, m) in the order of ``RATIOS``, of three decimals, NaN where
        missing. A few cells hold the placeholder of real files.
    """
    scores = _correlated(_scores(rng, companies, periods))
    values = np.empty((len(RATIOS), companies, periods))
    for place, score in enumerate(scores):
        values[place] = _quantiles(place, score).T
    return _marred(rng, values.reshape(len(RATIOS), -1), missing_share).reshape(
        values.shape
    )


def _scores(rng: np.random.Generator, companies: int, periods: int) -> Floats:
    """Independent normal scores (5, m, n) that a company keeps in part."""
    lasting = rng.standard_normal((len(RATIOS), companies))
    years = rng.standard_normal((periods, len(RATIOS), companies))
    news = np.sqrt(1 - YEAR_MEMORY**2)
    for year in range(1, periods):
        years[year] *= news
        years[year] += YEAR_MEMORY * years[year - 1]
    years *= np.sqrt(1 - COMPANY_WEIGHT)
    years += np.sqrt(COMPANY_WEIGHT) * lasting
    return years.transpose(1, 0, 2)


def _correlated(scores: Floats) -> list[Floats]:
    """The scores of each ratio (m, n), correlated as the table says.

    The sums are written out: a matrix product adds in an order that depends on the
    machine and its threads, and equal requests must give equal bytes.
    """
    found = []
    for place, weights in enumerate(_FACTOR):
        total = weights[0] * scores[0]
        for other in range(1, place + 1):
            total = total + weights[other] * scores[other]
        found.append(total)
    return found


def _quantiles(place: int, scores: Floats) -> Floats:
    """Normal scores into values of a ratio, linear between the grid's points."""
    scaled = np.clip(scores, -_FURTHEST, _FURTHEST)
    scaled += _FURTHEST
    scaled *= _STEPS_PER_UNIT
    below = scaled.astype(np.int32)
    scaled -= below
    steps: Floats = _STEPS[place]
    values: Floats = steps.take(below)
    values *= scaled
    values += _GRID[place].take(below)
    values *= 10**_DECIMALS
    np.rint(values, out=values)
    values /= 10**_DECIMALS
    values += 0.0  # turns -0.0 into 0.0
    return values


def _marred(rng: np.random.Generator, values: Floats, missing_share: float) -> Floats:
    """The values with placeholders and missing cells of some rows."""
    count = rng.binomial(values.size, PLACEHOLDER_SHARE)
    values.ravel()[rng.integers(values.size, size=count)] = PLACEHOLDER
    draws: Floats = rng.random((values.shape[1],))
    rows = np.flatnonzero(draws < missing_share)
    kinds = np.searchsorted(_PATTERN_ENDS, draws[rows] / max(missing_share, 1e-300))
    for place, lacks in enumerate(_PATTERNS[kinds].T):
        values[place, rows[lacks]] = np.nan
    return values


def _lower_factor() -> tuple[tuple[float, ...], ...]:
    """Cholesky's factor of the correlations of the normal scores.

    2 sin(pi r / 6) is the correlation of two normal scores whose ranks correlate by r.
    """
    scores = 2 * np.sin(np.pi / 6 * np.array(RANK_CORRELATIONS))
    np.fill_diagonal(scores, 1.0)
    # Rounded: the last digits of a factorisation depend on the machine.
    factor = np.linalg.cholesky(scores).round(12)
    return tuple(tuple(map(float, row)) for row in factor)


def _even_grids() -> Floats:
    """The quantile functions (5, k) at evenly spaced normal scores.

    Even steps make a value a look-up; a search in the table takes five times as long.
    """
    points = np.linspace(
        -_FURTHEST, _FURTHEST, 2 * round(_FURTHEST * _STEPS_PER_UNIT) + 1
    )
    inner = [NormalDist().inv_cdf(p) for p in PROBABILITIES[1:-1]]
    known = [-_FURTHEST, *inner, _FURTHEST]
    return np.array([np.interp(points, known, QUANTILES[name]) for name in RATIOS])


_FACTOR = _lower_factor()
_GRID: Floats = _even_grids()
_STEPS: Floats = np.diff(_GRID, axis=1, append=_GRID[:, -1:])
_PATTERNS = np.array([[sign == "x" for sign in text] for text in MISSING_PATTERNS])
_PATTERN_ENDS = np.cumsum(list(MISSING_PATTERNS.values())) / sum(
    MISSING_PATTERNS.values()
)
