"""Programs that are measured, each in a process of its own."""

import resource
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import psutil

from bulk_pipeline.bench.figures import Cost, Curve

SAMPLE_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Ran:
    """A program that has ended.

    Attributes:
        code: its exit code.
        output: what it wrote to standard output.
        errors: what it wrote to standard error.
        started_at: when it was started, seconds since 1970.
        cost: of it and all it started; pages that processes share count in each.
        curve: its memory, a sample every 0.1 s.
    """

    code: int
    output: str
    errors: str
    started_at: float
    cost: Cost
    curve: Curve


def run_python(
    arguments: Sequence[str], environment: Mapping[str, str], said: str = ""
) -> Ran:
    """Run Python with these arguments and wait for its end.

    Args:
        arguments: for the interpreter that runs this one; the working directory is no
            place that it imports from.
        environment: all variables of the process.
        said: written to its standard input.

    Everything it started is killed when the wait is cut short, by Ctrl-C say.
    """
    before, started_at = _cpu_of_children(), time.time()
    started = time.perf_counter()
    process = subprocess.Popen(  # noqa: S603  # our own programs
        [sys.executable, "-P", *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=dict(environment),
        text=True,
    )
    with process:
        try:
            with _MemoryCurve(process.pid, started) as memory:
                output, errors = process.communicate(said)
                seconds = time.perf_counter() - started
        except BaseException:
            _kill_all(process.pid)
            raise
    cpu = _cpu_of_children() - before
    cost = Cost(seconds, cpu, max((size for _, size in memory.samples), default=None))
    curve = tuple(memory.samples)
    return Ran(process.returncode, output, errors, started_at, cost, curve)


class _MemoryCurve:
    """Resident memory of a process and all it started, while the block runs."""

    def __init__(self, pid: int, started: float) -> None:
        self.samples: list[tuple[float, int]] = []
        self._pid = pid
        self._started = started
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._sample_until_done, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._done.set()
        self._thread.join()

    def _sample_until_done(self) -> None:
        while True:
            at = time.perf_counter() - self._started
            if size := _resident(self._pid):
                self.samples.append((round(at, 3), size))
            if self._done.wait(SAMPLE_SECONDS):
                return


def _resident(pid: int) -> int:
    """Resident bytes of a process and all it started; 0 where it has ended."""
    total = 0
    for process in _tree(pid):
        try:
            total += process.memory_info().rss
        except psutil.Error:  # it ended between the listing and the look
            continue
    return total


def _tree(pid: int) -> list[psutil.Process]:
    try:
        top = psutil.Process(pid)
        return [top, *top.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def _kill_all(pid: int) -> None:
    for process in _tree(pid):
        try:
            process.kill()
        except psutil.NoSuchProcess:
            continue


def _cpu_of_children() -> float:
    """Processor time of children of this process that were waited for, and theirs."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
