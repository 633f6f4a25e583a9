"""Journal against disk and receipts: where they differ, the journal is put right.

A receipt in the target database is what makes a load count, and a file is where it
lies; the journal only says so. Each function is safe at any time and again.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path

from bulk_pipeline.adapters.batches import Batch
from bulk_pipeline.adapters.installation import Installation
from bulk_pipeline.adapters.journal_tables import UNFINISHED
from bulk_pipeline.adapters.locks import holder
from bulk_pipeline.adapters.moving import put_away
from bulk_pipeline.adapters.receipts import (
    foreign_home,
    receipts_by_key,
    report_of_receipt,
)
from bulk_pipeline.adapters.recovered import recovered_reports
from bulk_pipeline.adapters.tick import landed_folders, members

GONE = (
    "Its files are no longer in this home: its folder was removed from landing before "
    "it was loaded. Drop them again."
)


def end_lost(installation: Installation) -> list[str]:
    """End batches that the journal believes open and whose files are not landed.

    One that is archived ended before the journal knew (the journal is older than the
    disk): its receipts say how. One that is nowhere was taken away: it fails.
    """
    home, journal = installation.home, installation.journal
    if not home.landings.exists():
        return []  # the disk is not there; that says nothing about batches
    found = journal.open_batches()
    said = []
    for key in found.keys() - landed_folders(home).keys():
        progress = journal.progress(key)
        archived = home.archive / key
        if progress is None or progress.state == "ended" or home.landing(key).exists():
            continue  # it moved since the listing
        if holder(archived):
            continue
        batch = members(archived) if archived.exists() else None
        if batch is not None:
            said.append(_entered(installation, batch, archived))
        else:
            _end(installation, key, GONE)
            said.append(f"Batch {key} is nowhere in this home and has failed.")
    return said


def enter_archived(installation: Installation) -> list[str]:
    """Enter archived batches that the journal does not know, as their receipts say."""
    archive, journal = installation.home.archive, installation.journal
    folders = sorted(archive.iterdir()) if archive.exists() else []
    folders = [f for f in folders if f.is_dir() and not f.name.startswith(".")]
    known = journal.known([folder.name for folder in folders])
    said = []
    for folder in folders:
        if folder.name in known:
            continue
        batch = members(folder)
        if batch is not None and batch.key == folder.name:
            journal.claim(batch)
            said.append(_entered(installation, batch, folder))
    return said


def correct_failed(installation: Installation) -> list[str]:
    """Let uploads count as loaded that have a receipt and are said to have failed.

    The process may have died, or lost the journal, between the commit and the entry.
    """
    failed = installation.journal.uploads(state="failed")
    receipts = receipts_by_key(installation.database, [u.key for u in failed])
    loaded = [
        report_of_receipt(receipts[upload.key], upload)
        for upload in failed
        if upload.key in receipts
    ]
    installation.journal.finish(loaded)
    return [
        f"Upload {report.key} ({report.file}) has a receipt: it is {report.state}."
        for report in loaded
    ]


def recover_home_id(installation: Installation) -> list[str]:
    """Take the id back that this home had before its journal was lost.

    It stands in the receipts of the uploads whose batches lie in this home. An id that
    has receipts already is kept, whatever others say.
    """
    own = installation.journal.home_id()
    keys = list(_upload_keys(installation))
    before = foreign_home(installation.database, keys, own)
    if not before:
        return []
    installation.journal.adopt(before)
    return [f"This home has its id {before} back, which its receipts carry."]


def end_for_good(installation: Installation, batch: str, message: str) -> None:
    """End a batch that is not to be tried again: what has no receipt has failed.

    Its files go to ``failed``, where ``bulk-pipeline retry`` finds them.
    """
    _end(installation, batch, message)
    put_away(installation, batch)


def _end(installation: Installation, batch: str, message: str) -> None:
    journal = installation.journal
    left = [u for u in journal.uploads(batch=batch) if u.state in UNFINISHED]
    receipts = receipts_by_key(installation.database, [u.key for u in left])
    journal.finish(
        report_of_receipt(receipts[u.key], u) for u in left if u.key in receipts
    )
    journal.stop(batch, "failed", message)


def _entered(installation: Installation, batch: Batch, folder: Path) -> str:
    """Enter what became of an archived batch; says so."""
    reports = recovered_reports(installation, batch, folder)
    known = installation.journal.uploads(batch=batch.key)
    left = {upload.key for upload in known if upload.state in UNFINISHED}
    installation.journal.finish(r for r in reports if r.key in left)
    installation.journal.show_refusals(batch.key)  # people saw them when it was run
    return f"Batch {batch.key} is archived and entered again: {_counted(reports)}."


def _counted(reports: Sequence[object]) -> str:
    states = [str(getattr(report, "state", "")) for report in reports]
    return ", ".join(f"{states.count(s)} {s}" for s in dict.fromkeys(states))


def _upload_keys(installation: Installation) -> Iterable[str]:
    """Keys of all uploads whose batch lies in this home."""
    home = installation.home
    archived = sorted(home.archive.iterdir()) if home.archive.exists() else []
    for folder in [*landed_folders(home).values(), *archived]:
        if folder.is_dir() and not folder.name.startswith("."):
            batch = members(folder)
            yield from (upload.key for upload in batch.uploads) if batch else ()
