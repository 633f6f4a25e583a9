"""Removing what lies in the home, and nothing behind a link."""

import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

from bulk_pipeline.core.errors import PermanentError


def names_in(folder: Path) -> Iterator[os.DirEntry[str]]:
    """What lies in a folder of the home; nothing where there is none.

    Raises:
        PermanentError: the folder is a link.
    """
    require_no_link(folder)
    try:
        with os.scandir(folder) as entries:
            yield from entries
    except FileNotFoundError:
        return


def bytes_in(path: Path) -> int:
    """Bytes of a file, or of the files in a folder; 0 where there is none."""
    try:
        found = path.lstat()
    except FileNotFoundError:
        return 0
    if not stat.S_ISDIR(found.st_mode):
        return found.st_size
    sizes = 0
    for folder, _, files in os.walk(path, followlinks=False):
        sizes += sum(_size(Path(folder, name)) for name in files)
    return sizes


def remove(path: Path) -> int:
    """Remove a file or a folder with all that is in it; links in it, not their targets.

    Returns:
        Bytes that were freed, 0 where there is nothing.

    Raises:
        PermanentError: the path itself is a link, or lies in one.
        OSError: it may not be removed; part of it may be gone.
    """
    require_no_link(path.parent)
    require_no_link(path)
    freed = bytes_in(path)
    try:
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()
    except FileNotFoundError:
        return 0
    return freed


def require_no_link(path: Path) -> None:
    """Refuse a link.

    Raises:
        PermanentError: names it.
    """
    if path.is_symlink():
        raise PermanentError(
            f"{path} is a link, and housekeeping removes nothing behind links. Put the "
            "whole BULK_PIPELINE_HOME where it leads, or remove by hand."
        )


def _size(path: Path) -> int:
    try:
        return path.lstat().st_size
    except FileNotFoundError:
        return 0
