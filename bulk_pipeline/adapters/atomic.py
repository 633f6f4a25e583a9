"""Files and folders that appear whole or not at all.

What is written first has a hidden name that ends in ``PARTIAL``; a folder that was
replaced ends in ``REPLACED`` until it is gone. A process that dies leaves them behind,
and ``sweeping`` removes them.
"""

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bulk_pipeline.adapters.crash_points import reached
from bulk_pipeline.adapters.disk_space import room_needed

PARTIAL, REPLACED = ".partial", ".replaced"


def sync_directory(path: Path) -> None:
    """Make the names in a folder lasting: renames in it survive a loss of power.

    Raises:
        FileNotFoundError: there is no such folder.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def lasting_folder(path: Path) -> None:
    """Make a folder, and those above it, so that it survives a loss of power."""
    missing = [path] if not path.is_dir() else []
    while missing and not missing[-1].parent.is_dir():
        missing.append(missing[-1].parent)
    path.mkdir(parents=True, exist_ok=True)
    for made in reversed(missing):
        sync_directory(made.parent)


def write_text(path: Path, text: str, *, lasting: bool = False) -> None:
    """Put a text file in place by rename; a reader sees the old or the new one.

    Args:
        path: the file; its folder is made if it is missing.
        text: what it will hold.
        lasting: whether the new one must survive a loss of power from here on. Where
            it need not, that leaves the new one, the old one or none, but never half.

    Raises:
        TransientError: no space is left; the old one stays.
    """
    with room_needed(path.parent):
        (lasting_folder if lasting else _folder)(path.parent)
        descriptor, name = tempfile.mkstemp(
            dir=path.parent, prefix=f".{path.name[:40]}.", suffix=PARTIAL
        )
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
        if lasting:
            sync_directory(path.parent)


def write_json(path: Path, document: Any, *, lasting: bool = False) -> None:
    """Put a JSON file in place by rename; see ``write_text``."""
    text = json.dumps(document, indent=1, allow_nan=False) + "\n"
    write_text(path, text, lasting=lasting)


@contextmanager
def whole_directory(
    path: Path, *, lasting: bool = False, first_stays: bool = False
) -> Iterator[Path]:
    """A folder to fill, which takes the place of ``path`` when the block succeeds.

    What lay at ``path`` before is put aside first and removed at the end; a reader may
    see none for a moment, but never a half-written one. On an error the new folder is
    removed and the old one stays.

    Args:
        path: where it will be.
        lasting: whether the folder and all that is in it must survive a loss of power
            from here on; else a file in it may be short afterwards.
        first_stays: whether a folder that another process has put in place while this
            one was filled stays, and this one is dropped. For work that may be handed
            out twice and comes to the same: what follows has begun with the other.

    Raises:
        TransientError: no space is left.
    """
    before = _number(path)
    with room_needed(path.parent):
        (lasting_folder if lasting else _folder)(path.parent)
        fresh = Path(
            tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name}.", suffix=PARTIAL)
        )
        try:
            yield fresh
            if lasting:
                _sync_all(fresh)
            reached("chunks written")
            late = first_stays and _number(path) != before
            aside = fresh if late else _exchanged(fresh, path)
        except BaseException:
            shutil.rmtree(fresh, ignore_errors=True)
            raise
        if lasting:
            sync_directory(path.parent)
    reached("chunks in place")
    # Its removal takes as long as it is large, and nobody waits for it any more.
    shutil.rmtree(aside, ignore_errors=True)


def _number(path: Path) -> int | None:
    """The inode of a folder, another one for each that was made; None without one."""
    try:
        return path.stat().st_ino
    except FileNotFoundError:
        return None


def remove_partials(folder: Path) -> list[Path]:
    """Remove files of ours in a folder that were never finished; for its one owner."""
    left = [
        p for p in folder.glob(f".*{PARTIAL}") if p.is_file() and not p.is_symlink()
    ]
    for path in left:
        path.unlink(missing_ok=True)
    return left


def _folder(path: Path) -> None:
    path.mkdir(parents=True, exist_ok=True)


def _exchanged(fresh: Path, path: Path) -> Path:
    """Put a folder in place; returns where the old one is now, if there was one."""
    aside = fresh.with_suffix(REPLACED)
    try:
        path.rename(aside)
    except FileNotFoundError:
        fresh.rename(path)
        return aside
    try:
        fresh.rename(path)
    except BaseException:
        aside.rename(path)
        raise
    return aside


def _sync_all(folder: Path) -> None:
    """Bring a folder and all that is in it to the disk."""
    for parent, _, names in os.walk(folder):
        for name in names:
            with (Path(parent) / name).open("rb") as file:
                os.fsync(file.fileno())
        sync_directory(Path(parent))
