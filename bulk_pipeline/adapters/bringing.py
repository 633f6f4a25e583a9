"""Bringing claimed files into the landing where the inbox is another file system."""

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from bulk_pipeline.adapters.atomic import PARTIAL, remove_partials, sync_directory
from bulk_pipeline.adapters.batches import batch_in
from bulk_pipeline.adapters.crash_points import reached
from bulk_pipeline.adapters.disk_space import is_full
from bulk_pipeline.adapters.folders import Place
from bulk_pipeline.adapters.holding import Holdings, holdings, is_held, release
from bulk_pipeline.adapters.home import Home
from bulk_pipeline.core.errors import TransientError
from bulk_pipeline.core.wording import amount

COPY_BYTES = 2**20


def bring_in(home: Home, batch: str) -> None:
    """Copy the files of a batch into its landing folder, if they are not there yet.

    Costs one look at the disk where nothing is held in the inbox. Safe to call again
    after any end of the process: what has come is left alone, and nothing is removed
    from the inbox before all of the batch is lastingly in the landing. Only for
    whoever holds the batch.

    Raises:
        TransientError: no space is left, or the inbox is away; names the folder and
            the cure. The files stay where they are.
    """
    folder = home.landing(batch)
    if not is_held(folder):
        return
    try:
        _bring(home, folder, batch)
    except OSError as error:
        remove_partials(folder)
        if is_full(error):
            raise _no_room(folder, 0) from error
        raise TransientError(
            f"The files of batch {batch} cannot be brought in from {home.inbox}: "
            f"{error}. Make it reachable; the files stay there until then."
        ) from error


def _bring(home: Home, folder: Path, batch: str) -> None:
    with holdings(home, folder, batch) as held:
        coming = _coming(folder, held)
        needed = sum(place.seen().st_size for place in coming)
        if needed > shutil.disk_usage(folder).free:
            raise _no_room(folder, needed)
        partials = [_copied(place, folder) for place in coming]
        for partial, place in zip(partials, coming, strict=True):
            _put_in_place(partial, folder / place.name)
            reached("file brought in")
        sync_directory(folder)
        for upload in batch_in(folder).uploads:
            place_held = held.find(upload.stored_name)
            if place_held is not None:
                place_held.remove()
    release(home, folder, batch)


def _coming(folder: Path, held: Holdings) -> Sequence[Place]:
    """The members that have not come yet.

    Raises:
        TransientError: a folder that holds some of them is not there.
    """
    absent = [
        upload.stored_name
        for upload in batch_in(folder).uploads
        if not (folder / upload.stored_name).exists()
    ]
    found = [place for name in absent if (place := held.find(name)) is not None]
    if held.missing and len(found) < len(absent):
        lie = f"file of batch {folder.name} lies", f"files of batch {folder.name} lie"
        raise TransientError(
            f"{amount(len(absent) - len(found), *lie)} in "
            f"{', '.join(held.missing)}, which is not there. Mount it again; an empty "
            "folder of that name gives them up."
        )
    return found


def _copied(source: Place, folder: Path) -> Path:
    """A copy with the time of the original, under a partial name and not lasting yet.

    It is on its way to the disk: by the time all are copied, the first sync finds most
    of the work done.
    """
    partial = folder / f".{source.name}{PARTIAL}"
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    descriptor = os.open(source.name, flags, dir_fd=source.folder)
    with os.fdopen(descriptor, "rb") as file, partial.open("wb") as copy:
        seen = os.fstat(file.fileno())
        shutil.copyfileobj(file, copy, COPY_BYTES)
        copy.flush()
        os.utime(copy.fileno(), ns=(seen.st_atime_ns, seen.st_mtime_ns))
        if hasattr(os, "posix_fadvise"):
            os.posix_fadvise(copy.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    return partial


def _put_in_place(partial: Path, target: Path) -> None:
    with partial.open("rb") as copy:
        os.fsync(copy.fileno())
    partial.rename(target)


def _no_room(folder: Path, needed: int) -> TransientError:
    wanted = f"{needed} bytes are needed, and " if needed else ""
    return TransientError(
        f"No space is left in {folder}: {wanted}{shutil.disk_usage(folder).free} bytes "
        "are free. Free some; the files stay in the inbox's file system and are "
        "brought in by themselves then."
    )
