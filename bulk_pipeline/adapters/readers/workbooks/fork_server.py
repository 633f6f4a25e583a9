"""The process that forks one process for each workbook: ``python -m ... FD PID SLOTS``.

It imports what every format needs once, for that takes longer than to parse a small
workbook. A request is one byte on a socket with another socket beside it, on which the
request stands as a line of JSON and on which the answer is written, another line; see
``fork_client``. Whatever a parser prints cannot reach that socket.

This process and its forks end when the one that started it is gone, however that ended.
"""

import ctypes
import gc
import importlib
import json
import os
import select
import signal
import socket
import sys
import time
import traceback
import warnings
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import NoReturn

from bulk_pipeline.adapters.without_pandas import hide_pandas

PACKAGE = "bulk_pipeline.adapters.readers.workbooks"
MODULES = ("spreadsheet_child", "xlsx", "xlsb", "ods", "xls")
_LATE = ("numpy.ma", "dateutil.relativedelta", "encodings.cp437")
"""What numpy, pyarrow and zipfile would import in every fork.

No array is made before a fork: the first sets a gigabyte of addresses aside, which
would count against the fork's limit.
"""

_PR_SET_PDEATHSIG = 1
_ORPHANED = 3
_SAID_BYTES = 64 << 10
_KIB = 1024
_ERRORS = 2
"""Number of the descriptor of standard error."""


@dataclass(slots=True)
class _Job:
    """A request, and the process that works on it.

    Attributes:
        client: where the answer goes to.
        module: its ``main`` does the work.
        arguments: of ``main``.
        folder: where it runs.
        seconds: how long it may take, from its fork on.
        pid: of its process; 0 as long as it has none.
        said: the end of what it wrote to standard error.
        deadline: monotonic time at which it is ended.
        in_time: whether it was not ended for that.
    """

    client: socket.socket
    module: str
    arguments: list[str]
    folder: str
    seconds: float
    pid: int = 0
    said: bytes = b""
    deadline: float = 0.0
    in_time: bool = True


class Server:
    """Takes requests and runs them, so many at a time, the oldest first."""

    def __init__(self, control: socket.socket, slots: int) -> None:
        self._control = control
        self._slots = slots
        self._pid = os.getpid()
        self._waiting: deque[_Job] = deque()
        self._running: list[_Job] = []
        # Not epoll: a fork would share its descriptor.
        self._poll = select.poll()
        self._watched: dict[int, Callable[[], None]] = {}

    def serve(self) -> None:
        """Work until nobody can ask any more."""
        self._watch(self._control.fileno(), self._take)
        while self._control.fileno() in self._watched:
            found = self._poll.poll(self._patience())
            for descriptor, then in [(each, self._watched[each]) for each, _ in found]:
                # one before it may have closed it, and its number may serve anew
                if self._watched.get(descriptor) is then:
                    then()
            self._end_late()
            while self._waiting and len(self._running) < self._slots:
                self._start(self._waiting.popleft())
        for job in self._running:
            os.kill(job.pid, signal.SIGKILL)

    def _watch(self, descriptor: int, then: Callable[[], None]) -> None:
        self._poll.register(descriptor, select.POLLIN)
        self._watched[descriptor] = then

    def _unwatch(self, descriptor: int) -> None:
        if self._watched.pop(descriptor, None) is not None:
            self._poll.unregister(descriptor)

    def _patience(self) -> float | None:
        """Milliseconds until the first deadline; None if there is none."""
        first = min((job.deadline for job in self._running), default=float("inf"))
        if first == float("inf"):
            return None
        return max(0.0, first - time.monotonic()) * 1_000

    def _take(self) -> None:
        """Take a request."""
        byte, descriptors, _, _ = socket.recv_fds(self._control, 1, 1)
        if not byte:
            self._unwatch(self._control.fileno())
            return
        client = socket.socket(fileno=descriptors[0])
        with client.makefile("rb") as lines:
            job = _Job(client, **json.loads(lines.readline()))
        self._waiting.append(job)
        self._watch(client.fileno(), partial(self._forget, job))

    def _forget(self, job: _Job) -> None:
        """Nobody waits for a job any more: its client says nothing but that."""
        self._unwatch(job.client.fileno())
        if job.pid:
            os.kill(job.pid, signal.SIGKILL)
        else:
            self._waiting.remove(job)
            job.client.close()

    def _start(self, job: _Job) -> None:
        """Give a job its process."""
        ours, theirs = os.pipe()
        try:
            job.pid = os.fork()
        except OSError as error:
            os.close(ours)
            self._answer(job, code=None, said=error.strerror or "", peak_bytes=0)
            return
        else:
            if job.pid == 0:
                # An end is told by a descriptor that nobody has open any more.
                _work(job, self._pid, theirs, (*self._watched, ours))
        finally:
            os.close(theirs)
        job.deadline = time.monotonic() + job.seconds
        self._running.append(job)
        self._watch(ours, partial(self._listen, job, ours))

    def _end_late(self) -> None:
        now = time.monotonic()
        for job in self._running:
            if job.deadline <= now:
                job.in_time, job.deadline = False, float("inf")
                os.kill(job.pid, signal.SIGKILL)

    def _listen(self, job: _Job, pipe: int) -> None:
        """Take what a process says; its silence is its end."""
        if said := os.read(pipe, _SAID_BYTES):
            job.said = (job.said + said)[-_SAID_BYTES:]
            return
        self._unwatch(pipe)
        os.close(pipe)
        self._running.remove(job)
        os.kill(job.pid, signal.SIGKILL)  # changes nothing where it is ending
        _, status, usage = os.wait4(job.pid, 0)
        code = os.waitstatus_to_exitcode(status)
        said_last = job.said.decode(errors="replace")
        self._answer(job, code, said_last, usage.ru_maxrss * _KIB)

    def _answer(self, job: _Job, code: int | None, said: str, peak_bytes: int) -> None:
        ended = {
            "code": code,
            "said": said,
            "in_time": job.in_time,
            "peak_bytes": peak_bytes,
        }
        self._unwatch(job.client.fileno())
        with job.client:
            try:
                job.client.sendall(json.dumps(ended).encode() + b"\n")
            except BrokenPipeError:
                return  # nobody waits for it any more


def _work(job: _Job, server: int, said: int, others: tuple[int, ...]) -> NoReturn:
    """What a fork does: the work, and then it ends.

    Args:
        job: what to do.
        server: number of the process that forked it.
        said: takes what it writes to standard error.
        others: descriptors that are not its own.
    """
    try:
        os.dup2(said, _ERRORS)
        for descriptor in (said, *others):
            os.close(descriptor)
        signal.signal(signal.SIGUSR1, signal.SIG_DFL)
        _end_with(server, signal.SIGKILL)
        os.chdir(job.folder)
        importlib.import_module(job.module).main(*job.arguments)
    except MemoryError:
        os.write(_ERRORS, b"MemoryError\n")  # there may be none for more
        os._exit(1)
    except BaseException:  # noqa: BLE001 (a process of its own would end so)
        os.write(_ERRORS, traceback.format_exc().encode(errors="replace"))
        os._exit(1)
    os._exit(0)


def _end_with(parent: int, by: signal.Signals) -> None:
    """Be sent a signal when the parent is gone, where the system can do that."""
    prctl = getattr(ctypes.CDLL(None), "prctl", None)
    if prctl is not None:
        prctl(_PR_SET_PDEATHSIG, int(by), 0, 0, 0)
    if os.getppid() != parent:  # it was gone before
        os._exit(_ORPHANED)


def main(control: str, parent: str, slots: str) -> None:
    """Load what forks need, and serve.

    Args:
        control: number of the descriptor on which requests come.
        parent: number of the process that started this one.
        slots: how many forks may run at a time.
    """

    def end_if_orphaned(*_: object) -> None:
        # It is sent, too, when only the thread ends that started this process.
        if os.getppid() != int(parent):
            os._exit(_ORPHANED)

    signal.signal(signal.SIGUSR1, end_if_orphaned)
    # Ctrl-C reaches all processes of a terminal, and no workbook is to blame for it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _end_with(int(parent), signal.SIGUSR1)
    load()
    gc.freeze()
    Server(socket.socket(fileno=int(control)), int(slots)).serve()


def load() -> None:
    """Import what every format needs; no thread of ours, no pool is started by it."""
    for name in MODULES:
        importlib.import_module(f"{PACKAGE}.{name}")
    for name in _LATE:
        with suppress(ModuleNotFoundError):  # they do without what is not there
            importlib.import_module(name)
    hide_pandas()
    # polars has a thread that waits for files to remove; it is idle, and no fork of
    # ours makes such files.
    warnings.filterwarnings("ignore", ".*use of fork", DeprecationWarning)


if __name__ == "__main__":
    main(*sys.argv[1:])
