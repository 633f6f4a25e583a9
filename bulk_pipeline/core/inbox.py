"""Which dropped files are whole, ours, and go together."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

UNFINISHED = ("*.tmp", "*.part", "*.partial", "*.crdownload", "*.filepart", "~$*", ".*")
"""Names under which programs keep files that they are still writing."""

NANOSECONDS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class FileStamp:
    """A regular file in the inbox as one look saw it.

    Attributes:
        folder: the subfolder it lies in, "" for the inbox itself; who submitted it.
        name: its name.
        bytes: its size.
        modified_ns: when its content was last said to have changed.
        changed_ns: when the file system last saw any change of it, renaming included;
            unlike the former, no program can set it.
    """

    folder: str
    name: str
    bytes: int
    modified_ns: int
    changed_ns: int


def is_wanted(name: str, pattern: str) -> bool:
    """Whether a name fits the pattern and is no program's unfinished file."""
    lowered = name.lower()
    if any(fnmatchcase(lowered, unfinished) for unfinished in UNFINISHED):
        return False
    return fnmatchcase(lowered, pattern.lower())


def settled(
    stamps: Iterable[FileStamp], now_ns: int, quiet_seconds: float
) -> list[FileStamp]:
    """The files that nothing has touched for a while, oldest first.

    Every write, and the rename at the end of a copy, moves ``changed_ns``, so a file
    that is still being copied waits. Order is by modification time, then name.
    """
    latest = now_ns - int(quiet_seconds * NANOSECONDS)
    quiet = [stamp for stamp in stamps if stamp.changed_ns <= latest]
    return sorted(quiet, key=lambda s: (s.modified_ns, s.folder, s.name))


def next_batch(
    stamps: Sequence[FileStamp], most_files: int, most_bytes: int
) -> list[FileStamp]:
    """The oldest files that go into one batch.

    Args:
        stamps: settled files, oldest first.
        most_files: files in a batch, at least 1.
        most_bytes: bytes in a batch; a larger file is a batch of its own.
    """
    chosen: list[FileStamp] = []
    total = 0
    for stamp in stamps[:most_files]:
        if chosen and total + stamp.bytes > most_bytes:
            break
        chosen.append(stamp)
        total += stamp.bytes
    return chosen
