"""What was unpacked from a dropped file."""

import errno
import os
import shutil
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from io import SEEK_SET, BufferedReader, RawIOBase
from pathlib import Path
from tempfile import TemporaryFile
from typing import BinaryIO

from bulk_pipeline.adapters.readers.files.content import HEAD, Content
from bulk_pipeline.adapters.scratch import ScratchFolder
from bulk_pipeline.core.errors import TransientError


class Unpacked:
    """Bytes in a file without a name.

    It goes with this object and with the process, however that ends.
    """

    def __init__(self, packed: Content) -> None:
        self.name = packed.name
        self.total_bytes = packed.size
        self.size = 0
        with _room(self.name):
            self._file = TemporaryFile(buffering=0)  # noqa: SIM115 (see finalize)
        weakref.finalize(self, self._file.close)

    @property
    def head(self) -> bytes:
        return self.read(HEAD, 0)

    def append(self, piece: bytes) -> None:
        """More bytes at the end.

        Raises:
            TransientError: there is no room for them.
        """
        rest = memoryview(piece)
        with _room(self.name):
            while rest:
                rest = rest[self._file.write(rest) :]
        self.size += len(piece)

    def read(self, size: int, at: int) -> bytes:
        """At most so many bytes from a position on."""
        return os.pread(self._file.fileno(), size, at)

    def open(self) -> BinaryIO:
        return BufferedReader(_View(self))

    @contextmanager
    def on_disk(self) -> Iterator[Path]:
        with _room(self.name):
            folder = ScratchFolder()
        with folder as directory:
            path = directory / "unpacked"
            with _room(self.name), self.open() as source, path.open("wb") as target:
                shutil.copyfileobj(source, target)
            yield path


@contextmanager
def _room(name: str) -> Iterator[None]:
    """Blame the folder for temporary files, not the file, where there is no room."""
    try:
        yield
    except OSError as error:
        raise TransientError(
            f"{name}: cannot be unpacked into the folder for temporary files: "
            f"{error.strerror}. Free space there, or set TMPDIR to another folder."
        ) from error


class _View(RawIOBase):
    """Those bytes, at a position that no other view shares."""

    def __init__(self, content: Unpacked) -> None:
        self._content = content
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = SEEK_SET, /) -> int:
        at = (0, self._at, self._content.size)[whence] + offset
        if at < 0:
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        self._at = at
        return at

    def readinto(self, buffer: memoryview, /) -> int:  # type: ignore[override]
        piece = self._content.read(len(buffer), self._at)
        buffer[: len(piece)] = piece
        self._at += len(piece)
        return len(piece)
