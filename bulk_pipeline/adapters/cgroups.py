"""What a container or a service manager lets this process have of the machine.

Linux only; elsewhere, and where nothing is limited, the answers are None.
"""

from collections.abc import Iterator
from pathlib import Path

_UNLIMITED = 2**60
"""Version 1 writes a number near 2**63 where memory is not limited."""


def cpu_quota(root: Path = Path("/")) -> float | None:
    """Cores that all processes of our group may use together, such as 1.5.

    Args:
        root: where ``proc`` and ``sys`` are.
    """
    quotas = []
    for folder in _folders(root, "cpu"):
        if text := _text(folder / "cpu.max"):
            quota, period = text.split()
        else:
            quota = _text(folder / "cpu.cfs_quota_us")
            period = _text(folder / "cpu.cfs_period_us")
        if quota.isdigit() and period.isdigit() and int(period):
            quotas.append(int(quota) / int(period))
    return min(quotas, default=None)


def memory_limit(root: Path = Path("/")) -> int | None:
    """Bytes that all processes of our group may use together.

    Args:
        root: where ``proc`` and ``sys`` are.
    """
    limits = []
    for folder in _folders(root, "memory"):
        text = _text(folder / "memory.max") or _text(folder / "memory.limit_in_bytes")
        if text.isdigit() and int(text) < _UNLIMITED:
            limits.append(int(text))
    return min(limits, default=None)


def _folders(root: Path, controller: str) -> Iterator[Path]:
    """Our group and all above it, whose limits bind us too, in either version."""
    mount = root / "sys/fs/cgroup"
    for line in _text(root / "proc/self/cgroup").splitlines():
        _, controllers, group = line.split(":", 2)
        if controllers and controller not in controllers.split(","):
            continue
        # Controllers that are mounted together may have a link for each, or none.
        names = [controllers, controller] if controllers else ["."]
        top = next((mount / n for n in names if (mount / n).exists()), mount)
        # Within a container the name may be that of the machine, and not be there.
        own = top / group.strip("/")
        while own != top:
            yield own
            own = own.parent
        yield top


def _text(file: Path) -> str:
    try:
        return file.read_text().strip()
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return ""
