"""Where files end: archived with their batch, or in ``failed`` with the reason."""

from pathlib import Path

from bulk_pipeline.adapters.atomic import write_text
from bulk_pipeline.adapters.batches import read_batch
from bulk_pipeline.adapters.installation import Installation

REASON_FILE = "REASON.txt"
MOST_NAME_BYTES = 255  # what file systems take; the end of a longer name is kept


def put_away(installation: Installation, batch: str) -> bool:
    """Move the files of a batch that has ended to where they belong.

    A failed file goes to ``failed/<upload>/`` beside a file with the reason; the rest
    of the batch goes to ``archive/<batch>/``. Safe to call at any time and again:
    what is unfinished stays, what was moved is left alone.

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
    members = {upload.key: upload for upload in read_batch(home, batch).uploads}
    for report in journal.uploads(batch=batch):
        upload = members.get(report.key)
        if upload is None or report.state != "failed":
            continue
        source = landed / upload.stored_name
        if source.exists():
            folder = home.failed(upload.key)
            folder.mkdir(parents=True, exist_ok=True)
            write_text(folder / REASON_FILE, _reason(report.message, upload.key))
            source.rename(folder / _safe(upload.file_name))
    home.archive.mkdir(parents=True, exist_ok=True)
    landed.rename(home.archive / batch)
    return True


def failed_file(installation: Installation, upload: str, name: str) -> Path:
    """Where the file of a failed upload lies, corrected or not."""
    return installation.home.failed(upload) / _safe(name)


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
