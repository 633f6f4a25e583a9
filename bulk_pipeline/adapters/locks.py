"""Locks that die with their process: a lock that can be taken has no live owner."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bulk_pipeline.core.errors import TransientError

BATCH_LOCK = ".lock"
TRIES, TRY_AGAIN_SECONDS = 10, 0.05


class FileLock:
    """An exclusive or shared ``flock`` on a file, held until closed."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None

    def take(self, *, shared: bool = False) -> bool:
        """Take the lock at once; False if somebody else holds it."""
        if self._descriptor is None:
            flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
            self._descriptor = os.open(self._path, flags, 0o600)
        kind = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
        try:
            fcntl.flock(self._descriptor, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def owner(self) -> str:
        """What the owner wrote about itself."""
        return self._path.read_text(encoding="utf-8")

    def sign(self, owner: str) -> None:
        """Write who holds the lock; for its exclusive holder."""
        if self._descriptor is not None:
            os.truncate(self._descriptor, 0)
            os.pwrite(self._descriptor, owner.encode(), 0)

    def close(self) -> None:
        """Give the lock back."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def own_batch(folder: Path, run_id: str) -> FileLock:
    """Hold a batch for a run; several processes of one run may hold it together.

    Raises:
        TransientError: another run holds it; names that run.
    """
    lock = FileLock(folder / BATCH_LOCK)
    for _ in range(TRIES):
        if lock.take():
            lock.sign(run_id)
        # Between exclusive and shared it is nobody's for a moment: take it by asking.
        if lock.owner() == run_id and lock.take(shared=True):
            return lock
        # A tick that asks whether there is an owner holds the lock for a moment.
        time.sleep(TRY_AGAIN_SECONDS)
    owner = lock.owner()
    lock.close()
    raise TransientError(
        f"Batch {folder.name} is being processed by run {owner}. Wait for its end."
    )


def has_owner(folder: Path) -> bool:
    """Whether a live process holds a batch."""
    lock = FileLock(folder / BATCH_LOCK)
    try:
        return not lock.take()
    finally:
        lock.close()


def holder(folder: Path) -> str:
    """The run whose live process holds a batch, "" if none does or it is gone."""
    lock = FileLock(folder / BATCH_LOCK)
    try:
        return "" if lock.take() else lock.owner()
    except FileNotFoundError:
        return ""
    finally:
        lock.close()


@contextmanager
def only_one(path: Path) -> Iterator[bool]:
    """Whether this process is the only one in the block; False: leave it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path)
    try:
        yield lock.take()
    finally:
        lock.close()
