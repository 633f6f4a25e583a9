"""Parses workbooks in forks of one process that has loaded all it needs.

A process of its own for each takes half a second; a fork takes a hundredth of one.
"""

import json
import os
import subprocess
import sys
import time
import traceback
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from types import TracebackType
from typing import NoReturn, Self

from bulk_pipeline.adapters.readers.workbooks import spreadsheet_child

_ROOT = Path(__file__).parents[3]
_KIB = 1024
_LOOK_SECONDS = 0.002


class Forks:
    """Runs the child of a workbook as ``subprocess.run`` would.

    Attributes:
        peak_bytes: most memory that a fork has taken.
    """

    DEVNULL, PIPE = subprocess.DEVNULL, subprocess.PIPE
    TimeoutExpired = subprocess.TimeoutExpired

    def __init__(self) -> None:
        self.peak_bytes = 0
        self._server = subprocess.Popen(
            (sys.executable, "-m", __name__),
            cwd=_ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.communicate()

    def run(
        self, command: Sequence[str], *, cwd: Path, timeout: float, **_: object
    ) -> subprocess.CompletedProcess[bytes]:
        """The outcome of the command's last two arguments, workbook and options."""
        asked = {"arguments": command[-2:], "folder": str(cwd), "seconds": timeout}
        self._server.stdin.write(json.dumps(asked) + "\n")
        self._server.stdin.flush()
        code, peak, in_time = json.loads(self._server.stdout.readline())
        self.peak_bytes = max(self.peak_bytes, peak * _KIB)
        if not in_time:
            raise subprocess.TimeoutExpired(command, timeout)
        said = (cwd / "said").read_bytes()
        return subprocess.CompletedProcess(command, code, b"", said)


def _serve() -> None:
    """Parse what is asked for, line by line, until nobody asks any more."""
    for kind in ("xlsx", "xlsb", "ods", "xls"):
        import_module(f"{spreadsheet_child.__package__}.{kind}")
    import_module("pandas")  # pyarrow loads it with its first array
    for line in sys.stdin:
        asked = json.loads(line)
        pid = os.fork()
        if pid == 0:
            _parse(asked["folder"], *asked["arguments"])
        sys.stdout.write(json.dumps(_ended(pid, asked["seconds"])) + "\n")
        sys.stdout.flush()


def _parse(folder: str, workbook: str, options: str) -> NoReturn:
    """What the child does, in a fork, which ends."""
    os.chdir(folder)
    said = os.open("said", os.O_WRONLY | os.O_CREAT)
    nothing = os.open(os.devnull, os.O_RDWR)
    for theirs, ours in ((nothing, 0), (nothing, 1), (said, 2)):
        os.dup2(theirs, ours)
    try:
        spreadsheet_child.main(workbook, options)
    except BaseException:  # noqa: BLE001 (a process of its own would end so)
        os.write(2, traceback.format_exc().encode())
        os._exit(1)
    os._exit(0)


def _ended(pid: int, seconds: float) -> tuple[int, int, bool]:
    """How a fork ended, the most memory that it took (KiB), whether it was in time."""
    end = time.monotonic() + seconds
    in_time = True
    while True:
        found, status, usage = os.wait4(pid, os.WNOHANG)
        if found:
            return os.waitstatus_to_exitcode(status), usage.ru_maxrss, in_time
        if in_time and time.monotonic() > end:
            in_time = False
            os.kill(pid, 9)
        time.sleep(_LOOK_SECONDS)


if __name__ == "__main__":
    _serve()
