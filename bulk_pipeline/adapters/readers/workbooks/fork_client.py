"""Runs work in forks of a process that has loaded all it needs, and waits for it."""

import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import weakref
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from bulk_pipeline.core.errors import TransientError

SERVER = "bulk_pipeline.adapters.readers.workbooks.fork_server"
INHERITED = ("PATH", "LANG", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "TMPDIR")
"""What a process needs to start; the rest of the environment it does not see."""

_NO_THREADS = {
    "OPENBLAS_NUM_THREADS": "1",
    "JE_ARROW_MALLOC_CONF": "background_thread:false",
    "_RJEM_MALLOC_CONF": "background_thread:false",
}
"""Keeps numpy, pyarrow and polars from starting threads while they are imported."""

_SAID_BYTES = 64 << 10
_GRACE_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Ended:
    """How a fork ended.

    Attributes:
        code: its exit code; of a signal the negative number, as ``subprocess`` has it;
            None if it could not be started.
        said: the end of what it wrote to standard error, at most 64 KiB.
        in_time: whether it was not ended for taking too long.
        peak_bytes: most memory that it has taken.
    """

    code: int | None
    said: str
    in_time: bool = True
    peak_bytes: int = 0


class Fork:
    """Work that was asked for; it runs, or waits until others have ended."""

    def __init__(self, server: "ForkServer", request: dict[str, Any]) -> None:
        self._server = server
        self._request = request
        self._asked = server.ask(request)

    def result(self) -> Ended:
        """How it ended; waits for that.

        A server that was killed is started anew, and the work begun again, once.

        Raises:
            TransientError: the server was killed again, or could not fork.
        """
        ended = self._answer()
        if ended is None:
            self._asked = self._server.ask(self._request)
            ended = self._answer()
        if ended is None:
            raise TransientError(
                "The process that parses workbooks was killed twice. The system's log "
                "may say why; it may have run out of memory."
            )
        if ended.code is None:
            raise TransientError(
                f"No process can be started to parse a workbook: {ended.said}. End "
                "what is not needed on this machine."
            )
        return ended

    def close(self) -> None:
        """End it if it still runs, and wait for that; its result is not wanted."""
        connection = self._asked.connection
        if connection.fileno() < 0:
            return  # it has ended
        with connection:
            connection.settimeout(_GRACE_SECONDS)
            with suppress(OSError):  # the server is gone, and its forks with it
                connection.shutdown(socket.SHUT_WR)
                while connection.recv(_SAID_BYTES):
                    pass

    def _answer(self) -> Ended | None:
        """What the server says; None if it was killed before it could."""
        with self._asked.connection.makefile("rb") as lines:
            try:
                line = lines.readline()
            except ConnectionResetError:
                line = b""
        self._asked.connection.close()
        if line:
            return Ended(**json.loads(line))
        return self._asked.process.refusal()


@dataclass(frozen=True, slots=True)
class _Asked:
    """A request on its way: where the answer comes from, and who gives it."""

    connection: socket.socket
    process: "_Process"


class ForkServer:
    """Starts the server when it is first needed, and anew when it was killed.

    Any thread may use it. A fork of this process gets a server of its own.
    """

    def __init__(self, module: str = SERVER, slots: int | None = None) -> None:
        self._module = module
        self._slots = slots or os.cpu_count() or 1
        self._lock = threading.Lock()
        self._process: _Process | None = None

    @property
    def pid(self) -> int:
        """Number of the server's process, which is started if need be."""
        with self._lock:
            return self._running().popen.pid

    def start(
        self, module: str, arguments: Sequence[str], folder: Path, seconds: float
    ) -> Fork:
        """Have ``main`` of a module run in a fork.

        Args:
            module: its name.
            arguments: of its ``main``.
            folder: where it runs.
            seconds: after which it is killed.
        """
        request = {
            "module": module,
            "arguments": list(arguments),
            "folder": str(folder),
            "seconds": seconds,
        }
        return Fork(self, request)

    def ask(self, request: dict[str, Any]) -> _Asked:
        """Send a request to a server that is alive."""
        ours, theirs = socket.socketpair()
        with theirs, self._lock:
            ours.sendall(json.dumps(request).encode() + b"\n")
            process = self._running()
            with suppress(BrokenPipeError):  # it has just ended: no answer says so, too
                socket.send_fds(process.control, [b"?"], [theirs.fileno()])
        return _Asked(ours, process)

    def close(self) -> None:
        """End the server and what it runs."""
        with self._lock:
            if self._process is not None:
                self._process.close()
                self._process = None

    def _running(self) -> "_Process":
        found = self._process
        if found is None or not found.is_alive():
            found = self._process = _Process(self._module, self._slots)
        return found


class _Process:
    """One server's process."""

    def __init__(self, module: str, slots: int) -> None:
        self._owner = os.getpid()
        self.control, theirs = socket.socketpair()
        self._said = tempfile.TemporaryFile()  # noqa: SIM115 (as long as it may speak)
        search = os.pathsep.join(str(Path(entry).absolute()) for entry in sys.path)
        inherited = {n: os.environ[n] for n in INHERITED if n in os.environ}
        numbers = (theirs.fileno(), self._owner, slots)
        with theirs:
            self.popen = subprocess.Popen(  # noqa: S603 (our own module, no shell)
                (sys.executable, "-P", "-m", module, *map(str, numbers)),
                cwd="/",
                env=inherited | _NO_THREADS | {"PYTHONPATH": search},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=self._said,
                pass_fds=[theirs.fileno()],
            )
        self._end = weakref.finalize(
            self, _ended, self.popen, self.control, self._said, self._owner
        )

    def is_alive(self) -> bool:
        """Whether it serves this process."""
        return self._owner == os.getpid() and self.popen.poll() is None

    def refusal(self) -> Ended | None:
        """Why it ended by itself; None if it was killed."""
        try:
            code = self.popen.wait(_GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            self.popen.kill()
            return None
        if code < 0:
            return None
        said = os.pread(self._said.fileno(), _SAID_BYTES, 0)
        return Ended(code, said.decode(errors="replace"))

    def close(self) -> None:
        """End it."""
        self._end()


def _ended(
    popen: "subprocess.Popen[bytes]",
    control: socket.socket,
    said: IO[bytes],
    owner: int,
) -> None:
    """End a server by letting go of it; it ends by itself when nobody can ask."""
    control.close()
    said.close()
    if owner == os.getpid():
        try:
            popen.wait(_GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            popen.kill()
            popen.wait()
