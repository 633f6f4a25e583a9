"""Processes that live and die together; one that dies by itself is started again."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any, Self

import click

from bulk_pipeline.cli import attached
from bulk_pipeline.core.errors import ConfigurationError, PermanentError

READY_SECONDS = 120
STOP_SECONDS = 30
LOOK_SECONDS = 0.2
RESTARTS, WITHIN_SECONDS = 5, 600
"""What dies more often than this within this time will not get well by itself."""
FIRST_PAUSE_SECONDS = 1
"""Before the first new start; each further one within the time waits twice as long."""


@dataclass
class Member:
    """One process of a family and what became of it.

    Attributes:
        name: what people call it.
        command: program of this environment and its arguments.
        deaths: moments of its latest deaths, on the monotonic clock.
        due: when it is to be started again; None while it runs.
    """

    name: str
    command: Sequence[str]
    process: "subprocess.Popen[bytes]"
    deaths: deque[float] = field(default_factory=deque)
    due: float | None = None

    def end(self) -> str:
        """How its process ended, for people; nothing while it lives."""
        code = self.process.poll()
        if code is None:
            return ""
        if code < 0:
            return f"was killed by {signal.Signals(-code).name}"
        return f"ended with code {code}"

    def pause(self, now: float) -> int | None:
        """Seconds to wait before the start after a death now; None: give it up."""
        while self.deaths and now - self.deaths[0] > WITHIN_SECONDS:
            self.deaths.popleft()
        self.deaths.append(now)
        if len(self.deaths) > RESTARTS:
            return None
        return int(FIRST_PAUSE_SECONDS * 2 ** (len(self.deaths) - 1))


class Family:
    """Processes that live and die together; a signal to us stops them cleanly.

    They are stopped in the opposite order of their start.
    """

    def __init__(self) -> None:
        self.stopping = False
        """Whether a signal has come."""
        self._members: list[Member] = []
        self._handlers: dict[int, Any] = {}

    def __enter__(self) -> Self:
        for number in (signal.SIGINT, signal.SIGTERM):
            self._handlers[number] = signal.signal(number, self._stop)
        return self

    def __exit__(self, *exception: object) -> None:
        deadline = time.monotonic() + STOP_SECONDS
        for member in reversed(self._members):
            _end(member.process, deadline)
        for number, handler in self._handlers.items():
            signal.signal(number, handler)

    def _stop(self, number: int, frame: FrameType | None) -> None:
        del number, frame
        self.stopping = True

    def start(self, name: str, *command: str) -> None:
        """Start a process that is to run until all are stopped."""
        self._members.append(Member(name, command, _started(command)))

    def run(self, *command: str) -> int:
        """Run a process to its end, or to a signal; its exit code."""
        process = _started(command)
        while (code := process.poll()) is None and not self.stopping:
            time.sleep(LOOK_SECONDS)
        process.terminate()
        process.wait()
        return code or 0

    def wait_until(self, ready: Callable[[], bool], what: str) -> None:
        """Wait until something is ready, or until a signal.

        Raises:
            PermanentError: it is not in time, or a process ended.
        """
        deadline = time.monotonic() + READY_SECONDS
        while not self.stopping and not ready():
            for member in self._members:
                if how := member.end():
                    raise PermanentError(
                        f"The {member.name} {how}. See its messages above."
                    )
            if time.monotonic() > deadline:
                raise PermanentError(
                    f"{what} does not answer after {READY_SECONDS} s. See the "
                    "messages above."
                )
            time.sleep(LOOK_SECONDS)

    def wait(self) -> None:
        """Keep all processes running until a signal.

        Raises:
            PermanentError: one of them died again and again.
        """
        while not self.stopping:
            for member in self._members:
                if how := member.end():
                    _care_for(member, how, time.monotonic())
            time.sleep(LOOK_SECONDS)


def _care_for(member: Member, how: str, now: float) -> None:
    """Start a dead process again when its time has come."""
    if member.due is None:
        pause = member.pause(now)
        if pause is None:
            raise PermanentError(
                f"The {member.name} {how}, the {len(member.deaths)}th time within "
                f"{WITHIN_SECONDS // 60} minutes. See its messages above."
            )
        click.echo(f"The {member.name} {how}. It is started again in {pause} s.")
        member.due = now + pause
    elif now >= member.due:
        member.process, member.due = _started(member.command), None


def _started(command: Sequence[str]) -> "subprocess.Popen[bytes]":
    """A process that does not outlive us, in a group of its own.

    Ctrl-C reaches us alone that way, and we pass it on once.
    """
    tied = [sys.executable, "-I", attached.__file__, str(os.getpid())]
    return subprocess.Popen(  # noqa: S603
        [*tied, _program(command[0]), *command[1:]], process_group=0
    )


def _end(process: "subprocess.Popen[bytes]", deadline: float) -> None:
    """Ask a process to end, and kill it and its children if it has not in time."""
    if process.poll() is not None:
        return
    process.send_signal(signal.SIGINT)
    try:
        process.wait(max(0.0, deadline - time.monotonic()))
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _program(name: str) -> str:
    """A program of this environment, wherever the command was started from."""
    if name == sys.executable:
        return name
    beside = Path(sys.executable).with_name(name)
    found = str(beside) if beside.exists() else shutil.which(name)
    if found is None:
        raise ConfigurationError(
            f"{name} is not installed beside {sys.executable}. Install bulk-pipeline "
            "with its dependencies."
        )
    return found
