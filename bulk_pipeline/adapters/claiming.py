"""Taking files out of the inbox: each is either there or in a landed batch."""

import errno
import logging
import os
import shutil
import stat
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from bulk_pipeline.adapters.batches import (
    Batch,
    Options,
    Upload,
    batch_in,
    new_batch,
    shown,
    write_batch,
)
from bulk_pipeline.adapters.home import Home
from bulk_pipeline.core.inbox import FileStamp

CLAIM_PREFIX = ".claim-"
logger = logging.getLogger(__name__)


def look(inbox: Path) -> list[FileStamp]:
    """The regular files in the inbox and in its subfolders, one level deep.

    Links, pipes, devices and deeper folders are passed over: nothing outside the inbox
    is ever read. The inbox is made if it is missing. A folder that may not be read is
    logged, and keeps no other from being looked at.
    """
    inbox.mkdir(parents=True, exist_ok=True)
    found = list(_files(inbox, ""))
    for entry in os.scandir(inbox):
        if entry.is_dir(follow_symlinks=False) and not entry.name.startswith("."):
            try:
                found += _files(inbox / entry.name, entry.name)
            except FileNotFoundError:
                continue  # taken away between the listing and the look
            except PermissionError as error:
                logger.warning("A folder of the inbox is left out: %s", error)
    return found


def _files(folder: Path, name: str) -> Iterator[FileStamp]:
    with os.scandir(folder) as entries:
        for entry in entries:
            try:
                seen = entry.stat(follow_symlinks=False)
            except FileNotFoundError:
                continue  # taken away between the listing and the look
            if stat.S_ISREG(seen.st_mode):
                yield FileStamp(
                    name, entry.name, seen.st_size, seen.st_mtime_ns, seen.st_ctime_ns
                )


def claim(
    home: Home, stamps: Sequence[FileStamp], options: Options, now: datetime
) -> Batch | None:
    """Move files from the inbox into a new landed batch.

    The list of members is on disk before the first file moves, so a claim that is
    killed half-way is finished by ``finish_claims``. A file that may not be moved is
    logged and stays; it keeps no other from being claimed.

    Returns:
        The batch; None if every file was gone by then.
    """
    seen = [
        Upload("", shown(s.name), "", s.bytes, s.modified_ns, shown(s.folder))
        for s in stamps
    ]
    batch = new_batch(seen, options, now)
    folder = home.landings / f"{CLAIM_PREFIX}{batch.key}"
    folder.mkdir(parents=True)
    write_batch(folder, batch)
    for stamp, upload in zip(stamps, batch.uploads, strict=True):
        source = home.inbox / stamp.folder / stamp.name
        try:
            _move(source, folder / upload.stored_name)
        except FileNotFoundError:
            continue  # taken away since the look
        except PermissionError as error:
            logger.warning("A file stays in the inbox: %s", error)
        else:
            _drop_what_is_no_file(folder / upload.stored_name)
    return _landed(home, folder)


def _drop_what_is_no_file(taken: Path) -> None:
    """Remove a link that was put in a file's place since the look; never follow it."""
    if not stat.S_ISREG(taken.lstat().st_mode):
        logger.warning("%s became a link or a device and was removed.", taken.name)
        taken.unlink()


def finish_claims(home: Home) -> list[Batch]:
    """Finish the claims of ticks that were killed half-way."""
    if not home.landings.exists():
        return []
    folders = sorted(home.landings.glob(f"{CLAIM_PREFIX}*"))
    return [batch for folder in folders if (batch := _landed(home, folder))]


def _landed(home: Home, folder: Path) -> Batch | None:
    """Rename a claim's folder to its batch's name, with the files that are in it."""
    try:
        batch = batch_in(folder)
    except FileNotFoundError:
        shutil.rmtree(folder)  # killed before the list was there: nothing has moved
        return None
    there = [u for u in batch.uploads if _is_file(folder / u.stored_name)]
    if not there:
        shutil.rmtree(folder)
        return None
    batch = replace(batch, uploads=tuple(there))
    write_batch(folder, batch)
    folder.rename(home.landing(batch.key))
    return batch


def _is_file(path: Path) -> bool:
    return path.is_file() and not path.is_symlink()


def _move(source: Path, target: Path) -> None:
    """Move a file by rename, or by a whole copy where the inbox is another disk."""
    try:
        source.rename(target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        partial = target.with_name(f".{target.name}.partial")
        shutil.copy2(source, partial, follow_symlinks=False)
        with partial.open("rb") as file:
            os.fsync(file.fileno())
        partial.rename(target)
        source.unlink()
