"""A SQLite file looked into: nothing is made, changed or kept locked."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import sqlalchemy as sa

from bulk_pipeline.adapters.databases.read_only import opened_to_read
from bulk_pipeline.adapters.doctor.tables import table_findings
from bulk_pipeline.adapters.failures import CURES, translated
from bulk_pipeline.adapters.journal_tables import metadata as journal
from bulk_pipeline.core.errors import BulkPipelineError
from bulk_pipeline.core.findings import Area, Finding, failure, fine, refused
from bulk_pipeline.core.fitness import size

BUSY_SECONDS = 2.0
"""Readers wait for nobody in a file of ours; another program may lock it as a whole."""

_MAKES_TABLES = "The tables are not there yet; the first load makes them."
_OF_SPOILT = (CURES[sqlite3.SQLITE_NOTADB], CURES[sqlite3.SQLITE_CORRUPT])
_ANEW = (
    "Restore it from a backup; or stop `bulk-pipeline up`, move it away and run "
    "`bulk-pipeline reconcile`, which enters uploads again from disk and receipts."
)


@contextmanager
def looked_into(path: Path) -> Iterator[sa.Connection]:
    """A connection that only reads a file, which exists.

    Raises:
        TransientError: another program has locked it.
        DatabaseUnusable: it cannot be opened, or is damaged, or is something else.
    """
    opened = partial(opened_to_read, path, BUSY_SECONDS)
    engine = sa.create_engine("sqlite://", creator=opened, poolclass=sa.NullPool)
    with translated(), engine.connect() as connection:
        yield connection


def refused_file(
    area: Area, path: Path, error: BulkPipelineError, cure: str = ""
) -> Finding:
    """A file that cannot be read, as a failure.

    Args:
        area: of the finding.
        path: of the file.
        error: why.
        cure: of a damaged file, where it is another one than that of a database.
    """
    found = refused(area, str(error))
    spoilt = found.cure in _OF_SPOILT
    return failure(area, f"{path}: {found.what}", (spoilt and cure) or found.cure)


def file_findings(area: Area, path: Path, setting: str) -> Iterator[Finding]:
    """A target database that is a file.

    Args:
        area: of the findings.
        path: of the file.
        setting: that names it.
    """
    if not path.exists():
        yield fine(area, f"{path} is not there yet; the first load makes it.")
        return
    if not path.is_file():
        yield failure(
            area,
            f"{path} is a folder and no database.",
            f"Name a file in {setting}, such as sqlite:///{path}/bulk_pipeline.db.",
        )
        return
    if not os.access(path, os.R_OK | os.W_OK):
        yield failure(
            area,
            f"{path} cannot be written.",
            "Give it to the user of this process, or mount its disk for writing.",
        )
        return
    try:
        with looked_into(path) as connection:
            yield fine(area, f"{path} can be read ({size(path.stat().st_size)}).")
            yield from table_findings(area, connection, setting, _MAKES_TABLES)
    except BulkPipelineError as error:
        yield refused_file(area, path, error)


def journal_findings(path: Path) -> Iterator[Finding]:
    """The journal of a home."""
    if not path.exists():
        yield fine(Area.HOME, "There is no journal yet; the first upload makes it.")
        return
    try:
        with looked_into(path) as connection:
            tables = set(sa.inspect(connection).get_table_names())
    except BulkPipelineError as error:
        yield refused_file(Area.HOME, path, error, _ANEW)
        return
    if tables and not tables & journal.tables.keys():
        yield failure(
            Area.HOME,
            f"{path} is no journal of ours.",
            _ANEW,
        )
        return
    yield fine(Area.HOME, f"The journal can be read ({size(path.stat().st_size)}).")
