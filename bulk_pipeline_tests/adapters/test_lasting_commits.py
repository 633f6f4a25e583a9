"""A commit that was reported outlives a loss of power, in every way into SQLite."""

import sqlite3
from contextlib import closing

from bulk_pipeline.adapters.journal import Journal
from bulk_pipeline.adapters.loaders.sqlite_drivers import ArrowDriver

FULL = 2
"""Of ``PRAGMA synchronous``: the log is brought to the disk at each commit."""


def test_the_database_waits_for_the_disk_at_each_commit(on_sqlite) -> None:
    """Some builds of SQLite do so only now and then where there is a log."""
    with on_sqlite.installation.database.reading() as connection:
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == FULL
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"


def test_the_bulk_driver_does_so_too(tmp_path) -> None:
    """It brings a SQLite of its own, with defaults of its own."""
    path = tmp_path / "a.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
    statements = {"asked": {"sql": "PRAGMA synchronous", "parameters": []}}
    with closing(ArrowDriver(str(path), 1000, statements)) as driver:
        assert driver.rows("asked") == [(FULL,)]


def test_the_journal_does_so_too(tmp_path) -> None:
    """What people were told stays true."""
    with (
        closing(Journal(tmp_path / "journal.db")) as journal,
        journal.transaction() as connection,
    ):
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == FULL
