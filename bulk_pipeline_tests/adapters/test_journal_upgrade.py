"""Journals that an older version made: upgraded in place, with all they know."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from bulk_pipeline.adapters.batches import Batch, Options, Upload
from bulk_pipeline.adapters.journal import Journal
from bulk_pipeline.core.inbox import Share
from bulk_pipeline_tests.adapters.harness import ended, started

OLD = """
CREATE TABLE home (id CHAR(32) NOT NULL, PRIMARY KEY (id));
CREATE TABLE uploads (
  "key" VARCHAR(100) NOT NULL, batch VARCHAR(200) NOT NULL, file VARCHAR(255) NOT NULL,
  submitted_by VARCHAR(255) NOT NULL, retry_of VARCHAR(100) NOT NULL,
  refusal_shown BOOLEAN NOT NULL, state VARCHAR(10) NOT NULL,
  attempts INTEGER NOT NULL, claimed_at BIGINT NOT NULL, changed_at BIGINT NOT NULL,
  run_id VARCHAR(64) NOT NULL, message TEXT NOT NULL, report TEXT NOT NULL,
  PRIMARY KEY ("key")
);
CREATE INDEX ix_uploads_batch ON uploads (batch);
CREATE INDEX ix_uploads_state ON uploads (state);
INSERT INTO home VALUES ('00112233445566778899aabbccddeeff');
INSERT INTO uploads VALUES
  ('k1', 'b1', 'one.csv', 'team', '', 0, 'loaded', 1, 1000, 2000, 'r', '',
   '{"rows_read": 7}'),
  ('k2', 'b2', 'two.csv', 'team', '', 0, 'waiting', 3, 3000, 4000, 'r2', 'busy', '{}');
"""
"""The schema of version 0.5, as its own code wrote it."""
OPENING = """
import sys
from pathlib import Path
from bulk_pipeline.adapters.journal import Journal
sys.stdin.readline()
print(len(Journal(Path(sys.argv[1])).uploads()))
"""
INDEXES = {
    "ix_uploads_batch",
    "ix_uploads_claimed_at",
    "ix_uploads_failed",
    "ix_uploads_open",
    "ix_uploads_state",
    "ix_uploads_to_show",
}


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A journal of before."""
    path = tmp_path / "journal.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(OLD)
    return path


def indexes(path: Path) -> set[str]:
    """Names of the indexes of the uploads."""
    query = "SELECT name FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"
    with closing(sqlite3.connect(path)) as connection:
        found = {name for (name,) in connection.execute(query)}
    return {name for name in found if name.startswith("ix_uploads")}


def test_an_old_journal_keeps_what_it_knows(old: Path) -> None:
    """An upgrade that asks people to start anew is none."""
    with closing(Journal(old)) as journal:
        one, two = journal.uploads()
        assert journal.home_id() == "00112233445566778899aabbccddeeff"
        assert (one.state, one.rows_read, two.message) == ("loaded", 7, "busy")
        assert journal.in_work() == {"team": Share(1, 0)}
        progress = journal.open_batches()["b2"]
        assert (progress.state, progress.attempts) == ("waiting", 3)
        new = Upload("k3", "three.csv", "00000-three", 123, submitted_by="team")
        options = Options("skip", "keep", "Q4", "percent")
        journal.claim(Batch("b3", "2026-01-01T00:00:00+00:00", options, (new,)))
        assert journal.in_work() == {"team": Share(2, 123)}
    assert indexes(old) == INDEXES


def test_two_processes_may_upgrade_at_once(old: Path) -> None:
    """The daemon and a run open the journal in the same second."""
    processes = [started(OPENING, old) for _ in range(4)]
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    said = [ended(process) for process in processes]

    assert [text.strip() for text in said] == ["2"] * 4
    assert indexes(old) == INDEXES
