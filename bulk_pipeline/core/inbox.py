"""Which dropped files are whole, ours, and go together."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase, translate

UNFINISHED = ("*.tmp", "*.part", "*.partial", "*.crdownload", "*.filepart", "~$*", ".*")
"""Names under which programs keep files that they are still writing."""

_UNFINISHED = re.compile("|".join(map(translate, UNFINISHED)))

NANOSECONDS = 1_000_000_000

PACKED = frozenset(("xlsx", "xlsm", "xlsb", "xls", "ods", "zip", "gz"))
PACKED_WEIGHT = 4
"""A byte of these holds about the rows of so many bytes of text."""


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
        device: the file system it lies in.
        inode: its number there; another file of the same name has another one.
        key: the upload key that was promised for it; "" for none.
        given_name: what its user calls it; "" where that is its name.
    """

    folder: str
    name: str
    bytes: int
    modified_ns: int
    changed_ns: int
    device: int
    inode: int
    key: str = ""
    given_name: str = ""

    @property
    def title(self) -> str:
        """What people call it."""
        return self.given_name or self.name

    @property
    def weight(self) -> int:
        """The bytes of text that take about as long to read."""
        packed = self.name.lower().rpartition(".")[2] in PACKED
        return self.bytes * (PACKED_WEIGHT if packed else 1)


@dataclass(frozen=True, slots=True)
class Share:
    """How much of one subfolder is in work, or may be."""

    files: int = 0
    bytes: int = 0

    def __add__(self, other: "Share") -> "Share":
        return Share(self.files + other.files, self.bytes + other.bytes)


@dataclass(frozen=True, slots=True)
class Quota:
    """What one subfolder may have in work at once; None for no limit."""

    files: int | None = None
    bytes: int | None = None

    def allows(self, used: Share, size: int) -> bool:
        """Whether one more file of this size may go into work.

        A file beyond the bytes goes where nothing else is in work: it never would
        otherwise.
        """
        if self.files is not None and used.files >= self.files:
            return False
        return self.bytes is None or not used.files or used.bytes + size <= self.bytes


def is_wanted(name: str, pattern: str) -> bool:
    """Whether a name fits the pattern and is no program's unfinished file."""
    lowered = name.lower()
    if _UNFINISHED.match(lowered):
        return False
    return pattern == "*" or fnmatchcase(lowered, pattern.lower())


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


def within_quota(
    stamps: Iterable[FileStamp], in_work: Mapping[str, Share], quota: Quota
) -> tuple[list[FileStamp], list[FileStamp]]:
    """Split files into those that may go into work now and those that wait.

    Args:
        stamps: settled files, oldest first. Where one waits, all later ones of its
            folder wait behind it: a large file is not passed over for ever.
        in_work: folder → what it has in work already; absent for nothing.
        quota: what each folder may have in work.
    """
    used = dict(in_work)
    closed: set[str] = set()
    taken: list[FileStamp] = []
    waiting: list[FileStamp] = []
    for stamp in stamps:
        share = used.get(stamp.folder, Share())
        if stamp.folder in closed or not quota.allows(share, stamp.bytes):
            closed.add(stamp.folder)
            waiting.append(stamp)
        else:
            used[stamp.folder] = share + Share(1, stamp.bytes)
            taken.append(stamp)
    return taken, waiting


def in_batches(
    stamps: Iterable[FileStamp], most_files: int, most_bytes: int, alone_bytes: int
) -> list[list[FileStamp]]:
    """The batches of one look, in the order in which they are to run.

    Small files go together, oldest first; each large one is a batch of its own, behind
    all small ones of the same look. So no small file waits for a large one that came
    with it, and, since the batches of a look go before those of all later looks, no
    large one waits for ever.

    Args:
        stamps: settled files, oldest first.
        most_files: files in a batch, at least 1.
        most_bytes: weight of a batch; see ``FileStamp.weight``.
        alone_bytes: weight above which a file is a batch of its own.
    """
    heaviest = min(alone_bytes, most_bytes)
    batches: list[list[FileStamp]] = []
    giants: list[list[FileStamp]] = []
    row: list[FileStamp] = []
    total = 0
    for stamp in stamps:
        if stamp.weight > heaviest:
            giants.append([stamp])
            continue
        if row and (len(row) == most_files or total + stamp.weight > most_bytes):
            batches.append(row)
            row, total = [], 0
        row.append(stamp)
        total += stamp.weight
    return [*batches, *([row] if row else []), *giants]
