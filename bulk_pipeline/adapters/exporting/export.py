"""Scored rows as files for people: CSV, XLSX, Parquet.

An export is one read transaction, so that a load which commits meanwhile is in the file
whole or not at all. Rows are read and written a few at a time, in the order of symbol,
year and quarter.
"""

import logging
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from dataclasses import replace as with_
from pathlib import Path

from bulk_pipeline.adapters.exporting.files import SUFFIXES, open_sink, require_fits
from bulk_pipeline.adapters.exporting.moment import one_moment
from bulk_pipeline.adapters.exporting.rows import blocks, rows_at_most
from bulk_pipeline.adapters.exporting.sources import Source
from bulk_pipeline.adapters.exporting.uploads import wanted_of_upload
from bulk_pipeline.adapters.exporting.wanted import Wanted
from bulk_pipeline.adapters.installation import Installation
from bulk_pipeline.adapters.outputs import require_place, whole_file
from bulk_pipeline.adapters.replica_lag import lag_note
from bulk_pipeline.core.wording import amount

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Selection:
    """Which stored rows are wanted: those of one upload, of one year, or all.

    Attributes:
        upload: key of an upload or of a batch, or None.
        year: reporting year, or None.
    """

    upload: str | None = None
    year: int | None = None


@dataclass(frozen=True, slots=True)
class Export:
    """What was written.

    Attributes:
        file: where.
        rows: rows in it.
        others: rows among them that another upload stored; 0 where no upload was asked
            for.
        notes: what its reader should know, one sentence each.
    """

    file: Path
    rows: int
    others: int
    notes: tuple[str, ...]


def export_rows(
    installation: Installation,
    selection: Selection,
    out: Path,
    *,
    replace: bool = False,
) -> int:
    """Write the wanted rows as ``export`` does; returns how many they are."""
    return export(installation, selection, out, replace=replace).rows


def export(
    installation: Installation,
    selection: Selection,
    out: Path,
    *,
    replace: bool = False,
) -> Export:
    """Write the wanted rows; the suffix of the file decides the format.

    The columns are those of ``core.export.columns``. Of an upload, a row for each key
    of its file that is stored now, whoever stored it; where the files of its batch were
    retired, the rows that the upload owns, and a note says so.

    Where the installation has a read replica, rows and receipts are the replica's, and
    the notes say how far it lags.

    Args:
        installation: whose database or replica, home and journal.
        selection: which rows.
        out: ends in .csv, .xlsx or .parquet; its directory exists.
        replace: whether a file of that name may be replaced.

    Raises:
        PermanentError: the upload is unknown, has not ended, failed or was withdrawn;
            names it and the cure.
        ConfigurationError: the file cannot be written there, or in that format.
        ReplicaBehind: the upload has not reached the replica; another attempt may help.
        TransientError: the database did not answer.
    """
    require_place(out, SUFFIXES, replace=replace)
    database = installation.read_database
    database.create_tables()
    lag = lag_note(installation)
    wanted = Wanted(year=selection.year)
    if selection.upload is not None:
        wanted = wanted_of_upload(installation, selection.upload, selection.year)

    if lag is not None:
        wanted = with_(wanted, notes=(*wanted.notes, lag))

    def attempt() -> Export:
        with one_moment(database, wanted) as source:
            return _written(source, wanted, out, installation.settings.batch_size)

    return database.persistently(attempt)


def _written(source: Source, wanted: Wanted, out: Path, rows_at_once: int) -> Export:
    """Write the file from one transaction."""
    rows = others = 0
    require_fits(out, rows_at_most(source, wanted))
    with (
        whole_file(out) as partial,
        open_sink(partial, out) as write,
        closing(blocks(source, wanted, rows_at_once)) as found,
    ):
        for block in found:
            write(block.rows)
            rows += block.rows.height
            others += block.others
    logger.info("%s exported to %s.", amount(rows, "row was", "rows were"), out)
    return Export(out, rows, others, (*wanted.notes, *_missing(wanted, rows)))


def _missing(wanted: Wanted, rows: int) -> Iterator[str]:
    """What to say where a reader might take the file for more than it is."""
    if wanted.keys is not None and wanted.year is None:
        gone = wanted.keys.periods.height - rows
        if gone:
            yield (
                f"Of {amount(gone, 'row')} of its file nothing is stored any more: "
                f"{'it was' if gone == 1 else 'they were'} withdrawn with another "
                "upload, or deleted. Load the file again for their scores."
            )
    elif not rows:
        yield "No such row is stored: the file holds its header alone."
