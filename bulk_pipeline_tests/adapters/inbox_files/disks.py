"""Other file systems than the tests' own: one of every Linux, and small ones."""

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bulk_pipeline.adapters.home import Home

SHARED_MEMORY = Path("/dev/shm")  # noqa: S108  # a file system of its own, on Linux


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[Path]:
    """A folder on another file system than the tests' own."""
    device = tmp_path.stat().st_dev
    if not SHARED_MEMORY.is_dir() or SHARED_MEMORY.stat().st_dev == device:
        pytest.skip("there is no second file system that may be written")
    with tempfile.TemporaryDirectory(dir=SHARED_MEMORY) as folder:
        yield Path(folder)


def link_inbox(home: Home, folder: Path) -> None:
    """Make a folder the inbox of a home, as an operator mounts a share."""
    if home.inbox.is_dir():
        home.inbox.rmdir()
    home.inbox.parent.mkdir(parents=True, exist_ok=True)
    home.inbox.symlink_to(folder)


@contextmanager
def small_disk(folder: Path, size: str) -> Iterator[Path]:
    """A file system of so many bytes, mounted for a while; skips who may not mount.

    Args:
        folder: where; it is made.
        size: such as ``4m``.
    """
    folder.mkdir(parents=True, exist_ok=True)
    mount = shutil.which("mount") or "mount"
    options = ["-t", "tmpfs", "-o", f"size={size}", "none", str(folder)]
    made = subprocess.run([mount, *options], capture_output=True, check=False)
    if made.returncode:
        pytest.skip("no file system may be mounted here")
    try:
        yield folder
    finally:
        subprocess.run([shutil.which("umount") or "umount", str(folder)], check=True)
