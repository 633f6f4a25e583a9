"""Parts of pictures that several plots share: axes of years, of groups, of shares."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bulk_pipeline.adapters.reporting.canvas import INCHES
from bulk_pipeline.adapters.reporting.plots import percent, shortened

SMALL = 9.0
"""Points of letters below an axis that has many."""
_TICKS = 6
_FEWEST_GROUPS, _FEWEST_YEARS = 4, 5


def height_for(groups: int) -> tuple[float, float]:
    """The size of a picture that is as high as its groups need, inches."""
    return INCHES[0], max(INCHES[1], 1.4 + 0.28 * groups)


def groups_down(axes: Any, names: Sequence[str]) -> NDArray[np.int64]:
    """Names beside the axis, the first on top; returns their places."""
    places = np.arange(len(names), dtype=np.int64)[::-1]
    axes.set_yticks(places, [shortened(name) for name in names])
    axes.set_ylim(-0.75, max(len(names), _FEWEST_GROUPS) - 0.25)
    axes.grid(visible=False, axis="y")
    return places


def years_along(axes: Any, years: Sequence[int]) -> None:
    """Whole years below the axis, not more than fit."""
    first, last = min(years), max(years)
    room = max(0.75, (_FEWEST_YEARS - (last - first)) / 2)
    axes.set_xlim(first - room, last + room)
    axes.xaxis.get_major_locator().set_params(integer=True, nbins=8)
    axes.grid(visible=False, axis="x")


def shares_of(axis: Any) -> None:
    """An axis from 0 to 100 %."""
    axis.set_view_interval(0, 1, ignore=True)
    axis.set_major_formatter(lambda value, _: percent(value, 0))
    axis.set_label_text("share of rows")


def spread(many: int) -> list[int]:
    """A few of so many places, the first and the last among them."""
    return sorted({int(n) for n in np.linspace(0, many - 1, min(many, _TICKS))})
