"""Two SQLite files on one machine: the target's connection reads the source itself.

The source is attached for reading alone, and everything happens in one transaction,
which sees one snapshot of the source and leaves all of it behind or nothing. Its
connections are its own, so nobody else meets the attached file.
"""

import contextlib
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa

from bulk_pipeline.adapters.database import Database
from bulk_pipeline.adapters.syncing.attached_rows import SOURCE
from bulk_pipeline.adapters.syncing.attached_tables import Comparison
from bulk_pipeline.adapters.syncing.looking_ahead import Ahead, counting_ahead
from bulk_pipeline.adapters.syncing.opening import read_only_uri, reading_only
from bulk_pipeline.core.syncing import SyncMode, SyncOptions, SyncReport

_ATTACH = f"ATTACH DATABASE ? AS {SOURCE}"


def synchronise_files(
    source: Database, target: Database, options: SyncOptions
) -> SyncReport:
    """Bring one SQLite file to what another has; see ``synchronise``."""
    uri = read_only_uri(source.path)
    if options.mode is SyncMode.VERIFY:
        with reading_only(target) as connection:
            connection.exec_driver_sql(_ATTACH, (uri,))
            return Comparison(connection, options).report()
    with _beside(target, uri) as database:
        looking: contextlib.AbstractContextManager[Ahead | None]
        if options.mode is SyncMode.INCREMENTAL and options.predictions:
            looking = counting_ahead(source, target, database, options.years)
        else:
            looking = contextlib.nullcontext()
        with looking as ahead:
            return database.writing(lambda c: Comparison(c, options, ahead).report())


@contextlib.contextmanager
def _beside(target: Database, source: str) -> Iterator[Database]:
    """The target, by connections of its own that have the source's URI attached."""
    # Only a connection that takes URIs attaches by one.
    url = target.url.update_query_dict({"uri": "true"})
    database = Database(url, target.settings, target.breaker)

    def attach(connection: Any, record: object) -> None:
        del record
        # Every id that is written is found in its table by the same transaction; being
        # looked for once more, row by row, would double the time.
        connection.execute("PRAGMA foreign_keys = OFF")
        connection.execute(_ATTACH, (source,))

    sa.event.listen(database.engine, "connect", attach)
    try:
        yield database
    finally:
        database.dispose()
