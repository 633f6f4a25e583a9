"""Which machine, disk and file system are fit for loads; figures in, findings out."""

import math

from bulk_pipeline.core.findings import Area, Finding, failure, fine, warning
from bulk_pipeline.core.wording import amount

LITTLE_MEMORY = 4 * 2**30
"""Bytes. Two loads of a million rows at once take 1 GB each at most, the interface, the
code server and the daemon of `up` about 1 GB together; the rest is the system's."""

SCARCE_MEMORY = 2 * 2**30
"""Bytes below which batches should be smaller; see ``system_info.LITTLE_MEMORY``."""

SMALL_BATCH = 10_000
"""Rows; as ``system_info`` recommends where memory is scarce."""

LITTLE_ROOM = 2 * 2**30
"""Bytes: twice what two loads of a million rows at once need.

One (90 MB of CSV) had 430 MB on the disk at its peak: its copy, its chunks, its rows
and the log of their transaction.
"""

NO_ROOM = 100 * 2**20
"""Bytes below which the journal and Dagster's event files cannot be relied on; ten rows
take 5 MB."""

FEW_FILES = 10_000
"""Files that can still be made. A batch of 500 files makes some 2,000."""

NETWORK = frozenset(
    {
        *("nfs", "nfs4", "cifs", "smb2", "smb3", "smbfs", "ncpfs", "9p"),
        *("afs", "afpfs", "davfs", "webdav", "ceph", "glusterfs", "gpfs", "lustre"),
        *("fuse.cephfs", "fuse.glusterfs", "fuse.s3fs", "fuse.sshfs"),
    }
)
"""File systems of another machine. SQLite's write-ahead log needs memory that all its
users share (https://sqlite.org/wal.html), so it works on none of them."""

IN_MEMORY = frozenset({"tmpfs", "ramfs"})
IN_CONTAINER = frozenset({"overlay", "aufs"})


def judged_cores(usable: float, machine: int, workers: int) -> Finding:
    """Whether there are as many workers as cores at most.

    Args:
        usable: cores that are there for us, such as 1.5.
        machine: cores of the machine.
        workers: of ``ULTRA_PARALLEL_WORKERS``.
    """
    given = amount(workers, "worker is set", "workers are set")
    what = f"{usable:g} of {amount(machine, 'core')} can be used; {given}."
    wanted = max(1, math.floor(usable))
    if workers <= wanted:
        return fine(Area.MACHINE, what)
    return warning(
        Area.MACHINE,
        what,
        f"Set ULTRA_PARALLEL_WORKERS to {wanted}: more workers than cores wait for "
        "each other. A container's quota counts.",
    )


def judged_memory(usable: int, limit: int | None, batch_size: int) -> Finding:
    """Whether memory is enough for two loads at once.

    Args:
        usable: bytes that are available and allowed.
        limit: bytes that our group may use; None: no limit.
        batch_size: rows, of ``ULTRA_BATCH_SIZE``.
    """
    limited = "" if limit is None else f" (limit {size(limit)})"
    what = f"{size(usable)} of memory can be used{limited}."
    if usable >= LITTLE_MEMORY:
        return fine(Area.MACHINE, what)
    cure = f"Free some, or give the machine or the container {size(LITTLE_MEMORY)}"
    if usable < SCARCE_MEMORY and batch_size > SMALL_BATCH:
        cure += f"; until then set ULTRA_BATCH_SIZE to {SMALL_BATCH}"
    return warning(Area.MACHINE, what, f"{cure}. Two loads run at once.")


def judged_room(place: str, free: int, files: int | None) -> Finding:
    """Whether a disk has room for loads.

    Args:
        place: folder that lies there.
        free: bytes that we may still write.
        files: that can still be made; None where the file system has no such limit.
    """
    what = f"{size(free)} free where {place} lies."
    if free < NO_ROOM:
        cure = (
            f"Free {size(LITTLE_ROOM)} there; `bulk-pipeline tidy` removes old batches."
        )
        return failure(Area.MACHINE, what, cure)
    if files == 0:
        what = f"No file can be made where {place} lies: the disk has no inodes left."
        return failure(Area.MACHINE, what, "Remove files there, many small ones first.")
    if free < LITTLE_ROOM:
        return warning(
            Area.MACHINE,
            what,
            f"Free {size(LITTLE_ROOM)}: two loads of a million rows at once write "
            "0.9 GB while they run. `bulk-pipeline tidy` removes old batches.",
        )
    if files is not None and files < FEW_FILES:
        what = f"Only {amount(files, 'more file')} can be made where {place} lies."
        return warning(Area.MACHINE, what, "Remove files there; see `df -i`.")
    return fine(Area.MACHINE, what)


def judged_file_system(place: str, kind: str) -> Finding:
    """Whether a file system keeps SQLite's files safe.

    Args:
        place: folder or file with SQLite databases on it.
        kind: such as ``ext4``; empty where nobody says.
    """
    what = f"{place} lies on {kind or 'an unknown file system'}"
    if kind in NETWORK:
        return warning(
            Area.HOME,
            f"{what}, which other machines share.",
            "Put it on a disk of this machine: SQLite's write-ahead log works on no "
            "network file system, and two machines that use it damage the file.",
        )
    if kind in IN_MEMORY:
        return warning(
            Area.HOME,
            f"{what}, which is gone after a restart.",
            "Put it on a disk, unless losing it does no harm.",
        )
    if kind in IN_CONTAINER:
        return warning(
            Area.HOME,
            f"{what}, which is gone with the container.",
            "Put it on a volume; compose.yaml shows how.",
        )
    return fine(Area.HOME, f"{what}.")


def size(count: int) -> str:
    """Bytes for people, in the largest unit of which there is one."""
    for unit, length in (("GiB", 2**30), ("MiB", 2**20)):
        if count >= length:
            return f"{count / length:,.1f} {unit}"
    return f"{count / 2**10:,.1f} KiB"
