"""Folders for what is needed for a moment; each says by a lock that it is in use.

They lie in the folder for temporary files, for files are read without a home, too. What
a killed process leaves behind is told from what is in use by its lock, which dies with
the process.
"""

import os
import shutil
import stat
import tempfile
import weakref
from pathlib import Path
from types import TracebackType

from bulk_pipeline.adapters.locks import FileLock

LOCK = ".lock"


class ScratchFolder:
    """An empty folder that nobody else can look into; it goes with this object.

    Attributes:
        path: where it is.

    Raises:
        OSError: it cannot be made, for one because there is no space.
    """

    def __init__(self) -> None:
        self.path, lock = _made()
        self._end = weakref.finalize(self, _removed, self.path, lock)

    def __enter__(self) -> Path:
        return self.path

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Remove it with all that is in it."""
        self._end()


def sweep_scratch() -> list[str]:
    """Remove the folders that dead processes of this user left behind.

    What is in use, belongs to somebody else, or is a link stays; no link is followed.

    Returns:
        The names of those removed, in order.
    """
    ours = _prefix()
    with os.scandir(tempfile.gettempdir()) as entries:
        found = sorted(e.path for e in entries if e.name.startswith(ours))
    return [path.name for path in map(Path, found) if _swept(path)]


def _prefix() -> str:
    return f"bulk-pipeline-{os.geteuid()}-"


def _made() -> tuple[Path, FileLock]:
    """A folder and the lock that is held on it."""
    while True:
        path = Path(tempfile.mkdtemp(prefix=_prefix()))
        lock = FileLock(path / LOCK)
        try:
            # A sweep may come between: it then holds the lock, or the folder is gone.
            if lock.take() and (path / LOCK).exists():
                return path, lock
        except FileNotFoundError:
            pass
        except OSError:
            shutil.rmtree(path, ignore_errors=True)
            raise
        lock.close()


def _removed(path: Path, lock: FileLock) -> None:
    """Remove a folder whose lock is held, and give the lock back."""
    shutil.rmtree(path, ignore_errors=True)
    lock.close()


def _swept(path: Path) -> bool:
    """Remove a folder if it is ours and nobody uses it; whether it is gone."""
    try:
        status = path.lstat()
        if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid():
            return False
        lock = FileLock(path / LOCK)
        try:
            if not lock.take():
                return False
            shutil.rmtree(path, ignore_errors=True)
        finally:
            lock.close()
    except OSError:
        # Its owner removes it at this moment, or its lock is none that can be taken.
        return False
    return not path.exists()
