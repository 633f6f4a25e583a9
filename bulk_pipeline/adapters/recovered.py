"""What became of an archived batch that no journal knows: from receipts and disk."""

import hashlib
from dataclasses import replace
from pathlib import Path

from bulk_pipeline.adapters.batches import Batch, Upload
from bulk_pipeline.adapters.installation import Installation
from bulk_pipeline.adapters.moving import REASON_FILE
from bulk_pipeline.adapters.receipts import receipts_by_key, report_of_receipt
from bulk_pipeline.adapters.reject_files import CSV
from bulk_pipeline.adapters.reports import UploadReading, read_readings
from bulk_pipeline.adapters.upload_report import UploadReport
from bulk_pipeline.core.errors import PermanentError

UNKNOWN_REASON = "It failed; the reason is not known any more."


def recovered_reports(
    installation: Installation, batch: Batch, folder: Path
) -> list[UploadReport]:
    """What became of each upload of an archived batch, in order.

    A receipt says that it was loaded or withdrawn, its file in ``failed`` that it
    failed. Of the others, what reading found counts while the chunks are there, else
    whether the database has a receipt of the same content. An upload that no database
    and no file knows anything of has failed: it is to be loaded again.

    Args:
        installation: whose home and database.
        batch: the batch.
        folder: where it is archived.
    """
    receipts = receipts_by_key(
        installation.database, [upload.key for upload in batch.uploads]
    )
    readings = _readings(installation, batch)
    reports = []
    for upload in batch.uploads:
        blank = UploadReport(
            upload.key,
            upload.file_name,
            "failed",
            batch=batch.key,
            submitted_by=upload.submitted_by,
            retry_of=upload.retry_of,
        )
        if upload.key in receipts:
            found = report_of_receipt(receipts[upload.key], blank)
        else:
            found = _without_receipt(installation, folder, upload, blank, readings)
        rejects = installation.home.rejects(batch.key) / f"{upload.key}{CSV}"
        listed = str(rejects) if rejects.exists() else None
        reports.append(replace(found, reject_file=listed))
    return reports


def _without_receipt(
    installation: Installation,
    folder: Path,
    upload: Upload,
    blank: UploadReport,
    readings: dict[str, UploadReading],
) -> UploadReport:
    failed = installation.home.failed(upload.key)
    if failed.exists():
        return replace(blank, message=_reason(failed / REASON_FILE))
    reading = readings.get(upload.key)
    if reading is not None and reading.state in ("repeated", "withdrawn"):
        message = reading.message
        return replace(
            blank, state=reading.state, message=message, sha256=reading.sha256
        )
    path = folder / upload.stored_name
    if path.exists():
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        same = installation.database.receipts([digest])
        if same:
            message = f"The same content was loaded as upload {same[0].upload_key}."
            return replace(blank, state="repeated", message=message, sha256=digest)
    name = installation.database.name
    message = f"{name} has no receipt of it. Load it again: bulk-pipeline ingest {path}"
    return replace(blank, message=message)


def _readings(installation: Installation, batch: Batch) -> dict[str, UploadReading]:
    try:
        found = read_readings(installation.home.chunks(batch.key))
    except PermanentError:
        return {}
    return {reading.key: reading for reading in found}


def _reason(path: Path) -> str:
    """What the reason file says, without the cure below it."""
    if not path.exists():
        return UNKNOWN_REASON
    return path.read_text(encoding="utf-8").split("\n\nCorrect the file here")[0]
