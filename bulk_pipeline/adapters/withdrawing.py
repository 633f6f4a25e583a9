"""Withdrawing uploads: their rows out of the database, what they replaced back in.

The law: the table is then as if the upload had never been loaded, as far as the
history knows. What it does not know are rows of other uploads that were skipped as
duplicates of the withdrawn ones; materialising their batches again stores those.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from bulk_pipeline.adapters.database import Database
from bulk_pipeline.adapters.installation import Installation
from bulk_pipeline.adapters.journal import UNFINISHED, Journal, UploadReport
from bulk_pipeline.adapters.tables import uploads
from bulk_pipeline.adapters.taking_out import take_out
from bulk_pipeline.adapters.upload_report import shown
from bulk_pipeline.core.errors import PermanentError
from bulk_pipeline.core.wording import amount

WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """What asking for an upload's withdrawal did.

    Attributes:
        key: the upload's key.
        file: the name that the user gave the file.
        batch: key of its batch.
        state: ``withdrawn``, now or before; ``failed`` or ``repeated`` for an upload
            that never stored anything.
        deleted: rows taken out that have nothing left to go back to.
        restored: rows that show again what they had replaced.
        message: the same for people.
    """

    key: str
    file: str
    batch: str
    state: str
    deleted: int = 0
    restored: int = 0
    message: str = ""


def withdraw(installation: Installation, keys: Sequence[str]) -> list[Withdrawal]:
    """Take the rows of uploads out of the database and restore what they replaced.

    A row that the upload stores now, whether as it came, loaded again or scored again,
    goes into the history (reason ``withdraw``). If it had replaced a row, the newest
    row before it whose upload is not withdrawn comes back, with its values, score,
    model, owner and time of creation, under the same prediction id; if none is left,
    the row is deleted. Rows that a newer upload has replaced meanwhile stay as they
    are, and withdrawing that newer upload later goes back past the withdrawn one.

    Each upload is one transaction, newest first, and its receipt and journal entry say
    that it is withdrawn. It stays so: materialising its batch again stores nothing of
    it. Its file loads anew as a new upload. Asking twice is asking once. Companies
    stay, since one without predictions does no harm.

    Args:
        installation: whose journal and database.
        keys: keys of uploads, or of batches for all their uploads.

    Returns:
        One per upload, newest receipt first; those without a receipt come last.

    Raises:
        PermanentError: before anything is withdrawn: a key is unknown, an upload is
            not finished, or its rows are in another database; names it.
        AccountingError: counts disagree; nothing of that upload was withdrawn.
        TransientError: the database stayed busy; those withdrawn before stay so.
    """
    database, journal = installation.database, installation.journal
    database.create_tables()
    receipts: dict[str, sa.Row[Any]] = {}
    reports: dict[str, UploadReport] = {}
    for key in keys:
        found = _receipts(database, key)
        known = _reports(journal, key, found)
        if not found and not known:
            raise PermanentError(
                f"There is no upload or batch {key!r}. Run `bulk-pipeline uploads` for "
                "the keys of this home's uploads."
            )
        receipts |= {receipt.upload_key: receipt for receipt in found}
        reports |= {report.key: report for report in known}
    others = [report for key, report in reports.items() if key not in receipts]
    for report in others:
        _require_nothing_stored(report, database)
    newest = sorted(receipts.values(), key=lambda receipt: -int(receipt.id))
    return [
        *(_withdrawn(installation, r, reports.get(r.upload_key)) for r in newest),
        *map(_never_stored, others),
    ]


def _receipts(database: Database, key: str) -> list[sa.Row[Any]]:
    """Receipts of an upload or of a batch."""
    named = sa.or_(uploads.c.upload_key == key, uploads.c.batch_key == key)
    with database.reading() as connection:
        return list(connection.execute(sa.select(uploads).where(named)))


def _reports(
    journal: Journal, key: str, receipts: Iterable[sa.Row[Any]]
) -> list[UploadReport]:
    """Journal entries of an upload or of a batch."""
    batches = dict.fromkeys([key, *(receipt.batch_key for receipt in receipts)])
    found = [report for batch in batches for report in journal.uploads(batch=batch)]
    everything = found or journal.uploads(keys=[key])
    return [report for report in everything if key in (report.key, report.batch)]


def _require_nothing_stored(report: UploadReport, database: Database) -> None:
    """Refuse an upload without a receipt that has or will have rows somewhere."""
    if report.state in UNFINISHED:
        raise PermanentError(
            f"Upload {report.key} ({report.file}) is {report.state}: its rows may "
            "still come. Let its run end, then withdraw it."
        )
    if report.state in ("loaded", WITHDRAWN):
        raise PermanentError(
            f"Upload {report.key} ({report.file}) is {report.state}, but "
            f"{database.name} has no receipt of it. Name the database that it was "
            "loaded into with --database."
        )


def _never_stored(report: UploadReport) -> Withdrawal:
    said = f" {report.message}" if report.message else ""
    message = f"Nothing to withdraw: this upload {report.state}.{said}"
    if report.state == "repeated":
        message = f"Nothing to withdraw: this upload stored nothing.{said}"
    return Withdrawal(
        report.key, report.file, report.batch, report.state, message=message
    )


def _withdrawn(
    installation: Installation, receipt: sa.Row[Any], report: UploadReport | None
) -> Withdrawal:
    """Withdraw one upload, if it is not withdrawn yet, and note it in the journal."""
    now = datetime.now(UTC)
    taken = installation.database.writing(
        lambda connection: take_out(connection, receipt.id, now)
    )
    if taken:
        deleted, restored = taken
        rows = amount(deleted, "row")
        note = f"Withdrawn on {shown(now)}: {rows} deleted, {restored:,} "
        note += "restored to what they had replaced."
        message = note
    else:
        deleted = restored = 0
        note = f"Withdrawn on {shown(_withdrawn_at(installation, receipt))}."
        message = f"{note.removesuffix('.')} already; nothing was changed."
    # Also where only the journal had missed it: the process may have died in between.
    if report and (taken or report.state != WITHDRAWN):
        entry = replace(report, state=WITHDRAWN, message=note)
        installation.journal.finish([entry])
    return Withdrawal(
        key=receipt.upload_key,
        file=receipt.file_name,
        batch=receipt.batch_key,
        state=WITHDRAWN,
        deleted=deleted,
        restored=restored,
        message=message,
    )


def _withdrawn_at(installation: Installation, receipt: sa.Row[Any]) -> datetime:
    """When a receipt was withdrawn; another process may have done it just now."""
    query = sa.select(uploads.c.withdrawn_at).where(uploads.c.id == receipt.id)
    with installation.database.reading() as connection:
        moment: datetime = connection.execute(query).scalar_one()
        return moment
