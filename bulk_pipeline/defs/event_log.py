"""Dagster's event log on SQLite, kept open while the events of a run are written."""

import contextlib
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import dagster as dg

OF_ALL_RUNS = "index"
"""Dagster's name of the file that mirrors the events of assets and checks."""
PATIENCE_SECONDS = 1.0
"""How long somebody else may hold a file; without it a run only takes longer."""


@contextmanager
def event_log_kept_open(instance: dg.DagsterInstance, run_id: str) -> Iterator[None]:
    """Let each event of a run wait for the disk once while the block runs.

    Dagster opens and closes a SQLite file for each event. The last to close one copies
    its write-ahead log into it, waits for the disk twice more and deletes the log;
    whoever has it open meanwhile spares the others that. What was written is lasting as
    without it. A file of a run that has none yet is made, empty and with such a log, in
    which Dagster makes its tables.

    Args:
        instance: where the events go. One that keeps them elsewhere is left alone, and
            so is a file that cannot be opened: Dagster says what is wrong with it.
        run_id: the run.
    """
    path_for_shard: Any = getattr(instance.event_log_storage, "path_for_shard", None)
    with ExitStack() as kept:
        if path_for_shard is not None:
            for shard in (OF_ALL_RUNS, run_id):
                with contextlib.suppress(sqlite3.Error):
                    kept.enter_context(_opened(path_for_shard(shard)))
        yield


@contextmanager
def _opened(path: str) -> Iterator[None]:
    """Hold a file open, with no transaction that others would have to wait for."""
    connection = sqlite3.connect(
        path,
        timeout=PATIENCE_SECONDS,
        isolation_level=None,
        check_same_thread=False,  # a generator of Dagster may end in another thread
    )
    with contextlib.closing(connection):
        connection.execute("PRAGMA journal_mode = WAL").fetchall()
        # A connection that has read nothing has not opened the log.
        connection.execute("SELECT count(*) FROM sqlite_master").fetchall()
        yield
