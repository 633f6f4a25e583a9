"""What a piece of work costs: seconds by stage, peak memory, processor use."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Self

import psutil

SAMPLE_SECONDS = 0.2


@dataclass(slots=True)
class Stopwatch:
    """Seconds by stage, added up over many spans.

    Attributes:
        seconds: stage → wall time.
        cpu_seconds: stage → processor time of all threads of this process while the
            stage was the one that was waited for, whatever they worked on.
        now: the stage that runs, or ran last; nothing before the first.
    """

    seconds: dict[str, float] = field(default_factory=dict)
    cpu_seconds: dict[str, float] = field(default_factory=dict)
    now: str = ""
    _added: dict[str, float] = field(default_factory=dict, init=False, repr=False)
    _mark: float = field(default_factory=time.process_time, init=False, repr=False)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Add the time of the block to a stage, also when it fails."""
        self.settle()
        self.now = name
        started = time.perf_counter()
        try:
            yield
        finally:
            self.add(name, time.perf_counter() - started)
            self.settle()

    def add(self, name: str, seconds: float) -> None:
        """Add seconds to a stage, the last ones that passed."""
        self.seconds[name] = self.seconds.get(name, 0.0) + seconds
        self._added[name] = self._added.get(name, 0.0) + seconds

    def settle(self) -> None:
        """Share out the processor time since the last stage among what was added.

        It goes by seconds; where nothing was added it belongs to no stage.
        """
        cpu = time.process_time()
        if self._added:
            spent, total = cpu - self._mark, sum(self._added.values())
            for name, seconds in self._added.items():
                share = spent * seconds / total if total > 0 else 0.0
                self.cpu_seconds[name] = self.cpu_seconds.get(name, 0.0) + share
            self._added.clear()
        self._mark = cpu


@dataclass(frozen=True, slots=True)
class Usage:
    """What this process and its children used.

    Attributes:
        peak_memory_bytes: largest resident memory of all together that was seen.
        cpu_seconds: processor time of all together.
        seconds: wall time.
        stage_cpu_seconds: stage → processor time of all together: this process's as
            the stopwatch has it, its children's as far as it was seen while the stage
            ran.
        stage_peak_bytes: stage → largest resident memory of all together that was
            seen while it ran. A stage too short for a look has the largest of all.
    """

    peak_memory_bytes: int
    cpu_seconds: float
    seconds: float
    stage_cpu_seconds: dict[str, float] = field(default_factory=dict)
    stage_peak_bytes: dict[str, int] = field(default_factory=dict)


class Monitor:
    """Samples this process and its children while the block runs.

    Args:
        watch: whose stages the samples are told apart by; it must be of this block.
    """

    def __init__(self, watch: Stopwatch | None = None) -> None:
        self._watch = watch or Stopwatch()
        self._process = psutil.Process()
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._sample_until_done, daemon=True)
        self._peak = 0
        self._peaks: dict[str, int] = {}
        self._children = 0.0
        self._stage_children: dict[str, float] = {}
        self._own_cpu = 0.0
        self._started = 0.0
        self.usage = Usage(0, 0.0, 0.0)

    def __enter__(self) -> Self:
        self._started = time.perf_counter()
        self._own_cpu = time.process_time()
        self._sample()
        self._stage_children.clear()
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._done.set()
        self._thread.join()
        self._watch.settle()
        own, theirs = self._watch.cpu_seconds, self._stage_children
        cpu = time.process_time() - self._own_cpu + sum(theirs.values())
        stages = [stage for stage in {**own, **theirs} if stage]
        self.usage = Usage(
            self._peak,
            cpu,
            time.perf_counter() - self._started,
            {s: own.get(s, 0.0) + theirs.get(s, 0.0) for s in stages},
            {s: self._peaks.get(s, self._peak) for s in stages},
        )

    def _sample_until_done(self) -> None:
        while True:
            self._sample()
            if self._done.wait(SAMPLE_SECONDS):
                self._sample()
                return

    def _sample(self) -> None:
        stage, memory = self._watch.now, self._process.memory_info().rss
        # What a process used goes to its parent once that has taken note of its end.
        children = self._ended(self._process)
        for child in self._process.children(recursive=True):
            try:
                memory += child.memory_info().rss
                times = child.cpu_times()
            except psutil.NoSuchProcess:
                continue  # it ended between the listing and the look
            children += times.user + times.system
            children += times.children_user + times.children_system
        self._peak = max(self._peak, memory)
        self._peaks[stage] = max(self._peaks.get(stage, 0), memory)
        # Less than before is a look between an end and the note of it.
        new = max(children - self._children, 0.0)
        self._children += new
        self._stage_children[stage] = self._stage_children.get(stage, 0.0) + new

    @staticmethod
    def _ended(process: psutil.Process) -> float:
        """Processor time of the children of a process that have ended."""
        times = process.cpu_times()
        return float(times.children_user + times.children_system)
