"""The SQLite file itself: its layout, its name, and the words of its drivers."""

import sqlite3

import pytest
import sqlalchemy as sa

from bulk_pipeline.adapters.database import Database
from bulk_pipeline.adapters.databases.sqlite import PAGE_BYTES
from bulk_pipeline.adapters.failures import from_sqlite, from_sqlite_text, translated
from bulk_pipeline.adapters.settings import Settings
from bulk_pipeline.core.errors import DatabaseUnusable, PermanentError, TransientError


def test_the_file_is_laid_out_for_bulk_loads(on_sqlite) -> None:
    """A reader must not wait for a load, and a load must not wait for the disk."""
    database = on_sqlite.installation.database
    database.create_tables()
    with database.reading() as connection:
        pragmas = ("page_size", "journal_mode", "foreign_keys", "busy_timeout")
        found = [
            connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in pragmas
        ]
    assert found == [PAGE_BYTES, "wal", 1, 60_000]


def test_a_relative_file_is_the_same_from_every_folder(tmp_path, monkeypatch) -> None:
    """A run and a command line start in different folders."""
    monkeypatch.chdir(tmp_path)
    settings = Settings.from_environment({"DATABASE_URL": "sqlite:///a.db"})
    database = Database.from_settings(settings)
    monkeypatch.chdir("/")
    assert database.path == tmp_path / "a.db"
    assert database.name == f"sqlite:///{tmp_path}/a.db"


@pytest.mark.parametrize("name", ["with space.db", "per%20cent.db", "a?b#c.db", "ü.db"])
def test_odd_file_names_are_file_names(tmp_path, name) -> None:
    """A share has the folders it has."""
    settings = Settings.from_environment({"BULK_PIPELINE_HOME": str(tmp_path)})
    url = sa.URL.create("sqlite", database=str(tmp_path / name))
    database = Database(url, settings)
    database.create_tables()
    assert (tmp_path / name).stat().st_size > 0
    database.dispose()


@pytest.mark.parametrize(
    ("text", "kind", "cure"),
    [
        ("IO: Failed to step query: database is locked", TransientError, "busy"),
        ("failed to execute: database table is locked", TransientError, "busy"),
        ("database or disk is full", TransientError, "Free some space"),
        ("attempt to write a readonly database", DatabaseUnusable, "write access"),
        ("failed to open 'file:/x'", DatabaseUnusable, "folder exists"),
        ("file is not a database", DatabaseUnusable, "DATABASE_URL"),
        ("database disk image is malformed", DatabaseUnusable, "backup"),
        ("UNIQUE constraint failed", PermanentError, "own message"),
    ],
)
def test_a_driver_without_codes_is_understood_by_its_words(text, kind, cure) -> None:
    """Busy in the loading process must be tried again as it is in this one."""
    error = from_sqlite_text(text)
    assert type(error) is kind
    assert text in str(error)
    assert cure in str(error)


def test_extended_codes_count_as_their_primary_ones() -> None:
    """SQLite says in detail why it is busy; busy it is all the same."""
    assert isinstance(from_sqlite(sqlite3.SQLITE_BUSY_SNAPSHOT, "x"), TransientError)
    assert isinstance(from_sqlite(sqlite3.SQLITE_IOERR_WRITE, "x"), PermanentError)


def test_an_error_of_the_driver_itself_is_permanent() -> None:
    """An error without a code must not slip through the table."""
    with pytest.raises(PermanentError, match="one statement at a time"), translated():
        sqlite3.connect(":memory:").execute("SELECT 1; SELECT 2")
