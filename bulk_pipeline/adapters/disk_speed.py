"""How fast a folder's disk is: two small measurements, cleaned up afterwards."""

import os
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

BYTES = 64 * 2**20
"""Written in one go: enough that the last of it is the disk's and not its cache's."""

SYNCED = 4096
"""Bytes of each small write: a page of SQLite."""

TIMES = 20
"""Small writes; the median counts."""

_BLOCK = 2**20


@dataclass(frozen=True, slots=True)
class DiskSpeed:
    """What writing costs there.

    Attributes:
        bytes_per_second: of one file written in order and forced to the disk.
        sync_seconds: median of a page written and forced to the disk, as each commit
            does.
    """

    bytes_per_second: float
    sync_seconds: float


def disk_speed(folder: Path, size: int = BYTES) -> DiskSpeed:
    """Measure a folder's disk; takes about a second on a usual one.

    Args:
        folder: exists and can be written; nothing stays in it.
        size: bytes of the large file, a megabyte at least.

    Raises:
        OSError: the folder cannot be written or is full.
    """
    # Noise, since some file systems compress and some leave holes for zeros.
    block = os.urandom(_BLOCK)
    with TemporaryDirectory(prefix=".disk-speed-", dir=folder) as own:
        with Path(own, "pages").open("wb", buffering=0) as file:
            syncs = [_synced(file.fileno(), block[:SYNCED]) for _ in range(TIMES)]
        with Path(own, "large").open("wb", buffering=0) as file:
            began = time.perf_counter()
            file.writelines(block for _ in range(size // _BLOCK))
            os.fsync(file.fileno())
            seconds = time.perf_counter() - began
    return DiskSpeed(size // _BLOCK * _BLOCK / seconds, median(syncs))


def _synced(file: int, page: bytes) -> float:
    began = time.perf_counter()
    os.write(file, page)
    os.fsync(file)
    return time.perf_counter() - began
