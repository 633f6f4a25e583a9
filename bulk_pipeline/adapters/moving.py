"""Where files end: archived with their batch, or in ``failed`` with the reason."""

import logging
from collections.abc import Iterator
from pathlib import Path

from bulk_pipeline.adapters.atomic import (
    lasting_folder,
    remove_partials,
    sync_directory,
    write_text,
)
from bulk_pipeline.adapters.batches import read_batch
from bulk_pipeline.adapters.bringing import bring_in
from bulk_pipeline.adapters.crash_points import reached
from bulk_pipeline.adapters.installation import Installation
from bulk_pipeline.core.errors import TransientError

REASON_FILE = "REASON.txt"
MOST_NAME_BYTES = 255  # what file systems take; the end of a longer name is kept
logger = logging.getLogger(__name__)


def put_away(installation: Installation, batch: str) -> bool:
    """Move the files of a batch that has ended to where they belong.

    A failed file goes to ``failed/<upload>/`` beside a file with the reason; the rest
    of the batch goes to ``archive/<batch>/``. Safe to call at any time and again:
    what is unfinished stays, what was moved is left alone. What cannot be moved now,
    for want of space or of a permission, is logged and stays for the next call.

    Returns:
        Whether the batch has ended and all of its files are where they belong.
    """
    home, journal = installation.home, installation.journal
    progress = journal.progress(batch)
    if progress is None or progress.state != "ended":
        return False
    landed = home.landing(batch)
    if not landed.exists():
        return True
    try:
        bring_in(home, batch)
        for source, folder, name, reason in _failed(installation, batch):
            _put_apart(source, folder, name, reason)
            reached("file failed")
        _archive(landed, home.archive / batch)
    except (OSError, TransientError) as error:
        logger.warning("The files of batch %s stay in landing: %s", batch, error)
        return False
    reached("archived")
    return True


def failed_file(installation: Installation, upload: str, name: str) -> Path:
    """Where the file of a failed upload lies, corrected or not."""
    return installation.home.failed(upload) / _safe(name)


def _failed(
    installation: Installation, batch: str
) -> Iterator[tuple[Path, Path, str, str]]:
    """Each failed file that is still landed: where it goes, its name, the reason."""
    home = installation.home
    members = {upload.key: upload for upload in read_batch(home, batch).uploads}
    for report in installation.journal.uploads(batch=batch, state="failed"):
        upload = members.get(report.key)
        if upload is None:
            continue
        source = home.landing(batch) / upload.stored_name
        if source.exists():
            reason = _reason(report.message, upload.key)
            yield source, home.failed(upload.key), _safe(upload.file_name), reason


def _put_apart(source: Path, folder: Path, name: str, reason: str) -> None:
    """Move one failed file beside the reason, in this order and lastingly."""
    remove_partials(folder)
    write_text(folder / REASON_FILE, reason, lasting=True)
    reached("reason written")
    if (folder / name).exists():
        return  # somebody's correction: what it corrects is archived with its batch
    source.rename(folder / name)
    sync_directory(folder)
    sync_directory(source.parent)


def _archive(landed: Path, target: Path) -> None:
    """Move a landed batch into the archive, by one rename unless it is there already.

    A batch never changes, so what two folders of one batch have by one name is equal.
    """
    remove_partials(landed)
    lasting_folder(target.parent)
    if target.exists():
        for entry in landed.iterdir():
            entry.replace(target / entry.name)
        sync_directory(target)
        landed.rmdir()
    else:
        landed.rename(target)
    sync_directory(target.parent)
    sync_directory(landed.parent)


def _safe(name: str) -> str:
    """A name that fits, stays in its folder and is not taken for the reason file."""
    if name in (REASON_FILE, "", ".", "..") or "/" in name:
        name = f"_{name.replace('/', '_')}"
    return name.encode()[-MOST_NAME_BYTES:].decode("utf-8", "ignore")


def _reason(message: str, key: str) -> str:
    return (
        f"{message}\n\nCorrect the file here and load it again with:\n"
        f"  bulk-pipeline retry {key}\n"
    )
