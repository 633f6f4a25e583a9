"""Claimed files that wait in the inbox's own file system to be brought in.

A rename does not leave a file system, and a copy of gigabytes is no work for a tick. So
a claim renames such files into a hidden folder beside them, and the run copies them.
A note in the folder of the batch says where they are; without it nothing is held.
"""

import contextlib
import json
import logging
import os
import stat
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from bulk_pipeline.adapters.atomic import sync_directory, write_json
from bulk_pipeline.adapters.folders import Place, make_lasting, opened, opened_in
from bulk_pipeline.adapters.home import Home
from bulk_pipeline.adapters.looking import subfolders
from bulk_pipeline.core.errors import TransientError

HELD_FILE = "held.json"
HELD_PREFIX = ".claimed-"
logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Holdings:
    """The open folders of the inbox that hold files of one batch.

    Attributes:
        folders: descriptor of each.
        missing: path of each that ought to be there and is not.
    """

    folders: tuple[int, ...]
    missing: tuple[str, ...]

    def find(self, name: str) -> Place | None:
        """Where a regular file of the batch is held; None if it is not."""
        for folder in self.folders:
            place = Place(folder, name)
            with contextlib.suppress(FileNotFoundError):
                if stat.S_ISREG(place.seen().st_mode):
                    return place
        return None


def hold(inbox: int, subfolder: str, folder: Path, batch: str) -> int:
    """Make and open a folder in the inbox that holds files of a batch; note it first.

    Args:
        inbox: descriptor of the inbox.
        subfolder: where in the inbox; "" for the inbox itself.
        folder: the batch's own folder, where the note lies.
        batch: its key.

    Returns:
        A descriptor, which the caller closes.

    Raises:
        OSError: the folder cannot be made.
        TransientError: no space is left for the note.
    """
    with opened_in(inbox, subfolder) as around:
        name = HELD_PREFIX + batch
        os.mkdir(name, mode=0o700, dir_fd=around)
        make_lasting(around)
        try:
            write_json(folder / HELD_FILE, [*_noted(folder), subfolder], lasting=True)
        except TransientError:
            os.rmdir(name, dir_fd=around)
            raise
        with opened_in(around, name) as made:
            return os.dup(made)


def is_held(folder: Path) -> bool:
    """Whether files of the batch in this folder may lie in the inbox still."""
    return (folder / HELD_FILE).exists()


@contextmanager
def holdings(home: Home, folder: Path, batch: str) -> Iterator[Holdings]:
    """The folders that hold files of a batch, according to the note in its folder.

    Raises:
        OSError: a folder is closed to us.
    """
    found: list[int] = []
    missing: list[str] = []
    with ExitStack() as stack:
        for subfolder in _noted(folder):
            path = home.inbox / subfolder / f"{HELD_PREFIX}{batch}"
            try:
                inbox = stack.enter_context(opened(home.inbox))
                around = stack.enter_context(opened_in(inbox, subfolder))
                held = stack.enter_context(opened_in(around, path.name))
            except FileNotFoundError:
                missing.append(str(path))
            else:
                found.append(held)
        yield Holdings(tuple(found), tuple(missing))


def release(home: Home, folder: Path, batch: str) -> None:
    """Forget the folders that held a batch, and remove those that are empty now.

    The note goes first: a folder without a note is swept, a note without its folder
    would mean that files are away.
    """
    noted = _noted(folder)
    if not noted:
        return
    (folder / HELD_FILE).unlink()
    sync_directory(folder)
    with opened(home.inbox) as inbox:
        for subfolder in noted:
            with contextlib.suppress(OSError), opened_in(inbox, subfolder) as around:
                os.rmdir(HELD_PREFIX + batch, dir_fd=around)


def sweep_holdings(home: Home) -> None:
    """Remove the empty folders in the inbox that hold files of no batch any more.

    One that is not empty is logged and stays: its files are somebody's.

    Raises:
        OSError: the inbox cannot be read.
    """
    with opened(home.inbox) as inbox:
        for subfolder in ["", *subfolders(inbox)]:
            with contextlib.suppress(OSError), opened_in(inbox, subfolder) as around:
                for name in _of_nobody(home, around):
                    _swept(around, name, home.inbox / subfolder / name)


def _of_nobody(home: Home, around: int) -> list[str]:
    with os.scandir(around) as entries:
        held = [e.name for e in entries if e.name.startswith(HELD_PREFIX)]
    keys = {name: name.removeprefix(HELD_PREFIX) for name in held}
    return [
        name
        for name, key in keys.items()
        if not home.landing(key).exists() and not home.claim(key).exists()
    ]


def _swept(around: int, name: str, path: Path) -> None:
    try:
        os.rmdir(name, dir_fd=around)
    except OSError as error:
        logger.warning(
            "%s belongs to no batch and is left alone (%s). Move its files back into "
            "the inbox.",
            path,
            error.strerror,
        )


def _noted(folder: Path) -> list[str]:
    try:
        text = (folder / HELD_FILE).read_text(encoding="utf-8")
    except FileNotFoundError:
        return []
    return [str(name) for name in json.loads(text)]
