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
    """Seconds by stage, added up over many spans."""

    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Add the time of the block to a stage, also when it fails."""
        started = time.perf_counter()
        try:
            yield
        finally:
            self.add(name, time.perf_counter() - started)

    def add(self, name: str, seconds: float) -> None:
        """Add seconds to a stage."""
        self.seconds[name] = self.seconds.get(name, 0.0) + seconds


@dataclass(frozen=True, slots=True)
class Usage:
    """What this process and its children used.

    Attributes:
        peak_memory_bytes: largest resident memory of all together that was seen.
        cpu_seconds: processor time of all together.
        seconds: wall time.
    """

    peak_memory_bytes: int
    cpu_seconds: float
    seconds: float


class Monitor:
    """Samples this process and its children while the block runs."""

    def __init__(self) -> None:
        self._process = psutil.Process()
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._sample_until_done, daemon=True)
        self._peak = 0
        self._children_cpu: dict[int, float] = {}
        self._before: dict[int, float] = {}
        self._own_cpu = 0.0
        self._started = 0.0
        self.usage = Usage(0, 0.0, 0.0)

    def __enter__(self) -> Self:
        self._started = time.perf_counter()
        self._own_cpu = self._cpu(self._process)
        self._sample()
        self._before = dict(self._children_cpu)
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._done.set()
        self._thread.join()
        children = sum(self._children_cpu.values()) - sum(self._before.values())
        cpu = self._cpu(self._process) - self._own_cpu + children
        self.usage = Usage(self._peak, cpu, time.perf_counter() - self._started)

    def _sample_until_done(self) -> None:
        while True:
            self._sample()
            if self._done.wait(SAMPLE_SECONDS):
                self._sample()
                return

    def _sample(self) -> None:
        memory = self._process.memory_info().rss
        for child in self._process.children(recursive=True):
            try:
                memory += child.memory_info().rss
                self._children_cpu[child.pid] = self._cpu(child, with_children=True)
            except psutil.NoSuchProcess:
                continue  # it ended between the listing and the look
        self._peak = max(self._peak, memory)

    @staticmethod
    def _cpu(process: psutil.Process, *, with_children: bool = False) -> float:
        """Processor time of a process, and of its children that have ended."""
        times = process.cpu_times()
        ended = times.children_user + times.children_system if with_children else 0.0
        return float(times.user + times.system + ended)
