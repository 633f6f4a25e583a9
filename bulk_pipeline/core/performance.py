"""How a load did beside others: what is comparable, what is usual, where time went."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from bulk_pipeline.core.metrics import LoadFigures

LOADS_COMPARED = 20
"""A load is compared with so many before it, at most."""
FEWEST_COMPARED = 5
"""A median of fewer would say more about one of them than about what is usual."""
SIZE_FACTOR = 2
"""A load of half to twice the rows is comparable: the costs of a load that do not grow
with its rows decide about ten rows and vanish in a million."""
AS_USUAL = 1.1
"""Loads of one file differ by a tenth from one minute to the next."""
NOTICED = 0.02
"""What took less of a load than this share is not compared: it jumps about."""
BETWEEN = "between"
"""What is no stage's: Dagster's own work and the waits between the steps."""

SLOWEST_WHOLE = 10
"""A lower rate has a decimal: rounded to a whole number it would be 0, or far off."""

_EIGHTHS = " ▏▎▍▌▋▊▉█"


@dataclass(frozen=True, slots=True)
class Usual:
    """The medians of loads that one is compared with.

    Attributes:
        loads: how many they are.
        rows_per_second: rows read over seconds.
        stages: stage → seconds per row read.
    """

    loads: int
    rows_per_second: float
    stages: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class StageLine:
    """One stage of a load.

    Attributes:
        name: of the stage, or ``BETWEEN``.
        seconds: that it took.
        share: of the seconds of all lines, 0 to 1.
        times_usual: seconds per row over the usual ones; None where nothing is usual,
            or too short to say.
    """

    name: str
    seconds: float
    share: float
    times_usual: float | None


def comparable_rows(rows: int) -> tuple[int, int]:
    """Fewest and most rows of a load that is comparable with one of so many."""
    return -(-rows // SIZE_FACTOR), rows * SIZE_FACTOR


def comparable(load: LoadFigures, before: Sequence[LoadFigures]) -> list[LoadFigures]:
    """Those of some loads that did work of about the same size, in their order.

    Args:
        load: what is compared; nothing compares with one that did no work of its own.
        before: other loads, newest first.
    """
    fewest, most = comparable_rows(load.rows_read)
    if load.rows_read == 0 or load.is_repetition:
        return []
    alike = [
        other
        for other in before
        if fewest <= other.rows_read <= most
        and other.batch != load.batch
        and not other.is_repetition
    ]
    return alike[:LOADS_COMPARED]


def usual(load: LoadFigures, before: Sequence[LoadFigures]) -> Usual | None:
    """What is usual for a load of that size; None where too few are comparable.

    Args:
        load: what is compared.
        before: other loads, newest first.
    """
    alike = comparable(load, before)
    if len(alike) < FEWEST_COMPARED:
        return None
    return Usual(
        loads=len(alike),
        rows_per_second=median(other.rows_per_second for other in alike),
        stages={
            stage: median(
                other.stages.get(stage, 0.0) / other.rows_read for other in alike
            )
            for stage in load.stages
        },
    )


def stage_lines(load: LoadFigures, ordinary: Usual | None) -> list[StageLine]:
    """Where the time of a load went, in the order of its stages.

    Stages that ran beside each other can take longer than the load; what they leave of
    it is the last line.
    """
    between = load.seconds - sum(load.stages.values())
    seconds = dict(load.stages)
    if between > 0:
        seconds[BETWEEN] = between
    whole = sum(seconds.values())
    lines = []
    for name, took in seconds.items():
        share = took / whole if whole else 0.0
        before = ordinary.stages.get(name, 0.0) if ordinary else 0.0
        told = before and load.rows_read and share >= NOTICED
        times = took / load.rows_read / before if told else None
        lines.append(StageLine(name, took, share, times))
    return lines


def bar(share: float, width: int, *, ascii_only: bool = False) -> str:
    """A bar of text for a share of ``width`` characters; of nothing it is empty.

    Args:
        share: 0 to 1.
        width: characters of the whole.
        ascii_only: whether there are no block characters.
    """
    if ascii_only:
        return "#" * round(share * width)
    full, eighths = divmod(round(share * width * 8), 8)
    return "█" * full + _EIGHTHS[eighths].strip()


def rate_text(rate: float) -> str:
    """Rows per second as people read them: 1,234; 0.4 for a load of a single row."""
    return f"{rate:,.1f}" if 0 < rate < SLOWEST_WHOLE else f"{rate:,.0f}"


def compared(load: LoadFigures, before: Sequence[LoadFigures]) -> str:
    """How fast a load was beside those of its size, as a sentence.

    Args:
        load: what is compared.
        before: other loads, newest first.
    """
    if load.rows_read == 0:
        return "It read no row; there is nothing to compare."
    if load.is_repetition:
        return (
            "Its rows were stored before; it wrote none. Its seconds are those of no "
            "load and are not compared."
        )
    fewest, most = comparable_rows(load.rows_read)
    sizes = f"{fewest:,} to {most:,} rows"
    ordinary = usual(load, before)
    if ordinary is None:
        return (
            f"Not compared yet: earlier loads of its size ({sizes}): "
            f"{len(comparable(load, before))}; needed: {FEWEST_COMPARED}."
        )
    if not ordinary.rows_per_second:
        return "Not compared: the clock of the loads of its size did not go on."
    times = load.rows_per_second / ordinary.rows_per_second
    return (
        f"{_verdict(times)}: the median of the last {ordinary.loads} loads of its size "
        f"({sizes}) is {rate_text(ordinary.rows_per_second)} rows/s."
    )


def _verdict(times: float) -> str:
    if times > AS_USUAL:
        return f"Faster than usual, {times:.1f} times the rows per second"
    if times < 1 / AS_USUAL:
        return f"Slower than usual, {times:.2f} times the rows per second"
    return "As fast as usual"
