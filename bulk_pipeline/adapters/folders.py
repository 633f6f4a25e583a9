"""Folders by descriptor: a path that is swapped for a link leads nowhere else."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC


@dataclass(frozen=True, slots=True)
class Place:
    """A name in a folder that is open.

    Attributes:
        folder: descriptor of the folder.
        name: the name in it.
    """

    folder: int
    name: str

    def seen(self) -> os.stat_result:
        """What is there now; a link itself, not what it names."""
        return os.stat(self.name, dir_fd=self.folder, follow_symlinks=False)

    def remove(self) -> None:
        """Remove a file or a link."""
        os.unlink(self.name, dir_fd=self.folder)


@contextmanager
def opened(path: Path) -> Iterator[int]:
    """The descriptor of a folder; the path itself may be a link to it.

    Raises:
        OSError: it is missing, no folder, or closed to us.
    """
    descriptor = os.open(path, _FOLDER)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


@contextmanager
def opened_in(folder: int, name: str) -> Iterator[int]:
    """The descriptor of a folder inside an open one, never through a link.

    Args:
        folder: descriptor of the folder around it.
        name: its name there; "" for the folder around it, once more.

    Raises:
        OSError: it is missing, a link, no folder, or closed to us.
    """
    descriptor = os.open(name or ".", _FOLDER | os.O_NOFOLLOW, dir_fd=folder)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def make_lasting(folder: int) -> None:
    """Make the names in an open folder survive a loss of power, where that can be had.

    A share of another machine may not offer it for folders.
    """
    try:
        os.fsync(folder)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP, errno.EACCES):
            raise


def move(source: Place, target: Place) -> None:
    """Rename from one open folder into another; whatever it is, never through a link.

    Raises:
        OSError: ``EXDEV`` where the folders lie in different file systems.
    """
    os.rename(
        source.name,
        target.name,
        src_dir_fd=source.folder,
        dst_dir_fd=target.folder,
    )


def give_back(taken: Place, wanted: Place) -> str:
    """Rename back into a user's folder without replacing anything there.

    Returns:
        The name that it has now: the wanted one, or one with a number before it where
        something else has that name meanwhile.
    """
    for number in range(10_000):
        name = wanted.name if not number else _numbered(wanted.name, number)
        if _moved_to_free_name(taken, Place(wanted.folder, name)):
            return name
    raise FileExistsError(errno.EEXIST, "No free name is left", wanted.name)


def _moved_to_free_name(taken: Place, wanted: Place) -> bool:
    try:
        os.link(
            taken.name,
            wanted.name,
            src_dir_fd=taken.folder,
            dst_dir_fd=wanted.folder,
            follow_symlinks=False,
        )
    except FileExistsError:
        return False
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.EXDEV, errno.ENOSPC, errno.EIO):
            raise
        # Folders and some file systems know no second name: then look first.
        if _is_there(wanted):
            return False
        move(taken, wanted)
    else:
        taken.remove()
    return True


def _is_there(place: Place) -> bool:
    try:
        place.seen()
    except FileNotFoundError:
        return False
    return True


def _numbered(name: str, number: int) -> str:
    """A name that sorts beside another one and fits where that fitted."""
    mark = f"returned-{number}-"
    raw = os.fsencode(name)
    return mark + os.fsdecode(raw[-(255 - len(mark)) :])
