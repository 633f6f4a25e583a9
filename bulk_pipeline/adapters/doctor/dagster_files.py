"""The SQLite files of a Dagster instance, looked into before Dagster opens them.

Dagster makes what is missing when it opens an instance, and of two processes that do so
at once each writes down a version of the tables: such an instance cannot be used ever
after. So nothing is opened that is not complete.
"""

from collections.abc import Iterator
from pathlib import Path

import sqlalchemy as sa

from bulk_pipeline.adapters.doctor.sqlite_file import looked_into, refused_file
from bulk_pipeline.core.errors import BulkPipelineError
from bulk_pipeline.core.findings import Area, Finding, failure

FILES = ("history/runs.db", "history/runs/index.db", "schedules/schedules.db")
_VERSIONS = "alembic_version"


def file_faults(folder: Path) -> Iterator[Finding]:
    """Files of an instance that nobody can use."""
    cure = (
        f"Stop everything that uses it, move {folder} away and start `bulk-pipeline "
        "up`: it makes a new one. Only the history of runs is lost; rows, receipts and "
        "the journal are elsewhere."
    )
    for file in _there(folder):
        try:
            versions = _versions(file)
        except BulkPipelineError as error:
            yield refused_file(Area.DAGSTER, file, error, cure)
            continue
        if len(versions) > 1:
            what = f"{file} has tables of two versions."
            yield failure(Area.DAGSTER, what, cure)


def complete(folder: Path) -> bool:
    """Whether an instance has been made whole.

    Raises:
        BulkPipelineError: one of its files cannot be read.
    """
    there = _there(folder)
    return len(there) == len(FILES) and all(_versions(file) for file in there)


def _there(folder: Path) -> list[Path]:
    return [folder / name for name in FILES if (folder / name).is_file()]


def _versions(file: Path) -> list[str]:
    with looked_into(file) as connection:
        if not sa.inspect(connection).has_table(_VERSIONS):
            return []
        found = connection.execute(sa.text("SELECT version_num FROM alembic_version"))
        return [str(version) for version in found.scalars()]
