"""Files as they were dropped."""

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BufferedReader, FileIO
from pathlib import Path
from typing import BinaryIO

from bulk_pipeline.adapters.limits import Limits
from bulk_pipeline.adapters.readers.files.content import HEAD
from bulk_pipeline.core.errors import UnreadableFile

OF_ONE_FILE = frozenset(
    {
        errno.EACCES,
        errno.EBADMSG,
        errno.EIO,
        errno.EINVAL,
        errno.EISDIR,
        errno.ELOOP,
        errno.ENAMETOOLONG,
        errno.ENODATA,
        errno.ENOENT,
        errno.ENOTDIR,
        errno.ENXIO,
        errno.EPERM,
        errno.ESTALE,
    }
)
"""Errors of the system that are about a file and not about the machine."""


@dataclass(frozen=True, slots=True)
class Dropped:
    """A file as it was dropped; to read on when it has changed is refused."""

    path: Path
    status: os.stat_result
    head: bytes

    @property
    def name(self) -> str:
        return self.path.name

    @property
    def size(self) -> int:
        return self.status.st_size

    @property
    def total_bytes(self) -> int:
        return self.size

    def open(self) -> BinaryIO:
        try:
            return _Watched(self)
        except OSError as error:
            if error.errno not in OF_ONE_FILE:
                raise
            raise _unreadable(self.path, error) from error

    @contextmanager
    def on_disk(self) -> Iterator[Path]:
        yield self.path


class _Watched(BufferedReader):
    """A file that must stay as it was when it was looked at."""

    def __init__(self, content: Dropped) -> None:
        super().__init__(FileIO(content.path))
        self._content = content

    def read(self, size: int | None = -1, /) -> bytes:
        piece = super().read(size)
        now, then = os.fstat(self.fileno()), self._content.status
        if (now.st_mtime_ns, now.st_size) != (then.st_mtime_ns, then.st_size):
            raise UnreadableFile(
                f"{self._content.name}: the file changed while it was read. Drop it "
                "again when it is complete."
            )
        return piece


def dropped(path: Path, limits: Limits) -> Dropped:
    """A regular file that is neither empty nor too large.

    Raises:
        UnreadableFile: it is none of that, or cannot be opened.
        OSError: something is wrong that is not about this file.
    """
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):  # to open a pipe would wait for ever
            raise UnreadableFile(f"{path.name}: no regular file. Drop a file instead.")
        if status.st_size == 0:
            raise UnreadableFile(f"{path.name}: the file is empty. Export it again.")
        if status.st_size > limits.file_bytes:
            raise UnreadableFile(
                f"{path.name}: {status.st_size:,} bytes; at most "
                f"{limits.file_bytes:,} are read. Split the file."
            )
        with path.open("rb") as stream:
            return Dropped(path, status, stream.read(HEAD))
    except OSError as error:
        if error.errno not in OF_ONE_FILE:
            raise
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: OSError) -> UnreadableFile:
    return UnreadableFile(
        f"{path.name}: {error.strerror}. Check the file and its permissions."
    )
