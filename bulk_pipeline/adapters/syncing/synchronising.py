"""Keeping a second database equal to a first one.

Rows are matched by their natural keys, and every column but the ids comes out equal:
models, uploads, companies and predictions, with the moments at which the source wrote
them. The history and the figures of runs belong to the database where things happened,
and stay as they are. See docs/synchronisation.md.
"""

import time
from dataclasses import replace

from bulk_pipeline.adapters.database import Database
from bulk_pipeline.adapters.syncing.attached import synchronise_files
from bulk_pipeline.adapters.syncing.opening import (
    is_file,
    reading_only,
    require_two,
)
from bulk_pipeline.core.syncing import SyncMode, SyncOptions, SyncReport


def synchronise(
    source: Database,
    target: Database,
    options: SyncOptions,
    *,
    over_wire: bool = False,
) -> SyncReport:
    """Bring the target to what the source has, or report where the two differ.

    Doing it again does nothing, and after a failure goes on where it stopped. Two at
    once wait for each other, as loads into the target do.

    Args:
        source: is only read.
        target: its tables are made where they are missing, but by verify.
        options: what is asked for.
        over_wire: whether rows are read from the source and sent to the target even
            where both are SQLite files, and one could read the other itself.

    Raises:
        ConfigurationError: the two are one database, or one of them cannot be used.
        TransientError: one of them stayed busy or went away, or the source changed all
            the time; what was written is right as far as it goes, and nothing is half
            done.
        AccountingError: the target wrote other rows than were meant; rolled back.
    """
    started = time.perf_counter()
    require_two(source, target)
    with reading_only(source):
        pass  # says what is wrong before anything is made in the target
    if options.mode is not SyncMode.VERIFY:
        target.create_tables()
    if over_wire or not (is_file(source) and is_file(target)):
        from bulk_pipeline.adapters.syncing.streamed import (  # noqa: PLC0415
            synchronise_over_wire,  # two files need no frames
        )

        report = synchronise_over_wire(source, target, options)
    else:
        report = synchronise_files(source, target, options)
    return replace(report, seconds=time.perf_counter() - started)
