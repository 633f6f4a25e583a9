"""Which stored rows an upload's key stands for.

A person who dropped a file wants a score for every row of it. Rows that repeat what was
stored before are owned by another upload, so the file's keys count, which its batch's
chunks hold until the batch is retired.
"""

from collections.abc import Sequence
from pathlib import Path

from bulk_pipeline.adapters.chunks import MANIFEST
from bulk_pipeline.adapters.exporting.keys import Keys, keys_in
from bulk_pipeline.adapters.exporting.receipts import Receipt, loaded_of
from bulk_pipeline.adapters.exporting.wanted import Wanted
from bulk_pipeline.adapters.home import Home
from bulk_pipeline.adapters.installation import Installation
from bulk_pipeline.adapters.reading import ROWS
from bulk_pipeline.adapters.reports import read_readings
from bulk_pipeline.core.errors import PermanentError


def wanted_of_upload(
    installation: Installation, key: str, year: int | None = None
) -> Wanted:
    """The rows that the key of an upload, or of a batch, stands for.

    A repeated upload stands for the one that it repeats.

    Args:
        installation: whose journal, database and home.
        key: of an upload or of a batch.
        year: of these only the rows of one reporting year.

    Raises:
        PermanentError: the key is unknown, or none of its uploads has rows: it has not
            ended, failed, was withdrawn; names it and the cure.
    """
    loaded = loaded_of(installation, key)
    own = tuple(int(receipt.id) for receipt in loaded.receipts)
    one = len(own) == 1
    keys = _keys(installation.home, loaded.receipts)
    if keys is not None:
        return Wanted(year, keys, None, own, one, loaded.notes)
    note = (
        "The chunks of its batch are not in this home, so these are the rows that the "
        "upload stored itself: rows of its file that were stored before are not among "
        "them."
    )
    return Wanted(year, None, own, own, one, (*loaded.notes, note))


def _keys(home: Home, receipts: Sequence[Receipt]) -> Keys | None:
    """The keys in the files of uploads; None where chunks of any are gone."""
    try:
        places = _places(home, receipts)
        return None if places is None else keys_in(places)
    except (FileNotFoundError, PermanentError):
        return None  # retired since the look at them


def _places(
    home: Home, receipts: Sequence[Receipt]
) -> list[tuple[Path, list[int]]] | None:
    """Where the rows of uploads lie; None if that of any is gone."""
    batches: dict[str, set[str]] = {}
    for receipt in receipts:
        batches.setdefault(receipt.batch_key, set()).add(receipt.upload_key)
    folders = {batch: home.chunks(batch) for batch in batches}
    if not all((folder / ROWS / MANIFEST).exists() for folder in folders.values()):
        return None
    return [
        (folder, [r.number for r in read_readings(folder) if r.key in batches[batch]])
        for batch, folder in folders.items()
    ]
