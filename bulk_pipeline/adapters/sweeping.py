"""What dead processes left behind: found by its name, removed once nobody uses it.

Only what this project made is looked at: hidden names with its own endings, in its own
folders. A link is never followed.
"""

import logging
import os
import re
import shutil
import stat
import time
from collections.abc import Iterator
from pathlib import Path

from bulk_pipeline.adapters.atomic import PARTIAL, REPLACED
from bulk_pipeline.adapters.home import Home
from bulk_pipeline.adapters.installation import Installation
from bulk_pipeline.adapters.locks import has_owner
from bulk_pipeline.adapters.receiving import ARRIVING
from bulk_pipeline.adapters.reservations import sweep_reservations
from bulk_pipeline.adapters.scratch import sweep_scratch

logger = logging.getLogger(__name__)
OLD_SECONDS = 3600.0
"""Nobody writes a file or a folder for so long without adding to it."""

_ENDING = "|".join(map(re.escape, (PARTIAL, REPLACED)))
_LEFT = re.compile(rf"\.(?P<of>[^.].*?)(\.[a-z0-9_]{{8}})?({_ENDING})", re.DOTALL)
"""A hidden name of ours: what it stands for, what makes it unique, the ending."""


def sweep(installation: Installation) -> list[str]:
    """Remove what processes that were killed left; safe beside those that live.

    What belongs to a batch goes once no live process holds the batch; what belongs to
    none, once nothing was added to it for an hour. Stages in SQL Server are dropped by
    the next load there. What may not be removed is logged.

    Returns:
        What was removed: paths in the home, names of scratch folders, and keys that
        were promised to uploads which never came.
    """
    home = installation.home
    swept = [f"scratch {name}" for name in sweep_scratch()]
    if home.journal.exists():
        dead = sweep_reservations(home, installation.journal)
        swept += [f"promised key {key}" for key in dead]
    # Listed first and asked about afterwards: a run that begins meanwhile makes others.
    for path, batch in [*_of_batches(home), *_of_nobody(home), *_arriving(home)]:
        try:
            if _is_dead(home, path, batch) and _removed(path):
                swept.append(str(path.relative_to(home.root)))
        except OSError as error:
            logger.warning("What a dead process left cannot be removed: %s", error)
    return swept


def _of_batches(home: Home) -> Iterator[tuple[Path, str]]:
    """What was never finished or removed among the chunks and rejects of batches."""
    for entry in (*_entries(home.chunks("")), *_entries(home.rejects(""))):
        if left := _LEFT.fullmatch(entry.name):
            yield Path(entry.path), left["of"]
        elif entry.is_dir(follow_symlinks=False):
            for inner in _entries(Path(entry.path)):
                if _LEFT.fullmatch(inner.name):
                    yield Path(inner.path), entry.name


def _of_nobody(home: Home) -> Iterator[tuple[Path, str]]:
    """What was never finished among copies that land, handles, models and reports."""
    handles = [Path(entry.path) for entry in _entries(home.root / "handles")]
    for folder in (home.landings, home.models, home.reports, *handles):
        for entry in _entries(folder):
            if _LEFT.fullmatch(entry.name):
                yield Path(entry.path), ""


def _arriving(home: Home) -> Iterator[tuple[Path, str]]:
    """What the upload API never finished; nothing else that is hidden in the inbox."""
    # The inbox itself may be a link that the operator made.
    for user in _entries(home.inbox.resolve()):
        for entry in _entries(home.inbox / user.name):
            if ARRIVING.fullmatch(entry.name):
                yield Path(entry.path), ""


def _entries(folder: Path) -> Iterator["os.DirEntry[str]"]:
    """What is in a folder; nothing if there is none, or a link in its place."""
    if folder.is_symlink() or not folder.is_dir():
        return
    with os.scandir(folder) as entries:
        yield from entries


def _is_dead(home: Home, path: Path, batch: str) -> bool:
    """Whether nobody is left who could still want what was found."""
    folder = home.batch(batch)
    if batch and folder.is_dir():
        return not has_owner(folder)
    return time.time() - _changed_at(path) > OLD_SECONDS


def _changed_at(path: Path) -> float:
    """When a file, or a folder or anything in it, was last changed; now if it is gone.

    By the clock of the file system: a copy may carry its original's time of change.
    """
    try:
        found = path.lstat()
        times = [found.st_ctime]
        if stat.S_ISDIR(found.st_mode):
            with os.scandir(path) as entries:
                times += [e.stat(follow_symlinks=False).st_ctime for e in entries]
    except FileNotFoundError:
        return time.time()
    return max(times)


def _removed(path: Path) -> bool:
    """Remove a file, a link or a folder; whether it is gone by our doing."""
    try:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
    except FileNotFoundError:
        return False  # its owner was not dead after all, and has finished
    return True
