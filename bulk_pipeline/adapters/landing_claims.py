"""The end of a claim: its folder becomes a landed batch of the files that came."""

import contextlib
import logging
import os
import stat
from dataclasses import replace
from pathlib import Path

from bulk_pipeline.adapters.atomic import PARTIAL, sync_directory
from bulk_pipeline.adapters.batches import (
    BATCH_FILE,
    Batch,
    Upload,
    batch_in,
    write_batch,
)
from bulk_pipeline.adapters.crash_points import reached
from bulk_pipeline.adapters.folders import Place, give_back, opened, opened_in
from bulk_pipeline.adapters.holding import HELD_FILE, Holdings, holdings, release
from bulk_pipeline.adapters.home import CLAIM_PREFIX, Home
from bulk_pipeline.core.errors import TransientError

logger = logging.getLogger(__name__)


def finish_claims(home: Home) -> list[Batch]:
    """Finish the claims of ticks that were killed half-way.

    One that cannot be finished now, for want of space or because the inbox is away, is
    logged and stays for the next tick.
    """
    if not home.landings.exists():
        return []
    finished = []
    for folder in sorted(home.landings.glob(f"{CLAIM_PREFIX}*")):
        try:
            batch = land(home, folder)
        except (OSError, TransientError) as error:
            logger.warning("The claim %s is not finished yet: %s", folder, error)
        else:
            finished += [batch] if batch else []
    return finished


def land(home: Home, folder: Path) -> Batch | None:
    """Rename a claim's folder to its batch's name, with the files that it took.

    A file that is no longer what its list says goes back into the inbox.

    Returns:
        The batch; None where no file was taken, with the folder removed.

    Raises:
        OSError: the inbox cannot be reached, or a folder not be written.
        TransientError: no space is left for the shorter list, or files that were taken
            lie in a file system that is away.
    """
    try:
        listed = batch_in(folder)
    except FileNotFoundError:
        clear(folder)  # killed before the list was there: nothing has moved
        return None
    with holdings(home, folder, listed.key) as held, opened(folder) as claimed:
        if held.missing:
            raise TransientError(
                f"{', '.join(held.missing)} is not there. Mount it again; an empty "
                "folder of that name gives its files up."
            )
        there = [
            upload
            for upload in listed.uploads
            if (place := _found(claimed, held, upload.stored_name))
            and _is_as_listed(home, place, upload)
        ]
    if not there:
        release(home, folder, listed.key)
        clear(folder)
        return None
    batch = replace(listed, uploads=tuple(there))
    if batch != listed:
        write_batch(folder, batch)
    folder.rename(home.landing(batch.key))
    sync_directory(home.landings)
    reached("claim landed")
    return batch


def clear(folder: Path) -> None:
    """Remove the folder of a claim that took nothing.

    Only our own lists are removed; whatever else is in there stays, with the folder.
    """
    for entry in list(folder.iterdir()):
        ours = entry.name.startswith((f".{BATCH_FILE}.", f".{HELD_FILE}."))
        partial = entry.name.startswith(".") and entry.name.endswith(PARTIAL)
        if ours or partial:
            entry.unlink()
    # The list goes last: without it nobody would know whose the files are.
    with contextlib.suppress(FileNotFoundError):
        if {entry.name for entry in folder.iterdir()} <= {BATCH_FILE}:
            (folder / BATCH_FILE).unlink()
    try:
        folder.rmdir()
    except OSError as error:
        logger.warning(
            "%s holds files of no batch and is left alone: %s", folder, error
        )


def _found(claimed: int, held: Holdings, name: str) -> Place | None:
    place = Place(claimed, name)
    try:
        place.seen()
    except FileNotFoundError:
        return held.find(name)
    return place


def _is_as_listed(home: Home, place: Place, upload: Upload) -> bool:
    """Whether a file is what was claimed; if not, it is back in the inbox."""
    seen = place.seen()
    same = (upload.bytes, upload.modified_ns) == (seen.st_size, seen.st_mtime_ns)
    if same and stat.S_ISREG(seen.st_mode):
        return True
    with opened(home.inbox) as inbox:
        try:
            with opened_in(inbox, upload.submitted_by) as descriptor:
                name = give_back(place, Place(descriptor, _plain(upload.file_name)))
        except (FileNotFoundError, NotADirectoryError):
            name = give_back(place, Place(inbox, _plain(upload.file_name)))
    logger.warning("%r changed while it was taken and is back in the inbox.", name)
    return False


def _plain(name: str) -> str:
    """A name as a text that fits a folder again."""
    return os.fsdecode(os.fsencode(name)[:255])
