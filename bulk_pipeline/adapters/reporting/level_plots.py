"""Plots of the mix of risk levels in what is stored."""

import numpy as np
import polars as pl

from bulk_pipeline.adapters.reporting.axes import (
    groups_down,
    height_for,
    shares_of,
    years_along,
)
from bulk_pipeline.adapters.reporting.canvas import LEVEL_COLOURS, new_figure, png
from bulk_pipeline.adapters.reporting.plots import Plot, listed, percent, texts
from bulk_pipeline.core.reporting import StoredScores
from bulk_pipeline.core.reporting_bins import level_shares
from bulk_pipeline.core.risk import LEVELS
from bulk_pipeline.core.schema import SECTOR, YEAR

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
        "",
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
        "",
        _over_sectors(found, names),
        ("sector", *_HEADER),
        texts(names, found, _COLUMNS),
        impersonal=False,
    )


def _over_years(found: pl.DataFrame, years: list[int]) -> bytes:
    figure, axes = new_figure()
    below = np.zeros(found.height)
    for level in LEVELS:
        shares = found[level].to_numpy()
        colour, label = LEVEL_COLOURS[level], level.lower()
        axes.bar(years, shares, 0.8, bottom=below, color=colour, label=label)
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
        axes.barh(places, shares, 0.7, left=left, color=colour, label=label)
        left += shares
    shares_of(axes.xaxis)
    figure.legend(loc="outside upper center", ncols=len(LEVELS))
    return png(figure)


def _mix(stored: StoredScores) -> str:
    shares = stored.shares().items()
    return listed(f"{percent(share)} {level}" for level, share in shares if share)
