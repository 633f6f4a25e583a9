"""What a database says of itself: true, and without anybody's data."""

import sqlite3
from contextlib import closing
from typing import NamedTuple

import pytest

from bulk_pipeline.adapters.database_state import database_state
from bulk_pipeline.adapters.databases import state_sqlite
from bulk_pipeline.adapters.databases.state_sqlserver import (
    STATEMENTS,
    judged,
    without_values,
)
from bulk_pipeline.core.errors import BulkPipelineError
from bulk_pipeline_tests.adapters import tsql
from bulk_pipeline_tests.adapters.harness import killed_at_the_end, started


class Told(NamedTuple):
    """What a server tells of itself and of a login's rights."""

    version: str
    edition: int
    login: str
    name: str
    performance: int | None
    state: int | None
    own: int | None


SENT = tsql.compiled(STATEMENTS)
WRITING = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN IMMEDIATE")
connection.execute("INSERT INTO models VALUES (1, 'm', 's', 'k', NULL, 0)")
print("writes", flush=True)
sys.stdin.read()
"""


def state_of(pipeline):
    """Title of a section → the section."""
    found = database_state(pipeline.installation.settings)
    return {section.title: section for section in found.sections}


@pytest.mark.parametrize("text", SENT.values(), ids=SENT.keys())
def test_what_the_server_is_asked_is_tsql(text) -> None:
    """No test server has these views, so nothing else reads them before a user does."""
    assert len(tsql.parsed(text)) == 1


def test_a_file_tells_its_facts(on_sqlite, base) -> None:
    """The mode of the journal and a log that grows explain most waits."""
    on_sqlite.load(base)
    facts = dict(state_of(on_sqlite)["File"].rows)

    assert facts["journal mode"] == "wal"
    assert facts["page size, bytes"] == 16_384
    assert facts["pages"] > 1
    assert facts["write-ahead log, bytes"] > 0, "a connection is open"


def test_a_file_that_is_not_there_is_not_made(on_sqlite) -> None:
    """Looking changes nothing."""
    [section] = database_state(on_sqlite.installation.settings).sections

    assert "is not there yet" in section.note
    assert not on_sqlite.installation.database.path.exists()


@pytest.mark.skipif(not state_sqlite.LOCKS.exists(), reason="only Linux tells of locks")
def test_the_process_that_writes_is_named(on_sqlite) -> None:
    """It is the one to wait for, or to end."""
    on_sqlite.installation.database.create_tables()
    path = on_sqlite.installation.database.path
    process = started(WRITING, path)
    with killed_at_the_end(process):
        assert process.stdout is not None
        assert process.stdout.readline() == "writes\n"
        rows = state_of(on_sqlite)["Who has it locked"].rows
    writers = [row for row in rows if row[2] == "writes"]
    assert [row[0] for row in writers] == [process.pid]
    assert "python" in writers[0][1]


def test_where_locks_are_not_told_that_is_said(on_sqlite, base, monkeypatch) -> None:
    """Nobody at work and nobody known are two answers."""
    on_sqlite.load(base)
    monkeypatch.setattr(state_sqlite, "LOCKS", state_sqlite.LOCKS / "absent")

    section = state_of(on_sqlite)["Who has it locked"]
    assert not section.rows
    assert "does not tell" in section.note


def test_a_lock_of_another_file_is_not_taken_for_ours(on_sqlite, base, tmp_path):
    """A number of a file is its own on one device only."""
    on_sqlite.load(base)
    with closing(sqlite3.connect(tmp_path / "other.db")) as other:
        other.execute("CREATE TABLE t (a)")
        other.execute("INSERT INTO t VALUES (1)")
        section = state_of(on_sqlite)["Who has it locked"]
    assert not [row for row in section.rows if row[2].startswith("writes")]


@pytest.mark.parametrize(
    ("told", "grant"),
    [
        (("16.0.1", 3, "li", "us", 1, 0, 1), ""),
        (("15.0.1", 3, "li", "us", None, 1, 1), ""),
        (("12.0.2", 5, "li", "us", None, None, 1), ""),
        (
            ("16.0.1", 3, "li", "us", 0, 0, 1),
            "in master: GRANT VIEW SERVER PERFORMANCE STATE TO [li]",
        ),
        (
            ("15.0.1", 3, "a b", "us", None, 0, 1),
            "in master: GRANT VIEW SERVER STATE TO [a b]",
        ),
        (
            ("12.0.2", 5, "li", "us", None, None, 0),
            "in the database: GRANT VIEW DATABASE STATE TO [us]",
        ),
    ],
)
def test_the_right_that_is_missing_is_named_as_a_grant(told, grant) -> None:
    """Its name differs between versions, and without it a server shows nobody else."""
    right = judged(Told(*told))

    assert right.there == (grant == "")
    assert right.cure.endswith(grant)


def test_a_statement_is_shown_without_its_values() -> None:
    """Another program may have written a company's figures into it."""
    text = "SELECT *\n FROM t2 WHERE n = N'Acme''s' AND x = 12.5 AND y = 'cut of"

    assert without_values(text) == "SELECT * FROM t2 WHERE n = ? AND x = ? AND y = ?"
    assert without_values(None) == ""


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("SELECT 1 -- don't\nWHERE s = 'Acme'", "SELECT ? WHERE s = ?"),
        ("SELECT /* it's\n Acme */ a WHERE s = 'Acme'", "SELECT a WHERE s = ?"),
        ("SELECT a /* cut in Acme", "SELECT a"),
        (
            "SELECT [o'clock] FROM t WHERE s = 'Acme'",
            "SELECT [o'clock] FROM t WHERE s = ?",
        ),
        (
            "WHERE s = \"Acme\" AND u = 'a -- b' AND x = 1",
            "WHERE s = ? AND u = ? AND x = ?",
        ),
        (
            "WHERE s = 0x41636D65 AND x = 1.5e+3 AND y = -2",
            "WHERE s = ? AND x = ? AND y = -?",
        ),
    ],
)
def test_a_mark_in_a_remark_or_a_name_uncovers_no_constant(text, shown) -> None:
    """Counted as the begin of a text it would turn all that follows inside out."""
    assert without_values(text) == shown


@pytest.mark.sqlserver
def test_a_server_without_these_views_is_asked_for_nothing_more(into) -> None:
    """One question that is refused must not hide the answers to the others."""
    pipeline = into("mssqlpython")
    sections = state_of(pipeline)

    assert len(sections) == 4
    assert all(section.rows or section.note for section in sections.values())


def test_a_server_that_is_away_is_an_error(make) -> None:
    """Four empty tables would look like a quiet one."""
    pipeline = make(
        DATABASE_URL="mssql+mssqlpython://u:secret@127.0.0.1:1/d?Encrypt=no",
        BULK_PIPELINE_RETRIES=1,
        BULK_PIPELINE_CONNECT_SECONDS=1,
    )
    with pytest.raises(BulkPipelineError) as raised:
        database_state(pipeline.installation.settings)
    assert "secret" not in str(raised.value)
