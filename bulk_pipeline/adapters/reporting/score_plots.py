"""Plots of the probabilities of default that are stored."""

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import polars as pl

from bulk_pipeline.adapters.reporting.axes import groups_down, height_for, years_along
from bulk_pipeline.adapters.reporting.canvas import INK, QUIET, new_figure, png
from bulk_pipeline.adapters.reporting.plots import (
    PERCENT,
    Plot,
    limit,
    percent,
    texts,
)
from bulk_pipeline.core.reporting import StoredScores
from bulk_pipeline.core.reporting_bins import (
    COARSE,
    FINE,
    FINE_TO,
    QUANTILES,
    quantiles,
)
from bulk_pipeline.core.risk import LevelThresholds
from bulk_pipeline.core.schema import SECTOR, YEAR

LOG_FROM = 20
"""Ratio of the largest to the smallest value from which a scale is logarithmic."""
RESOLUTION = (
    f"Quantiles come from counts in bins of {100 * FINE:g} percentage points "
    f"({100 * COARSE:g} above {100 * FINE_TO:g}{PERCENT}) and are exact to that."
)
_BLUE, _MIDDLE, _PALE = "#1f5fa8", "#6f9fd0", "#b5cfeb"
_LABEL = {
    "textcoords": "offset points",
    "fontsize": 8.5,
    "color": INK,
    "bbox": {"facecolor": "white", "alpha": 0.75, "linewidth": 0, "pad": 1},
}
_DASHED = {"color": QUIET, "linewidth": 1, "linestyle": "--"}
_COLUMNS = ("rows", *QUANTILES)
_HEADER = ("rows", "5 %", "25 %", "median", "75 %", "95 %")
_LINES_APART, _NAMES_APART = 0.07, 0.45
"""Shares of an axis that labels need which lie above, or beside, each other."""
_POINTS_OF_LINE, _POINTS_OF_LABEL = 11, 105
"""Height and width of a label."""
_MOST_MARKS = 40
"""Years with a mark each; more would touch each other."""


@dataclass(frozen=True, slots=True)
class Scale:
    """What an axis of probabilities shows.

    Attributes:
        low: its lower end.
        high: its upper end.
        levels: names of levels and where on it they begin.
    """

    low: float
    high: float
    levels: tuple[tuple[str, float], ...]

    @classmethod
    def of(cls, found: pl.DataFrame, thresholds: LevelThresholds) -> "Scale":
        """Room for all quantiles, and for the next threshold above if it is near."""
        low, high = found["p05"].to_numpy().min(), found["p95"].to_numpy().max()
        levels = asdict(thresholds)
        near = [value for value in levels.values() if high < value <= 2 * high]
        high = min(near, default=high)
        room = max(0.08 * (high - low), FINE)
        low, high = max(low - room, 0.0, 0.5 * low), min(high + room, 1.0)
        shown = [(n.upper(), v) for n, v in levels.items() if low <= v <= high]
        return cls(low, high, tuple(shown))

    @property
    def is_log(self) -> bool:
        """Whether it is logarithmic."""
        return self.low > 0 and self.high / self.low >= LOG_FROM

    def place(self, value: float) -> float:
        """Where a value is on the axis, from 0 to 1."""
        low, high, here = self.low, self.high, value
        if self.is_log:
            low, high, here = math.log(low), math.log(high), math.log(value)
        return (here - low) / (high - low)

    def labels(self, apart: float) -> list[tuple[str, float, int]]:
        """Levels in words, where each begins, and a row for it.

        Args:
            apart: what two labels of one row are apart at least, from 0 to 1.
        """
        found, taken = [], [-1.0] * len(self.levels)
        for name, value in self.levels:
            place = self.place(value)
            row = next(n for n, last in enumerate(taken) if place - last >= apart)
            taken[row] = place
            found.append((limit(name, value), value, row))
        return found

    def put_on(self, axis: Any) -> None:
        """Give an axis of matplotlib these ends, and percentages along it."""
        from matplotlib.ticker import LogLocator, NullFormatter  # noqa: PLC0415

        if self.is_log:
            setter = {"x": axis.axes.set_xscale, "y": axis.axes.set_yscale}
            setter[axis.axis_name]("log")
            axis.set_major_locator(LogLocator(10, subs=(1.0, 2.0, 5.0)))
            axis.set_minor_formatter(NullFormatter())
        axis.set_view_interval(self.low, self.high, ignore=True)
        axis.set_major_formatter(lambda value, _: f"{100 * value:.4g} %")
        axis.set_label_text("probability of default")


def by_year(stored: StoredScores, thresholds: LevelThresholds) -> Plot:
    """Probabilities of default by reporting year as bands; rows are stored."""
    found = quantiles(stored.by_year, YEAR.name)
    years = list(map(str, found[YEAR.name]))
    medians = [percent(value, 2) for value in found["p50"]]
    return Plot(
        "probability-by-year",
        "Probability of default by reporting year",
        f"Bands of the probability of default by reporting year: median {medians[0]} "
        f"in {years[0]}, {medians[-1]} in {years[-1]}.",
        "The bands hold the middle 90 and 50 percent of the rows of a year. "
        f"{RESOLUTION}",
        _bands(found, Scale.of(found, thresholds)),
        ("year", *_HEADER),
        texts(years, found, _COLUMNS),
    )


def by_sector(stored: StoredScores, thresholds: LevelThresholds) -> Plot:
    """Probabilities of default by sector as boxes, the highest median first."""
    found = quantiles(stored.by_sector, SECTOR.name).sort("p50", descending=True)
    names = [stored.sectors[place] for place in found[SECTOR.name]]
    medians = [percent(value, 2) for value in found["p50"]]
    return Plot(
        "probability-by-sector",
        "Probability of default by sector",
        f"Boxes of the probability of default for {found.height} groups of sectors: "
        f"highest median {medians[0]} ({names[0]}), lowest {medians[-1]} "
        f"({names[-1]}).",
        "The box holds the middle half of the rows, the whiskers "
        f"90{PERCENT} of them, the line is the median; the highest is on top. "
        f"{RESOLUTION}",
        _boxes(found, names, Scale.of(found, thresholds)),
        ("sector", *_HEADER),
        texts(names, found, _COLUMNS),
        impersonal=False,
    )


def _bands(found: pl.DataFrame, scale: Scale) -> bytes:
    figure, axes = new_figure()
    years, at = _with_gaps(found)
    # A year whose neighbours are missing has no width of its own in a band.
    there = np.pad(~np.isnan(at["p50"]), 1)
    alone = there[1:-1] & ~there[:-2] & ~there[2:]
    for low, high, colour, label in (
        ("p05", "p95", _PALE, "90 % of rows"),
        ("p25", "p75", _MIDDLE, "50 % of rows"),
    ):
        below, above = at[low], at[high]
        axes.fill_between(years, below, above, linewidth=0, label=label, color=colour)
        axes.vlines(years[alone], below[alone], above[alone], colour, linewidth=6)
    mark = "o" if found.height <= _MOST_MARKS else ""
    look = {"color": INK, "linewidth": 1.5, "marker": mark, "markersize": 3.5}
    axes.plot(years, at["p50"], label="median", **look)
    years_along(axes, found[YEAR.name].to_list())
    scale.put_on(axes.yaxis)
    for words, value, row in scale.labels(apart=_LINES_APART):
        axes.axhline(value, **_DASHED)
        place = {"xy": (1, value), "xycoords": ("axes fraction", "data")}
        # In the lower half there is room below the rows that lie above the line.
        below = _LINES_APART < scale.place(value) < 0.5  # noqa: PLR2004
        up, side = (-4, "top") if below else (3, "bottom")
        left = -3 - row * _POINTS_OF_LABEL
        axes.annotate(words, xytext=(left, up), ha="right", va=side, **place, **_LABEL)
    figure.legend(loc="outside upper center", ncols=3)
    return png(figure)


def _with_gaps(found: pl.DataFrame) -> tuple[Any, dict[str, Any]]:
    """Every year from the first to the last; NaN where nothing is stored of one."""
    first, last = found[YEAR.name][0], found[YEAR.name][-1]
    years = pl.DataFrame({YEAR.name: range(first, last + 1)})
    whole = years.join(found, on=YEAR.name, how="left").sort(YEAR.name)
    columns = {name: whole[name].to_numpy() for name in QUANTILES}
    return whole[YEAR.name].to_numpy(), columns


def _boxes(found: pl.DataFrame, names: list[str], scale: Scale) -> bytes:
    figure, axes = new_figure(height_for(found.height))
    places = groups_down(axes, names)
    parts = {"whislo": "p05", "q1": "p25", "med": "p50", "q3": "p75", "whishi": "p95"}
    axes.bxp(
        [
            {part: row[column] for part, column in parts.items()}
            for row in found.iter_rows(named=True)
        ],
        positions=places,
        manage_ticks=False,
        orientation="horizontal",
        widths=0.6,
        showfliers=False,
        patch_artist=True,
        boxprops={"facecolor": _PALE, "edgecolor": _BLUE},
        medianprops={"color": INK, "linewidth": 1.8},
        whiskerprops={"color": _BLUE},
        capprops={"color": _BLUE},
    )
    scale.put_on(axes.xaxis)
    for words, value, row in scale.labels(apart=_NAMES_APART):
        axes.axvline(value, **_DASHED)
        place = {"xy": (value, 1), "xycoords": ("data", "axes fraction")}
        up = 4 + row * _POINTS_OF_LINE
        axes.annotate(words, xytext=(0, up), ha="center", **place, **_LABEL)
    return png(figure)
