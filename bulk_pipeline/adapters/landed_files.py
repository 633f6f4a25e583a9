"""A landed file as it must be: as whole as it was when it was taken, to the end."""

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from bulk_pipeline.adapters.batches import Upload
from bulk_pipeline.adapters.readers.files.dropped import OF_ONE_FILE
from bulk_pipeline.core.errors import UnreadableFile

CLOCK_NANOSECONDS = 2_000_000_000
"""How coarse a file system's times may be: FAT knows every second one."""


@dataclass(frozen=True, slots=True)
class LandedFile:
    """A landed file as it was before it was read.

    Attributes:
        path: where it lies.
        upload: the upload that it belongs to.
        sha256: hex digest of its bytes.
        seen: inode, size and time of change (nanoseconds since 1970) before they were
            read.
    """

    path: Path
    upload: Upload
    sha256: str
    seen: tuple[int, int, int]

    @classmethod
    def of(cls, path: Path, upload: Upload) -> Self:
        """Look at a landed file and hash it.

        Raises:
            UnreadableFile: it has changed since it was taken, or cannot be read.
        """
        with readable(path, upload), path.open("rb") as file:
            seen = _seen(os.fstat(file.fileno()))
            if not _as_taken(seen, upload):
                raise _growing(upload)
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        return cls(path, upload, digest, seen)

    def require_unchanged(self) -> None:
        """Make sure that what was read is all that is there.

        Raises:
            UnreadableFile: the file has changed since it was looked at.
        """
        with readable(self.path, self.upload):
            if _seen(self.path.stat()) != self.seen:
                raise _growing(self.upload)


@contextmanager
def readable(path: Path, upload: Upload) -> Iterator[None]:
    """A block that reads a landed file; what is wrong with it alone comes out as such.

    Raises:
        UnreadableFile: the system cannot read the file.
        OSError: anything that is not about this file.
    """
    try:
        yield
    except OSError as error:
        elsewhere = error.filename not in (None, str(path))
        if elsewhere or error.errno not in OF_ONE_FILE:
            raise
        raise UnreadableFile(
            f"{upload.file_name} cannot be read: {error.strerror}. Check the disk and "
            f"the permissions of the home, then run: bulk-pipeline retry {upload.key}"
        ) from error


def _seen(found: os.stat_result) -> tuple[int, int, int]:
    return found.st_ino, found.st_size, found.st_mtime_ns


def _as_taken(seen: tuple[int, int, int], upload: Upload) -> bool:
    _, size, modified_ns = seen
    # A batch of an earlier version did not note the time.
    apart = abs(modified_ns - upload.modified_ns) if upload.modified_ns else 0
    return size == upload.bytes and apart <= CLOCK_NANOSECONDS


def _growing(upload: Upload) -> UnreadableFile:
    return UnreadableFile(
        f"{upload.file_name} was still being written when it was taken. Write a file "
        "under a name that ends in .part and rename it when it is whole. What there is "
        f"of it lies in failed/{upload.key}; once it is whole there, run: "
        f"bulk-pipeline retry {upload.key}"
    )
