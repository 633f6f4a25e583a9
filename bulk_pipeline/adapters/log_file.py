"""One log file for all processes of a home, with older parts beside it.

``RotatingFileHandler`` of the standard library is made for one process: when two move
the file aside, lines go to a part that the other has already given away. Here every
line is written, and every part moved, under a lock between processes.
"""

import fcntl
import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

MOST_BYTES = 10 * 2**20
"""Where a new part begins: some 80,000 lines, which any editor opens at once."""
PARTS = 5
"""Older parts that are kept, as ``NAME.1`` (the newest) to ``NAME.5``."""
_MODE = 0o640  # for the operators' group; nobody else needs to read it


class SharedFile(logging.Handler):
    """Appends whole lines to a file that other processes append to as well.

    The file is opened for each line, so whoever moves or removes it need tell nobody.
    A line that cannot be written is lost and work goes on; that is said once on
    standard error, until it works again.
    """

    def __init__(
        self, path: Path, most_bytes: int = MOST_BYTES, parts: int = PARTS
    ) -> None:
        super().__init__()
        self._path = path
        self._lock_path = path.with_name(f".{path.name}.lock")
        self._most_bytes = most_bytes
        self._parts = parts
        self._complained = False

    def try_out(self) -> None:
        """Open the file and its lock once.

        Raises:
            OSError: either cannot be opened.
        """
        self._append(b"")

    def emit(self, record: logging.LogRecord) -> None:
        line = self.format(record) + "\n"
        try:
            self._append(line.encode("utf-8", "backslashreplace"))
        except OSError as error:
            self._complain(error)
        else:
            self._complained = False

    def _append(self, line: bytes) -> None:
        with self._locked():
            file = self._opened()
            try:
                size = os.fstat(file).st_size
                if size and size + len(line) > self._most_bytes:
                    self._begin_part()
                    os.close(file)
                    file = self._opened()
                    size = 0
                _write_whole(file, line, size)
            finally:
                os.close(file)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Alone among all processes; among threads the handler's own lock does it.

        A lock of ``lockf`` is not handed on to a fork, as one of ``flock`` would be.
        """
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
        lock = os.open(self._lock_path, flags, _MODE)
        try:
            fcntl.lockf(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)

    def _opened(self) -> int:
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
        return os.open(self._path, flags, _MODE)

    def _begin_part(self) -> None:
        """Move the file and its parts one number on; the oldest goes."""
        names = [self._path, *(self._part(n) for n in range(1, self._parts + 1))]
        for older, newer in reversed(list(zip(names[1:], names, strict=False))):
            if newer.exists():
                newer.replace(older)

    def _part(self, number: int) -> Path:
        return self._path.with_name(f"{self._path.name}.{number}")

    def _complain(self, error: OSError) -> None:
        if self._complained:
            return
        self._complained = True
        sys.stderr.write(f"The log {self._path} cannot be written: {error.strerror}.\n")


def _write_whole(file: int, line: bytes, size: int) -> None:
    """Append a line, or nothing of it."""
    left = line
    try:
        while left:
            left = left[os.write(file, left) :]
    except OSError:
        if left != line:  # a full disk took a part of it
            os.ftruncate(file, size)
        raise
