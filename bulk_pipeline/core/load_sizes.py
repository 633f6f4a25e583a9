"""Many loads at a glance: those of a size together, and where the time of each went."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from bulk_pipeline.core.metrics import LoadFigures
from bulk_pipeline.core.performance import StageLine

LEVELS, PLAIN_LEVELS = "▁▂▃▄▅▆▇█", "_.-=+*#@"


@dataclass(frozen=True, slots=True)
class SizeMedians:
    """Loads of about the same size: those nearest to one power of ten, in ratio.

    Attributes:
        about: that power; a load has a third to three times as many rows.
        loads: how many they are.
        seconds: their median.
        rows_per_second: their median.
        rates: rows per second of each, oldest first.
    """

    about: int
    loads: int
    seconds: float
    rows_per_second: float
    rates: tuple[float, ...]


def by_size(loads: Sequence[LoadFigures]) -> list[SizeMedians]:
    """Medians of loads of one size, smallest size first.

    Args:
        loads: newest first. Those that did no work of their own, or read nothing, are
            left out.
    """
    sizes: dict[int, list[LoadFigures]] = {}
    for load in reversed(loads):
        if load.rows_read and not load.is_repetition:
            about = 10 ** round(math.log10(load.rows_read))
            sizes.setdefault(about, []).append(load)
    return [
        SizeMedians(
            about=about,
            loads=len(alike),
            seconds=median(load.seconds for load in alike),
            rows_per_second=median(load.rows_per_second for load in alike),
            rates=tuple(load.rows_per_second for load in alike),
        )
        for about, alike in sorted(sizes.items())
    ]


def sparkline(values: Sequence[float], *, ascii_only: bool = False) -> str:
    """Numbers as one line of text, a character each; the largest is the highest.

    Args:
        values: none below zero.
        ascii_only: whether there are no block characters.
    """
    levels = PLAIN_LEVELS if ascii_only else LEVELS
    largest = max(values, default=0.0) or 1.0
    last = len(levels) - 1
    return "".join(levels[min(int(v / largest * len(levels)), last)] for v in values)


def stacked(lines: Sequence[StageLine], width: int) -> list[int]:
    """Characters of a bar for each stage; together they are ``width``, or none.

    What is left of each after rounding down goes to the largest remainders, so that the
    bar is as long as it should be.
    """
    exact = [line.share * width for line in lines]
    if not sum(exact):
        return [0] * len(lines)
    found = [int(share) for share in exact]
    order = sorted(range(len(lines)), key=lambda place: found[place] - exact[place])
    for place in order[: width - sum(found)]:
        found[place] += 1
    return found
