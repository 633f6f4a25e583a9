"""Plots of loads: what became of their rows, and why rows were rejected."""

from collections.abc import Sequence

import numpy as np
import polars as pl

from bulk_pipeline.adapters.reporting.axes import SMALL, around, groups_down, spread
from bulk_pipeline.adapters.reporting.canvas import (
    OUTCOME_COLOURS,
    QUIET,
    new_figure,
    png,
)
from bulk_pipeline.adapters.reporting.plots import Plot, loads_in_words
from bulk_pipeline.core.metrics import LoadFigures
from bulk_pipeline.core.reporting import (
    OUTCOMES,
    PERIOD_WORDS,
    RejectReason,
    compact,
    outcomes_by_period,
)

MOST_REASONS = 10
_FEWEST_BARS = 6


def outcomes(loads: Sequence[LoadFigures]) -> Plot:
    """What became of the rows of some loads (at least one) over time."""
    counts, every = outcomes_by_period(loads)
    period = PERIOD_WORDS[every]
    sums = {name: int(counts[name].sum()) for name in OUTCOMES}
    said = ", ".join(f"{compact(rows)} {name}" for name, rows in sums.items())
    shown = counts.filter(pl.sum_horizontal(OUTCOMES) > 0)
    return Plot(
        "outcomes",
        "What became of the rows",
        f"Stacked bars of rows by {period}; in all {said}.",
        f"Rows of {loads_in_words(len(loads))} by {period} (UTC).",
        _stacked(counts, period),
        (f"{period} from", *OUTCOMES),
        tuple(
            (label, *(f"{rows:,}" for rows in each))
            for label, *each in shown.select("label", *OUTCOMES).iter_rows()
        ),
    )


def rejects(rejected: Sequence[RejectReason]) -> Plot:
    """The most frequent reasons (at least one) for which rows were rejected."""
    top, first = rejected[:MOST_REASONS], rejected[0]
    return Plot(
        "reject-reasons",
        "Why rows were rejected",
        f"Bars of rejected rows by reason, {len(top)} of {len(rejected)}: most "
        f"frequent is {first.reason} with {first.rows:,} rows.",
        "Rejected rows of the last uploads of this home, by the first reason found in "
        "each.",
        _reasons(top),
        ("reason", "rows", "files", "what it means"),
        tuple(
            (each.reason, f"{each.rows:,}", f"{each.files:,}", each.sentence)
            for each in rejected
        ),
        numbers_shown=True,
    )


def _stacked(counts: pl.DataFrame, period: str) -> bytes:
    figure, axes = new_figure()
    places, below = np.arange(counts.height), np.zeros(counts.height)
    for name in OUTCOMES:
        values = counts[name].to_numpy().astype(float)
        colour = OUTCOME_COLOURS[name]
        axes.bar(places, values, 0.8, bottom=below, color=colour, label=name)
        below += values
    axes.set_xlim(*around(counts.height, _FEWEST_BARS))
    axes.set_ylim(0, 1.06 * max(float(below.max()), 1))
    chosen = spread(counts.height)
    words = [counts["label"][n].rpartition(" ") for n in chosen]
    axes.set_xticks(chosen, [f"{day}\n{rest}".strip() for day, _, rest in words])
    axes.tick_params(axis="x", labelsize=SMALL)
    axes.grid(visible=False, axis="x")
    axes.set_xlabel(f"{period} from (UTC)")
    axes.set_ylabel("rows")
    axes.yaxis.get_major_locator().set_params(integer=True)
    axes.yaxis.set_major_formatter(lambda value, _: compact(value))
    figure.legend(loc="outside upper center", ncols=len(OUTCOMES))
    return png(figure)


def _reasons(top: Sequence[RejectReason]) -> bytes:
    figure, axes = new_figure()
    places = groups_down(axes, [each.reason.replace("_", " ") for each in top])
    rows = [each.rows for each in top]
    axes.barh(places, rows, 0.7, color=OUTCOME_COLOURS["rejected"])
    beside = {"xytext": (4, 0), "textcoords": "offset points", "va": "center"}
    for place, count in zip(places, rows, strict=True):
        look = {"color": QUIET, "fontsize": SMALL}
        axes.annotate(compact(count), (count, place), **beside, **look)
    axes.set_xlim(0, max(rows) * 1.12)
    axes.xaxis.set_major_formatter(lambda value, _: compact(value))
    axes.xaxis.get_major_locator().set_params(integer=True, nbins=6)
    axes.set_xlabel("rejected rows")
    return png(figure)
