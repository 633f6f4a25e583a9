"""Parts of pictures that several plots share: axes of years, of groups, of shares."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bulk_pipeline.adapters.reporting.canvas import INCHES, can_be_drawn
from bulk_pipeline.adapters.reporting.plots import percent, shortened

SMALL = 9.0
"""Points of letters below an axis that has many."""
FEW_YEARS = 12
"""Bars of so many years are wide enough for a number."""
_TICKS = 6
_FEWEST_GROUPS, _FEWEST_YEARS = 4, 5


def height_for(groups: int) -> tuple[float, float]:
    """The size of a picture that is as high as its groups need, inches."""
    return INCHES[0], max(INCHES[1], 1.4 + 0.28 * groups)


def groups_down(axes: Any, names: Sequence[str]) -> NDArray[np.int64]:
    """Names beside the axis, the first on top; returns their places.

    A name with a sign that no font here has stands as the number of its row in the
    table, which the reader's browser can show.
    """
    places = np.arange(len(names), dtype=np.int64)[::-1]
    words = [
        shortened(name) if can_be_drawn(name) else f"(row {row} of the numbers)"
        for row, name in enumerate(names, start=1)
    ]
    axes.set_yticks(places, words)
    axes.set_ylim(*around(len(names), _FEWEST_GROUPS))
    axes.grid(visible=False, axis="y")
    return places


def around(many: int, fewest: int) -> tuple[float, float]:
    """Ends of an axis with so many bars in its middle, and room for a few at least."""
    middle, half = (many - 1) / 2, max(many, fewest) / 2 + 0.25
    return middle - half, middle + half


def years_along(axes: Any, years: Sequence[int]) -> None:
    """Whole years below the axis, not more than fit."""
    first, last = min(years), max(years)
    room = max(0.75, (_FEWEST_YEARS - (last - first)) / 2)
    axes.set_xlim(first - room, last + room)
    axes.xaxis.get_major_locator().set_params(integer=True, nbins=8)
    axes.grid(visible=False, axis="x")
    axes.set_xlabel("reporting year")


def shares_of(axis: Any) -> None:
    """An axis from 0 to 100 %."""
    axis.set_view_interval(0, 1, ignore=True)
    axis.set_major_formatter(lambda value, _: percent(value, 0))
    axis.set_label_text("share of rows")


def spread(many: int) -> list[int]:
    """A few of so many places, equally far from each other, the last among them."""
    step = max(1, -(-(many - 1) // (_TICKS - 1)))
    return sorted(range(many - 1, -1, -step))
