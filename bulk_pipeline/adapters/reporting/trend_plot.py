"""The plot of how fast loads were."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bulk_pipeline.adapters.reporting.axes import SMALL, spread
from bulk_pipeline.adapters.reporting.canvas import (
    INK,
    QUIET,
    TIER_LOOKS,
    new_figure,
    png,
)
from bulk_pipeline.adapters.reporting.plots import Plot, loads_in_words
from bulk_pipeline.core.metrics import LoadFigures
from bulk_pipeline.core.performance import rate_text
from bulk_pipeline.core.reporting import compact

LOG_FROM = 20
"""Ratio of the largest to the smallest rate from which a scale is logarithmic."""
MEDIAN_OF = 9
"""Loads in the running median."""
LISTED = 20
"""Loads in the table: the last ones."""
_HEADER = (
    "finished (UTC)",
    "batch",
    "rows read",
    "seconds",
    "rows/s",
    "peak memory",
    "tier",
)
_CAPTION = (
    "One mark a load, oldest first; the larger, the more rows it read. Small loads are "
    "slower a row, since each load has fixed costs."
)
_LINE = f" The line is the running median of {MEDIAN_OF} loads."
_LEFT_OUT = " Left out, since they had no rows to load: {:,}."

_SIZES_DIFFER = 3
"""Ratio of the most to the fewest rows from which marks look different."""
_PATTERNS = ("%d %b\n%Y", "%H:%M\n%d %b", "%H:%M:%S\n%d %b")
"""How moments are written: the first that tells them apart."""

Rates = NDArray[np.float64]


def trend(loads: Sequence[LoadFigures], left_out: int = 0) -> Plot:
    """Rows per second of some loads.

    Args:
        loads: at least one, oldest first; each did work of its own.
        left_out: loads among them that did not, which have no rate.
    """
    rates = np.array([load.rows_per_second for load in loads])
    middle, low, high = (
        compact(float(value)) for value in (np.median(rates), rates.min(), rates.max())
    )
    return Plot(
        "rows-per-second",
        "Rows per second",
        f"Scatter plot of rows per second of {loads_in_words(len(loads))}: median "
        f"{middle}, lowest {low}, highest {high}.",
        _CAPTION
        + (_LINE if len(loads) >= MEDIAN_OF else "")
        + (_LEFT_OUT.format(left_out) if left_out else ""),
        _drawn(loads, rates),
        _HEADER,
        tuple(_row(load) for load in reversed(loads[-LISTED:])),
    )


def _drawn(loads: Sequence[LoadFigures], rates: Rates) -> bytes:
    figure, axes = new_figure()
    for name, (colour, shape) in TIER_LOOKS.items():
        chosen = [n for n, load in enumerate(loads) if load.tier == name]
        sizes = [_area(loads[n].rows_read) for n in chosen]
        look = {"c": colour, "marker": shape, "edgecolors": "white", "alpha": 0.8}
        axes.scatter(chosen, rates[chosen], sizes, linewidths=0.6, zorder=3, **look)
    if len(loads) >= MEDIAN_OF:
        axes.plot(_running_median(rates), color=INK, linewidth=1.4, zorder=2)
    _up(axes, rates)
    _along(axes, loads)
    tiers, sizes = _legends(loads)
    figure.legend(handles=tiers, loc="outside upper center", ncols=len(TIER_LOOKS))
    if sizes:
        figure.legend(handles=sizes, loc="outside lower center", ncols=len(sizes))
    return png(figure)


def _area(rows: int) -> float:
    """Area of a mark, square points: grows with the logarithm of the rows."""
    return 14.0 + 16.0 * float(np.log10(max(rows, 1)))


def _running_median(rates: Rates) -> list[float]:
    """Median around each rate; at the ends of those that are there."""
    half = MEDIAN_OF // 2
    return [
        float(np.median(rates[max(0, n - half) : n + half + 1]))
        for n in range(len(rates))
    ]


def _up(axes: Any, rates: Rates) -> None:
    """The scale of the rates: from 0, or logarithmic where they differ much."""
    from matplotlib.ticker import LogLocator, NullFormatter  # noqa: PLC0415

    lowest, highest = float(rates[rates > 0].min(initial=np.inf)), float(rates.max())
    if highest / lowest >= LOG_FROM:
        axes.set_yscale("log")
        axes.set_ylim(lowest / 1.6, highest * 1.6)
        axes.yaxis.set_major_locator(LogLocator(10, subs=(1.0, 3.0)))
        axes.yaxis.set_minor_formatter(NullFormatter())
    else:
        axes.set_ylim(0, 1.15 * highest or 1)
    axes.yaxis.set_major_formatter(lambda value, _: compact(value))
    axes.set_ylabel("rows per second")


def _along(axes: Any, loads: Sequence[LoadFigures]) -> None:
    """When a few of the loads were, evenly spread."""
    moments = [loads[n].finished_at for n in spread(len(loads))]
    for pattern in _PATTERNS:
        words = [moment.strftime(pattern) for moment in moments]
        if len({*words}) == len(words):
            break
    axes.set_xticks(spread(len(loads)), words)
    axes.set_xlabel("finished (UTC)")
    axes.tick_params(axis="x", labelsize=SMALL)
    margin = max(0.03 * len(loads), 0.5)
    axes.set_xlim(-margin, len(loads) - 1 + margin)
    axes.grid(visible=False, axis="x")


def _legends(loads: Sequence[LoadFigures]) -> tuple[list[Any], list[Any]]:
    """The tiers that occur, and what the size of a mark means where sizes differ."""
    from matplotlib.lines import Line2D  # noqa: PLC0415

    def mark(label: str, shape: str, colour: str, area: float) -> Any:
        look: dict[str, Any] = {"marker": shape, "color": colour}
        return Line2D([], [], linestyle="", label=label, markersize=area**0.5, **look)

    here = {load.tier for load in loads}
    tiers = [
        mark(name.lower(), shape, colour, 55.0)
        for name, (colour, shape) in TIER_LOOKS.items()
        if name in here
    ]
    rows = [load.rows_read for load in loads]
    ends = (_rounded(min(rows)), _rounded(max(rows)))
    if ends[1] < _SIZES_DIFFER * ends[0]:
        return tiers, []
    return tiers, [mark(_rows(end), "o", QUIET, _area(end)) for end in ends]


def _rounded(rows: int) -> int:
    """A number of rows down to its first digit; 1 for none."""
    digits = str(max(rows, 1))
    return int(digits[0].ljust(len(digits), "0"))


def _rows(many: int) -> str:
    return "1 row" if many == 1 else f"{compact(many)} rows"


def _row(load: LoadFigures) -> tuple[str, ...]:
    return (
        f"{load.finished_at:%Y-%m-%d %H:%M:%S}",
        load.batch,
        f"{load.rows_read:,}",
        f"{load.seconds:,.2f}",
        rate_text(load.rows_per_second),
        f"{load.peak_memory_bytes / 2**20:,.0f} MiB",
        load.tier,
    )
