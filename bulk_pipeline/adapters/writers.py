"""Whether some process still has a dropped file open for writing.

A copy that stalls for minutes is as quiet as one that is done. Linux knows better: a
read lease is refused while anybody has the file open for writing. Where it cannot be
had (another system, a file of somebody else without the right to lease it, a file
system of another machine, which refuses for reasons of its own), the quiet time alone
decides.
"""

import errno
import fcntl
import os
import signal
from pathlib import Path

HONEST = frozenset(
    ("ext2", "ext3", "ext4", "xfs", "btrfs", "tmpfs", "f2fs", "zfs", "overlay")
)
"""File systems of this machine, where a lease is refused for a writer's sake only."""

_MOUNTS = Path("/proc/self/mountinfo")


def is_being_written(descriptor: int) -> bool:
    """Whether another process has this file open for writing, as far as can be told.

    Args:
        descriptor: of the file, opened for reading only, in a file system that
            ``tells_writers`` vouches for.
    """
    try:
        # The signal of a broken lease ends the process; this one is ignored.
        fcntl.fcntl(descriptor, fcntl.F_SETSIG, signal.SIGURG)
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_RDLCK)
    except OSError as error:
        return error.errno == errno.EAGAIN
    fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    return False


def tells_writers(folder: int) -> bool:
    """Whether a refused lease means a writer in the file system of an open folder."""
    if not hasattr(fcntl, "F_SETLEASE"):
        return False
    try:
        details = Path(f"/proc/self/fdinfo/{folder}").read_text(encoding="utf-8")
        mount = details.split("mnt_id:", 1)[1].split(None, 1)[0]
        return _kind(mount) in HONEST
    except (OSError, IndexError):
        return False


def _kind(mount: str) -> str:
    """The kind of file system of a mount, by its number."""
    for line in os.fsdecode(_MOUNTS.read_bytes()).splitlines():
        if line.split(None, 1)[0] == mount:
            return line.partition(" - ")[2].split(None, 1)[0]
    return ""
