"""Figures of a benchmark: parts of a round, and what several rounds say together.

Nothing is measured here, and nothing is printed.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from bulk_pipeline.core.metrics import STAGES, rows_per_second, tier

ALL_STAGES = "all stages"
OPENED_TO_COMMIT = "opened to commit"
DAGSTER = "Dagster"
START, END, WHOLE = "start-up", "end", "whole command"
PARTS = (*STAGES, ALL_STAGES, OPENED_TO_COMMIT, DAGSTER, START, END, WHOLE)
"""The parts of a round, in order. ``Dagster`` is what lies between the stages;
``start-up`` is from the start of the process to the first file opened, ``end`` from the
commit to the end of the process."""

Curve = tuple[tuple[float, int], ...]
"""Seconds since the start of a process, resident bytes of it and all it started."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What a stage, or a whole command, cost.

    Attributes:
        seconds: wall time.
        cpu_seconds: processor time, children included; None where nobody knows.
        peak_memory_bytes: largest resident memory, children included.
    """

    seconds: float
    cpu_seconds: float | None = None
    peak_memory_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Load:
    """One load by the real graph, as a command in a process of its own.

    Attributes:
        stages: stage → its cost.
        start: seconds from the start of the process to the first file opened.
        opened_to_commit: seconds from there to the commit.
        end: seconds from there to the end of the process.
        whole: cost of the command.
        curve: memory of all its processes.
    """

    stages: Mapping[str, Cost]
    start: float
    opened_to_commit: float
    end: float
    whole: Cost
    curve: Curve


@dataclass(frozen=True, slots=True)
class Part:
    """A part of one round beside its floor.

    Attributes:
        name: one of ``PARTS``.
        cost: what it took.
        floor_seconds: what the libraries take for it at best; None where they have no
            counterpart.
    """

    name: str
    cost: Cost
    floor_seconds: float | None = None

    @property
    def ratio(self) -> float | None:
        """How many times the floor it took; None without a floor."""
        if not self.floor_seconds:
            return None
        return self.cost.seconds / self.floor_seconds


@dataclass(frozen=True, slots=True)
class Spread:
    """Median and range of one figure over several rounds."""

    median: float
    lowest: float
    highest: float

    @classmethod
    def of(cls, values: Iterable[float | None]) -> "Spread | None":
        """The spread of the values that are known; None where none is."""
        known = [value for value in values if value is not None]
        return cls(median(known), min(known), max(known)) if known else None


@dataclass(frozen=True, slots=True)
class Line:
    """One part over all rounds.

    Attributes:
        name: one of ``PARTS``.
        rows_per_second: rows over the median of the seconds.
        tier: class of that rate.
        seconds: wall time.
        cpu_seconds: processor time.
        peak_memory_bytes: largest resident memory.
        floor_seconds: what the libraries take at best.
        ratio: seconds over floor, round by round: of figures of one sitting.
    """

    name: str
    rows_per_second: float
    tier: str
    seconds: Spread
    cpu_seconds: Spread | None
    peak_memory_bytes: Spread | None
    floor_seconds: Spread | None
    ratio: Spread | None


def parts(load: Load, floor: Mapping[str, float]) -> tuple[Part, ...]:
    """The parts of a round, in the order of ``PARTS``.

    Args:
        load: the load by the real graph.
        floor: seconds of the libraries' own calls by stage. What is no stage of ours
            (sorting, say) is part of the load there.
    """
    floors = {stage: floor[stage] for stage in STAGES if stage in floor}
    rest = sum(seconds for name, seconds in floor.items() if name not in STAGES)
    floors["load"] = floors.get("load", 0.0) + rest
    none = Cost(0.0)
    stages = [Part(s, load.stages.get(s, none), floors.get(s)) for s in STAGES]
    total = _total([part.cost for part in stages])
    between = load.opened_to_commit - total.seconds
    return (
        *stages,
        Part(ALL_STAGES, total, sum(floors.values())),
        Part(OPENED_TO_COMMIT, Cost(load.opened_to_commit)),
        Part(DAGSTER, Cost(between)),
        Part(START, Cost(load.start)),
        Part(END, Cost(load.end)),
        Part(WHOLE, load.whole),
    )


def lines(rows: int, rounds: Sequence[Sequence[Part]]) -> tuple[Line, ...]:
    """What all rounds say of each part, in the order of the first round."""
    by_part = zip(*rounds, strict=True)
    return tuple(_line(rows, same) for same in by_part)


def _line(rows: int, same: Sequence[Part]) -> Line:
    """One part of all rounds."""
    seconds = Spread.of(part.cost.seconds for part in same) or Spread(0.0, 0.0, 0.0)
    rate = rows_per_second(rows, seconds.median)
    return Line(
        name=same[0].name,
        rows_per_second=rate,
        tier=tier(rate),
        seconds=seconds,
        cpu_seconds=Spread.of(part.cost.cpu_seconds for part in same),
        peak_memory_bytes=Spread.of(part.cost.peak_memory_bytes for part in same),
        floor_seconds=Spread.of(part.floor_seconds for part in same),
        ratio=Spread.of(part.ratio for part in same),
    )


def _total(costs: Sequence[Cost]) -> Cost:
    """The cost of stages that ran one after the other."""
    cpu = [cost.cpu_seconds for cost in costs if cost.cpu_seconds is not None]
    peaks = [c.peak_memory_bytes for c in costs if c.peak_memory_bytes is not None]
    return Cost(
        seconds=sum(cost.seconds for cost in costs),
        cpu_seconds=sum(cpu) if cpu else None,
        peak_memory_bytes=max(peaks, default=None),
    )
