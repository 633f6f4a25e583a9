"""The journal stays quick however long it is: nothing that a tick asks reads it all."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from bulk_pipeline.adapters.batches import Batch, Options, Upload
from bulk_pipeline.adapters.journal import Journal, UploadReport
from bulk_pipeline.core.inbox import Share

OPTIONS = Options("skip", "keep", "Q4", "percent")
START = datetime(2026, 1, 1, tzinfo=UTC)
ASKED: dict[str, Callable[[Journal], Any]] = {
    "open": lambda journal: journal.open_batches(),
    "in work": lambda journal: journal.in_work(),
    "refusals": lambda journal: journal.refusals_to_show(),
    "progress": lambda journal: journal.progress("b0"),
    "known": lambda journal: journal.known(["b0", "b1"]),
    "keys": lambda journal: journal.uploads(keys=["b0-0"]),
    "newest": lambda journal: list(journal.each_upload(newest=1)),
}


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    """A journal of a home."""
    with closing(Journal(tmp_path / "journal.db")) as made:
        yield made


def claim(journal: Journal, key: str, minute: int, files: int = 2) -> None:
    """Enter a batch that was claimed at some minute, 10 bytes a file."""
    moment = (START + timedelta(minutes=minute)).isoformat()
    members = tuple(
        Upload(f"{key}-{n}", f"{n}.csv", f"{n:05}", 10, submitted_by="team")
        for n in range(files)
    )
    journal.claim(Batch(key, moment, OPTIONS, members))


@pytest.mark.parametrize("question", ASKED)
def test_no_question_of_a_tick_reads_every_row(journal: Journal, question: str) -> None:
    """With 100,000 uploads a scan is a second, and there is a tick every five."""
    claim(journal, "b0", 0)
    plans: list[str] = []

    def explain(connection: sa.Connection, *said: Any) -> None:
        _, statement, parameters, _, _ = said
        if not statement.startswith("SELECT"):
            return
        raw = connection.connection.dbapi_connection
        assert isinstance(raw, sqlite3.Connection)
        found = raw.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)
        plans.extend(row[3] for row in found)

    with journal.reading() as connection:
        sa.event.listen(connection.engine, "before_cursor_execute", explain)
    ASKED[question](journal)

    assert plans
    scans = [plan for plan in plans if plan.startswith("SCAN uploads")]
    assert all("USING" in plan and "INDEX" in plan for plan in scans), plans
    whole = [plan for plan in scans if "ix_uploads_batch" in plan]
    assert not whole, plans


def test_a_reader_waits_for_no_writer(journal: Journal) -> None:
    """A run that writes its outcome must not keep a tick waiting, nor a tick a run."""
    claim(journal, "b0", 0)
    with journal.transaction() as writing:
        writing.execute(sa.text("UPDATE uploads SET message = 'x'"))
        before = datetime.now(UTC)
        assert journal.open_batches().keys() == {"b0"}
        assert datetime.now(UTC) - before < timedelta(seconds=5)
    with journal.reading() as reading:
        reading.execute(sa.text("SELECT count(*) FROM uploads"))
        claim(journal, "b1", 1)
    assert journal.count() == 4


def test_open_batches_come_in_the_order_of_their_claims(journal: Journal) -> None:
    """Whatever their keys are, and in whatever order they were entered."""
    for key, minute in (("x", 3), ("a", 2), ("m", 1), ("z", 0)):
        claim(journal, key, minute)
    journal.start("m", "run-1")
    journal.finish([UploadReport("z-0", "0.csv", "loaded")])
    found = journal.open_batches()

    assert list(found) == ["z", "m", "a", "x"]
    assert [found[key].state for key in found] == [
        "claimed",
        "running",
        "claimed",
        "claimed",
    ]
    assert found["m"] == journal.progress("m")
    journal.finish([UploadReport("z-1", "1.csv", "loaded")])
    assert list(journal.open_batches()) == ["m", "a", "x"]
    ended = journal.progress("z")
    assert ended is not None
    assert ended.state == "ended"


def test_what_is_in_work_is_counted_by_who_sent_it(journal: Journal) -> None:
    """Quotas are about what has not ended."""
    claim(journal, "b0", 0, files=3)
    journal.finish([UploadReport("b0-0", "0.csv", "loaded")])
    assert journal.in_work() == {"team": Share(2, 20)}
    journal.stop("b0", "failed", "no")
    assert journal.in_work() == {}


def test_only_the_newest_uploads_are_listed_oldest_first(journal: Journal) -> None:
    """Nobody reads a list of 100,000."""
    for minute, key in enumerate(("c", "b", "a")):
        claim(journal, key, minute)
    newest = [report.key for report in journal.each_upload(newest=3)]

    assert newest == ["b-1", "a-0", "a-1"]
    assert journal.count() == 6
    assert journal.count(state="loaded") == 0
    assert [r.key for r in journal.uploads(keys=["a-1", "c-0", "no"])] == ["c-0", "a-1"]
