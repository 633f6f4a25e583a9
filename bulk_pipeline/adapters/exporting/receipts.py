"""The receipts of the uploads that a key stands for, if their rows are stored."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from bulk_pipeline.adapters.database import Database
from bulk_pipeline.adapters.exporting.arrived import behind, require_arrived
from bulk_pipeline.adapters.installation import Installation
from bulk_pipeline.adapters.journal import UNFINISHED, UploadReport
from bulk_pipeline.adapters.tables import uploads
from bulk_pipeline.adapters.upload_report import shown
from bulk_pipeline.core.errors import PermanentError

Receipt = sa.Row[Any]


@dataclass(frozen=True, slots=True)
class Loaded:
    """Uploads with rows: their receipts, and what to say of them."""

    receipts: tuple[Receipt, ...]
    notes: tuple[str, ...] = ()


def loaded_of(installation: Installation, key: str) -> Loaded:
    """The receipts of a key.

    Raises:
        PermanentError: there is none whose rows are stored.
    """
    journal, database = installation.journal, installation.read_database
    reports = journal.uploads(batch=key) or journal.uploads(keys=[key])
    if not reports:
        named = sa.or_(uploads.c.upload_key == key, uploads.c.batch_key == key)
        found = _receipts(database, named)
        require_arrived(installation, named, found)
        if not found:
            raise PermanentError(
                f"There is no upload or batch {key!r}. Run `bulk-pipeline uploads` for "
                "the keys of this home's uploads."
            )
        return Loaded(_not_withdrawn(found))
    for report in reports:
        _require_ended(report)
    keys, notes = _stored_as(installation, reports)
    if not keys:
        raise _nothing(reports[0])
    asked = uploads.c.upload_key.in_(keys)
    receipts = _receipts(database, asked)
    _require_all(installation, keys, receipts)
    require_arrived(installation, asked, receipts)
    if not receipts:
        raise PermanentError(
            f"Upload {reports[0].key} ({reports[0].file}) is {reports[0].state}, but "
            f"{database.name} has no receipt of it. Name the database that it was "
            "loaded into with --database."
        )
    return Loaded(_not_withdrawn(receipts), notes)


def _require_all(
    installation: Installation, keys: Sequence[str], receipts: Sequence[Receipt]
) -> None:
    """What the journal knows as loaded must be on the replica, where one is read.

    Raises:
        ReplicaBehind: names the first that is not.
    """
    there = {receipt.upload_key for receipt in receipts}
    lacking = [key for key in keys if key not in there]
    if lacking and installation.replica is not None:
        raise behind(installation, lacking[0])


def _stored_as(
    installation: Installation, reports: Iterable[UploadReport]
) -> tuple[list[str], tuple[str, ...]]:
    """Keys of the uploads whose rows these uploads stand for, and what to say."""
    keys, notes = [], []
    for report in reports:
        if report.state == "loaded":
            keys.append(report.key)
        elif report.state == "repeated":
            earlier = _repeated(installation.read_database, report)
            if not earlier and installation.replica is not None:
                raise behind(installation, report.key)
            keys += earlier
            notes.append(f"{report.file}: {report.message}")
        else:
            notes.append(
                f"{report.file} is left out: upload {report.key} is {report.state}."
            )
    return list(dict.fromkeys(keys)), tuple(notes)


def _repeated(database: Database, report: UploadReport) -> list[str]:
    """The upload that one repeats, which its message names."""
    found = database.receipts([report.sha256])
    return [r.upload_key for r in found if r.upload_key in report.message]


def _require_ended(report: UploadReport) -> None:
    if report.state in UNFINISHED:
        raise PermanentError(
            f"Upload {report.key} ({report.file}) is {report.state}: its rows are not "
            "stored yet. Wait until its run has ended; `bulk-pipeline uploads` shows "
            "it."
        )


def _nothing(report: UploadReport) -> PermanentError:
    said = f" {report.message}" if report.message else ""
    cures = {"failed": f" Once that is mended: bulk-pipeline retry {report.key}"}
    return PermanentError(
        f"Nothing to export: upload {report.key} ({report.file}) is {report.state}."
        f"{said}{cures.get(report.state, '')}"
    )


def _receipts(
    database: Database, chosen: sa.ColumnElement[bool]
) -> tuple[Receipt, ...]:
    """Receipts, oldest first."""
    query = sa.select(uploads).where(chosen).order_by(uploads.c.id)
    with database.reading() as connection:
        return tuple(connection.execute(query))


def _not_withdrawn(receipts: Sequence[Receipt]) -> tuple[Receipt, ...]:
    """Those whose rows are stored.

    Raises:
        PermanentError: there is none.
    """
    left = tuple(r for r in receipts if r.withdrawn_at is None)
    if not left:
        first = receipts[0]
        raise PermanentError(
            f"Nothing to export: upload {first.upload_key} ({first.file_name}) was "
            f"withdrawn on {shown(first.withdrawn_at)}. Its file can be loaded anew."
        )
    return left
