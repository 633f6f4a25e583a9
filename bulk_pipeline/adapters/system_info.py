"""What this machine has, and the settings that follow from it.

Imports nothing heavy, and none of the libraries whose versions it tells.
"""

import math
import os
import platform
import shutil
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from bulk_pipeline.adapters.cgroups import cpu_quota, memory_limit
from bulk_pipeline.adapters.disk_speed import DiskSpeed, disk_speed

PACKAGES = ("polars", "pyarrow", "dagster", "sqlalchemy", "adbc-driver-sqlite")
MOST_WORKERS = 8
"""As ``Settings.workers`` allows."""

USUAL_BATCH, SMALL_BATCH = 50_000, 10_000
"""Rows; the usual one is the default of ``Settings.batch_size``.

A million rows of CSV into SQLite took 0.90 GB at most in batches of 10,000, 1.03 GB in
batches of 50,000 and 1.08 GB in batches of 200,000; seconds differed by less than two
loads in batches of one size do.
"""

LITTLE_MEMORY = 2 * 2**30
"""Bytes below which smaller batches are recommended: twice what such a load took."""

_MIB, _GIB = 2**20, 2**30


@dataclass(frozen=True, slots=True)
class Cores:
    """Processors.

    Attributes:
        machine: logical processors of the machine.
        allowed: of them, those that this process may run on.
        quota: cores that its group may use together; None: no limit.
    """

    machine: int
    allowed: int
    quota: float | None

    @property
    def usable(self) -> float:
        """Cores that are there for us, such as 1.5."""
        return min(self.allowed, self.quota or self.allowed)


@dataclass(frozen=True, slots=True)
class Memory:
    """Memory, in bytes.

    Attributes:
        total: of the machine.
        available: that the system can give without swapping.
        limit: that our group may use; None: no limit.
    """

    total: int
    available: int
    limit: int | None

    @property
    def usable(self) -> int:
        """The least of what is available and what is allowed."""
        return min(self.available, self.limit or self.available)


@dataclass(frozen=True, slots=True)
class Recommended:
    """Values of settings, and why these."""

    batch_size: int
    batch_size_reason: str
    workers: int
    workers_reason: str


@dataclass(frozen=True, slots=True)
class SystemInfo:
    """A machine, as this process sees it.

    Attributes:
        cores: processors.
        memory: bytes.
        python: version and implementation.
        platform: system, release and architecture.
        versions: of ``PACKAGES`` by name, and of Python's SQLite.
        folder: the folder that was asked about.
        file_system: its kind, such as ``ext4``; empty where nobody says.
        free_bytes: free there.
        disk: how fast it is.
    """

    cores: Cores
    memory: Memory
    python: str
    platform: str
    versions: dict[str, str]
    folder: Path
    file_system: str
    free_bytes: int
    disk: DiskSpeed

    @property
    def recommended(self) -> Recommended:
        """What ``ULTRA_BATCH_SIZE`` and ``ULTRA_PARALLEL_WORKERS`` should be here."""
        return recommended(self.cores, self.memory)

    def rows(self) -> list[tuple[str, str]]:
        """Label and text of each fact, in order, to be printed."""
        cores, memory, advice = self.cores, self.memory, self.recommended
        quota = (
            "none"
            if cores.quota is None
            else f"{cores.quota:g} {'core' if cores.quota == 1 else 'cores'}"
        )
        limit = "none" if memory.limit is None else _gib(memory.limit)
        speed = self.disk.bytes_per_second / _MIB
        return [
            ("cores of the machine", str(cores.machine)),
            ("cores of this process", f"{cores.allowed} (quota: {quota})"),
            ("memory", f"{_gib(memory.total)}, available {_gib(memory.available)}"),
            ("memory limit", limit),
            ("Python", self.python),
            ("platform", self.platform),
            *self.versions.items(),
            ("folder", str(self.folder)),
            ("file system", self.file_system or "unknown"),
            ("free there", _gib(self.free_bytes)),
            ("written in order", f"{speed:,.0f} MiB/s, forced to the disk at its end"),
            ("a page forced to the disk", f"{self.disk.sync_seconds * 1e3:.2f} ms"),
            ("ULTRA_BATCH_SIZE", f"{advice.batch_size} ({advice.batch_size_reason})"),
            ("ULTRA_PARALLEL_WORKERS", f"{advice.workers} ({advice.workers_reason})"),
        ]


def system_info(folder: Path) -> SystemInfo:
    """Look at the machine and measure a folder's disk; takes about a second.

    Args:
        folder: exists and can be written; nothing stays in it.

    Raises:
        OSError: the folder cannot be written or is full.
    """
    return SystemInfo(
        cores=cores_here(),
        memory=memory_here(),
        python=f"{platform.python_version()} ({platform.python_implementation()})",
        platform=f"{platform.system()} {platform.release()} {platform.machine()}",
        versions=_versions(),
        folder=folder,
        file_system=file_system(folder),
        free_bytes=shutil.disk_usage(folder).free,
        disk=disk_speed(folder),
    )


def cores_here() -> Cores:
    """Processors as this process sees them."""
    return Cores(os.cpu_count() or 1, _allowed(), cpu_quota())


def memory_here() -> Memory:
    """Memory as this process sees it."""
    import psutil  # noqa: PLC0415  # 20 ms that no other command should pay

    memory = psutil.virtual_memory()
    return Memory(memory.total, memory.available, memory_limit())


def recommended(cores: Cores, memory: Memory) -> Recommended:
    """Settings for so many cores and so much memory."""
    workers = max(1, min(math.floor(cores.usable), MOST_WORKERS))
    why = f"one for each whole core of {cores.usable:g}"
    if cores.usable > MOST_WORKERS:
        why = f"the most there may be; {cores.usable:g} cores are usable"
    if memory.usable < LITTLE_MEMORY:
        scarce = f"only {_gib(memory.usable)} of memory is usable"
        return Recommended(SMALL_BATCH, scarce, workers, why)
    enough = f"the default; {_gib(memory.usable)} of memory is enough for it"
    return Recommended(USUAL_BATCH, enough, workers, why)


def _allowed() -> int:
    """Processors that the process may run on; macOS cannot restrict them."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _versions() -> dict[str, str]:
    import sqlite3  # noqa: PLC0415  # a library of its own

    found = {"SQLite of Python": sqlite3.sqlite_version}
    for package in PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            found[package] = "not installed"
    return found


def file_system(folder: Path) -> str:
    """Kind of the file system that a folder is on, or would be; "" if nobody says."""
    import psutil  # noqa: PLC0415  # as above

    place = folder.resolve()
    around = {Path(p.mountpoint): p.fstype for p in psutil.disk_partitions(all=True)}
    return next((around[p] for p in (place, *place.parents) if p in around), "")


def _gib(size: int) -> str:
    return f"{size / _GIB:,.1f} GiB"
