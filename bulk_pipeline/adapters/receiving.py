"""A file that arrives piece by piece and lies in the inbox whole or not at all.

It is written under a hidden name in the folder it will lie in, so that the last step is
a rename within one file system; looks at the inbox pass hidden names over. Its key is
promised in the journal before that rename.
"""

import contextlib
import os
import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from threading import Lock

from bulk_pipeline.adapters.atomic import PARTIAL, lasting_folder
from bulk_pipeline.adapters.crash_points import reached
from bulk_pipeline.adapters.folders import make_lasting, opened, opened_in
from bulk_pipeline.adapters.installation import Installation
from bulk_pipeline.adapters.reservations import (
    Reservation,
    forget,
    promised,
    reserve,
)
from bulk_pipeline.core.inbox import is_wanted

ARRIVING = re.compile(rf"\.upload-[0-9a-f]{{32}}{re.escape(PARTIAL)}")
"""Names of files that have not arrived whole."""
_CREATED = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


@dataclass
class Arrival:
    """One file on its way into a user's folder of the inbox.

    Everything here waits for the disk or the journal. Whoever gives up may close it
    while a thread still writes: the end waits for that.

    Attributes:
        installation: whose inbox.
        user: the subfolder, made where it is missing.
        size: how many bytes have been written.
    """

    installation: Installation
    user: str
    size: int = 0
    _folder: int = -1
    _file: int = -1
    _name: str = ""
    _closed: bool = False
    _lock: Lock = field(default_factory=Lock)

    def begin(self) -> None:
        """Make the hidden file.

        Raises:
            OSError: the folder cannot be used, or is a link; or the disk is full.
        """
        with self._alive():
            inbox = self.installation.home.inbox
            lasting_folder(inbox / self.user)
            with opened(inbox) as around, opened_in(around, self.user) as folder:
                self._folder = os.dup(folder)
            name = f".upload-{secrets.token_hex(16)}{PARTIAL}"
            self._file = os.open(name, _CREATED, 0o640, dir_fd=self._folder)
            self._name = name

    def write(self, piece: bytes | bytearray) -> None:
        """Append some bytes.

        Raises:
            OSError: the disk is full, or fails.
        """
        with self._alive():
            view = memoryview(piece)
            while view:
                view = view[os.write(self._file, view) :]
            self.size += len(piece)

    def finish(self, file: str) -> Reservation:
        """Promise a key and put the file into the inbox; both or neither outlive it.

        Args:
            file: what its user calls it.

        Raises:
            OSError: the disk is full, or fails.
            BulkPipelineError: the journal cannot be written.
        """
        with self._alive():
            os.fsync(self._file)
            journal = self.installation.journal
            promise = promised(self.user, file, self.size)
            reserve(journal, promise)
            reached("upload promised")
            here = self._folder
            try:
                os.rename(self._name, promise.name, src_dir_fd=here, dst_dir_fd=here)
            except OSError:
                forget(journal, promise.key)
                raise
            self._name = ""
            make_lasting(here)
            return promise

    def close(self) -> None:
        """Remove what has not arrived whole; nothing else happens from here on."""
        with self._lock:
            self._closed = True
            if self._name:
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(self._name, dir_fd=self._folder)
                self._name = ""
            for descriptor in (self._file, self._folder):
                if descriptor >= 0:
                    os.close(descriptor)
            self._file = self._folder = -1

    @contextlib.contextmanager
    def _alive(self) -> Iterator[None]:
        """The lock, unless this was given up before a thread came to its work."""
        with self._lock:
            if self._closed:
                raise ValueError("This arrival was given up.")
            yield


def why_unwanted(name: str, pattern: str) -> str:
    """Why a file of this name would never be taken from the inbox; "" if it would."""
    if is_wanted(name, pattern):
        return ""
    if is_wanted(name, "*"):
        return (
            f"{name!r} does not fit {pattern!r}, which names the files that are taken."
        )
    return f"{name!r} is what programs call a file that they are still writing."
