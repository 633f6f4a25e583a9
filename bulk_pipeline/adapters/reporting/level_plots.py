"""Plots of the mix of risk levels in what is stored."""

from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from bulk_pipeline.adapters.reporting.axes import (
    FEW_YEARS,
    SMALL,
    groups_down,
    height_for,
    shares_of,
    years_along,
)
from bulk_pipeline.adapters.reporting.canvas import (
    LEVEL_COLOURS,
    LEVEL_INKS,
    new_figure,
    png,
)
from bulk_pipeline.adapters.reporting.plots import Plot, listed, percent, texts
from bulk_pipeline.core.reporting import StoredScores
from bulk_pipeline.core.reporting_bins import level_shares
from bulk_pipeline.core.risk import LEVELS
from bulk_pipeline.core.schema import SECTOR, YEAR

Shares = NDArray[np.float64]

_ROOM = 0.08
"""The smallest share that has room for its number."""
_COLUMNS = ("rows", *LEVELS)
_HEADER = ("rows", *map(str.lower, LEVELS))


def levels_by_year(stored: StoredScores) -> Plot:
    """Shares of the risk levels by reporting year, stacked; rows are stored."""
    found = level_shares(stored.by_year, YEAR.name)
    years = found[YEAR.name].to_list()
    return Plot(
        "levels-by-year",
        "Risk levels by reporting year",
        f"Stacked shares of the risk levels by reporting year; in all {_mix(stored)}.",
        "Each bar is all stored rows of its year, however many these are.",
        _over_years(found, years),
        ("year", *_HEADER),
        texts(list(map(str, years)), found, _COLUMNS),
    )


def levels_by_sector(stored: StoredScores) -> Plot:
    """Shares of the risk levels by sector, the most dangerous mix first."""
    found = level_shares(stored.by_sector, SECTOR.name)
    found = found.sort(list(reversed(LEVELS)), descending=True)
    names = [stored.sectors[place] for place in found[SECTOR.name]]
    return Plot(
        "levels-by-sector",
        "Risk levels by sector",
        f"Stacked shares of the risk levels for {found.height} groups of sectors; in "
        f"all {_mix(stored)}.",
        "Each bar is all stored rows of its sector, however many these are; the worst "
        "mix is on top.",
        _over_sectors(found, names),
        ("sector", *_HEADER),
        texts(names, found, _COLUMNS),
        impersonal=False,
    )


def _over_years(found: pl.DataFrame, years: list[int]) -> bytes:
    figure, axes = new_figure()
    below = np.zeros(found.height)
    few = years[-1] - years[0] < FEW_YEARS
    # Bars of many years touch each other: gaps of a pixel flicker, and so do seams.
    look = {"width": 0.8} if few else {"width": 1.0, "antialiased": False}
    for level in LEVELS:
        shares = found[level].to_numpy()
        colour, label = LEVEL_COLOURS[level], level.lower()
        bars = axes.bar(years, shares, bottom=below, color=colour, label=label, **look)
        if few:
            _shares_inside(axes, bars, level, shares)
        below += shares
    shares_of(axes.yaxis)
    years_along(axes, years)
    figure.legend(loc="outside upper center", ncols=len(LEVELS))
    return png(figure)


def _over_sectors(found: pl.DataFrame, names: list[str]) -> bytes:
    figure, axes = new_figure(height_for(found.height))
    places = groups_down(axes, names)
    left = np.zeros(found.height)
    for level in LEVELS:
        shares = found[level].to_numpy()
        colour, label = LEVEL_COLOURS[level], level.lower()
        bars = axes.barh(places, shares, 0.7, left=left, color=colour, label=label)
        _shares_inside(axes, bars, level, shares)
        left += shares
    shares_of(axes.xaxis)
    figure.legend(loc="outside upper center", ncols=len(LEVELS))
    return png(figure)


def _shares_inside(axes: Any, bars: Any, level: str, shares: Shares) -> None:
    """Each share in its part of a bar, where there is room for it."""
    words = [percent(share, 0) if share >= _ROOM else "" for share in shares]
    look = {"color": LEVEL_INKS[level], "fontsize": SMALL}
    axes.bar_label(bars, words, label_type="center", **look)


def _mix(stored: StoredScores) -> str:
    shares = stored.shares().items()
    return listed(f"{percent(share)} {level}" for level, share in shares if share)
