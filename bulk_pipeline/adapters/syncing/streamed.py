"""Two databases of any kind: rows are read from one and staged in the other.

Parents come first, in one transaction; then predictions, so many companies at a time,
each portion in a transaction of its own: a synchronisation that was killed has brought
over whole portions, and the next one finds by their moments that they are there.

What a portion lacks is deleted only if the source showed for it what it had shown when
the portions were made, row counts and moments alike. Where the source offers no
snapshot and changes meanwhile, nothing of that portion is deleted and the source is
compared again.
"""

import time
from dataclasses import replace

import sqlalchemy as sa

from bulk_pipeline.adapters.database import Database
from bulk_pipeline.adapters.failures import attempts
from bulk_pipeline.adapters.syncing.compared import PREDICTIONS
from bulk_pipeline.adapters.syncing.keeping import part
from bulk_pipeline.adapters.syncing.opening import reading_only
from bulk_pipeline.adapters.syncing.receiving import Receiving, SourceChanged
from bulk_pipeline.adapters.syncing.streamed_parents import Parents
from bulk_pipeline.adapters.syncing.streamed_rows import Rows
from bulk_pipeline.core.syncing import SyncOptions, SyncReport

_FIRST_WAIT_SECONDS, _LONGEST_WAIT_SECONDS = 1.0, 30.0
"""Before a source that changed is compared again; loads last as long."""


def synchronise_over_wire(
    source: Database, target: Database, options: SyncOptions
) -> SyncReport:
    """Bring one database to what another has; see ``synchronise``."""
    for attempt in attempts(
        SourceChanged,
        target.settings.retries,
        _FIRST_WAIT_SECONDS,
        _LONGEST_WAIT_SECONDS,
    ):
        with attempt, reading_only(source) as connection:
            return _report(connection, Receiving(target, options))
    raise AssertionError  # stamina returns or raises


def _report(source: sa.Connection, receiving: Receiving) -> SyncReport:
    """Go through the tables once."""
    options = receiving.options
    parents = Parents(receiving, source)
    parents.bring()
    tables = parents.tables
    if not options.predictions:
        tables = {name: replace(c, deleted=0) for name, c in tables.items()}
        return SyncReport(options.mode, tables)
    started = time.perf_counter()
    tally = Rows(receiving, source, parents).bring()
    seconds = time.perf_counter() - started
    tables[PREDICTIONS.table.name] = replace(tally.counts, seconds=seconds)
    if any(counts.deleted for counts in tables.values()):
        parents.require_same()
        tables = receiving.transaction(
            lambda c: part(c, options, tables, parents.ids_only_here)
        )
    return SyncReport(options.mode, tables, tally.years)
