"""What a SQLite file tells of itself, and who has it locked, where that can be known.

Locks are looked up in Linux's list of all locks of files, so looking takes none itself.
The bytes that SQLite locks are part of its file format:
https://www.sqlite.org/fileformat2.html and https://www.sqlite.org/walformat.html
"""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import psutil
import sqlalchemy as sa

from bulk_pipeline.adapters.database_state import Section
from bulk_pipeline.adapters.doctor.sqlite_file import looked_into

LOCKS = Path("/proc/locks")
WRITER, CHECKPOINT, RECOVERY, FIRST_READER, LAST_READER = 120, 121, 122, 123, 127
"""Bytes of the file ``-shm``."""
PENDING, RESERVED = 0x40000000, 0x40000001
"""Bytes of the data file; who writes without a log has locked them."""
_PRAGMAS = ("journal_mode", "page_size", "page_count", "freelist_count")
_COLUMNS = ("process", "name", "lock")


class _Lock(NamedTuple):
    """One lock of a file: by whom, on which bytes, whether it waits for another."""

    process: int
    first: int
    last: int
    exclusive: bool
    waits: bool


def sqlite_state(url: sa.URL) -> list[Section]:
    """The file's facts, and its locks.

    Args:
        url: of the file.

    Raises:
        BulkPipelineError: it cannot be read.
    """
    path = Path(url.database or "")
    if not path.exists():
        note = f"{path} is not there yet; the first load makes it."
        return [Section("File", ("fact", "value"), (), note)]
    # Before the file is opened, for then we have locks of it ourselves.
    locks = _locks(path)
    return [Section("File", ("fact", "value"), list(_facts(path))), locks]


def _facts(path: Path) -> Iterator[tuple[str, str | int]]:
    with looked_into(path) as connection:
        told = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar_one()
            for name in _PRAGMAS
        }
    yield "journal mode", str(told["journal_mode"])
    yield "page size, bytes", int(told["page_size"])
    yield "pages", int(told["page_count"])
    yield "free pages", int(told["freelist_count"])
    yield "file, bytes", path.stat().st_size
    log = Path(f"{path}-wal")
    yield "write-ahead log, bytes", log.stat().st_size if log.exists() else 0


def _locks(path: Path) -> Section:
    title = "Who has it locked"
    if not LOCKS.exists():
        note = "This system does not tell who locks a file; Linux does."
        return Section(title, _COLUMNS, (), note)
    held = LOCKS.read_text(encoding="ascii")
    shared = Path(f"{path}-shm")
    found = {
        (lock.process, _name(lock.process), meaning)
        for file, meanings in ((path, _in_data), (shared, _in_log))
        for lock in _of(held, file)
        if (meaning := meanings(lock))
    }
    note = "" if found else "Nobody reads or writes at this moment."
    return Section(title, _COLUMNS, sorted(found), note)


def _of(held: str, path: Path) -> Iterator[_Lock]:
    """The locks of one file among all of the system."""
    try:
        facts = path.stat()
    except FileNotFoundError:
        return
    device = f"{os.major(facts.st_dev):02x}:{os.minor(facts.st_dev):02x}"
    for line in held.splitlines():
        words = line.split()
        waits = words[1:2] == ["->"]
        kind, _, mode, process, file, first, last = words[2:] if waits else words[1:]
        if kind == "POSIX" and file == f"{device}:{facts.st_ino}" and last != "EOF":
            yield _Lock(int(process), int(first), int(last), mode == "WRITE", waits)


def _in_log(lock: _Lock) -> str:
    """What a lock of the file ``-shm`` means; "" for none that keeps others waiting."""
    places: Sequence[tuple[int, int, str]] = (
        (WRITER, WRITER, "writes"),
        (CHECKPOINT, CHECKPOINT, "moves the log into the file"),
        (RECOVERY, RECOVERY, "recovers the log"),
        (FIRST_READER, LAST_READER, "reads"),
    )
    for first, last, meaning in places:
        if lock.first <= last and first <= lock.last:
            return f"waits: {meaning}" if lock.waits else meaning
    return ""


def _in_data(lock: _Lock) -> str:
    """What a lock of the data file means; "" for a connection that is open."""
    if lock.exclusive and lock.first <= RESERVED and lock.last >= PENDING:
        return "writes without a log"
    return ""


def _name(process: int) -> str:
    try:
        return psutil.Process(process).name()
    except psutil.Error:
        return ""
