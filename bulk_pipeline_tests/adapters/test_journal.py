"""The journal: every upload of a home and what became of it."""

import threading
from datetime import UTC, datetime

import pytest

from bulk_pipeline.adapters.batches import Batch, Options, Upload
from bulk_pipeline.adapters.journal import STATES, Journal, UploadReport
from bulk_pipeline.core.errors import PermanentError
from bulk_pipeline_tests.adapters.harness import Pipeline
from bulk_pipeline_tests.builders import rows_of, write_csv

OPTIONS = Options("skip", "keep", "Q4", "percent")


@pytest.fixture
def journal(tmp_path):
    """A journal in a folder that is not there yet."""
    made = Journal(tmp_path / "home" / "journal.db")
    yield made
    made.close()


def batch(key="b", uploads=2):
    """A batch of some uploads."""
    moment = datetime.now(UTC).isoformat()
    members = tuple(
        Upload(f"{key}-{number}", f"{number}.csv", f"{number:05}-x", 10)
        for number in range(uploads)
    )
    return Batch(key, moment, OPTIONS, members)


def states(journal):
    """Upload key → state."""
    return {report.key: report.state for report in journal.uploads()}


def test_a_home_has_one_id_for_ever(journal, tmp_path) -> None:
    """Receipts carry it: with another one a home would not know its own loads."""
    first = journal.home_id()
    assert len(first) == 32
    assert journal.home_id() == first
    again = Journal(tmp_path / "home" / "journal.db")
    assert again.home_id() == first
    again.close()
    other = Journal(tmp_path / "other" / "journal.db")
    assert other.home_id() != first
    other.close()


def test_a_claim_is_entered_once(journal) -> None:
    """A sensor that ticks twice must not make two uploads of one file."""
    journal.claim(batch())
    journal.finish([UploadReport("b-0", "0.csv", "loaded", rows_read=5)])
    journal.claim(batch())
    assert states(journal) == {"b-0": "loaded", "b-1": "claimed"}
    assert journal.uploads()[0].rows_read == 5


def test_a_batch_runs_and_stops(journal) -> None:
    """What is unfinished waits or fails with its reason; what is done stays done."""
    journal.claim(batch())
    journal.start("b", "run-1")
    assert {r.run_id for r in journal.uploads()} == {"run-1"}
    assert states(journal) == {"b-0": "running", "b-1": "running"}
    journal.finish([UploadReport("b-0", "0.csv", "loaded", run_id="run-1")])
    journal.stop("b", "waiting", "the database is busy")
    done, waiting = journal.uploads()
    assert (done.state, done.message) == ("loaded", "")
    assert (waiting.state, waiting.message) == ("waiting", "the database is busy")
    journal.start("b", "run-2")
    assert states(journal) == {"b-0": "loaded", "b-1": "running"}
    assert {report.message for report in journal.uploads()} == {""}


def test_attempts_are_counted(journal) -> None:
    """The number of the attempt is part of what the sensor asks for."""
    journal.claim(batch(uploads=1))
    for number in range(3):
        journal.start("b", f"run-{number}")
        journal.stop("b", "waiting", "busy")
    with journal.transaction() as connection:
        query = "SELECT attempts FROM uploads"
        assert connection.exec_driver_sql(query).scalar() == 3


def test_a_report_comes_back_as_it_was_written(journal) -> None:
    """What a person reads next week is what the run said."""
    report = UploadReport(
        key="b-0",
        file="0.csv",
        state="loaded",
        sha256="0" * 64,
        rows_read=10,
        inserted=4,
        updated=1,
        duplicates=3,
        duplicates_conflicting=1,
        rejected=2,
        reject_file="/x/b-0.csv",
        seconds=1.5,
        stages={"read": 0.5, "load": 1.0},
        rows_per_second=6.7,
        tier="STANDARD",
        peak_memory_bytes=1,
        run_id="run",
        message="",
        rejected_by_reason={"blank": 2},
        warnings=("one", "zwei ü"),
        batch="b",
    )
    journal.claim(batch())
    journal.finish([report])
    assert journal.uploads()[0] == report


def test_uploads_can_be_asked_for_by_batch_and_by_state(journal) -> None:
    """A person looks for one batch or for what failed, oldest first."""
    for key in ("b2", "b1"):
        journal.claim(batch(key))
    journal.stop("b1", "failed", "no")
    assert [r.key for r in journal.uploads()] == ["b2-0", "b2-1", "b1-0", "b1-1"]
    assert [r.key for r in journal.uploads(batch="b1")] == ["b1-0", "b1-1"]
    assert [r.key for r in journal.uploads(state="claimed")] == ["b2-0", "b2-1"]
    assert journal.uploads(batch="b2", state="failed") == []
    assert {r.batch for r in journal.uploads(batch="b1")} == {"b1"}


@pytest.mark.parametrize("state", STATES)
def test_every_state_fits(journal, state) -> None:
    """A state that is cut or refused is a state that is lost."""
    journal.claim(batch(uploads=1))
    journal.finish([UploadReport("b-0", "0.csv", state)])
    assert states(journal) == {"b-0": state}


def test_threads_may_write_at_once(journal) -> None:
    """The web server, the daemon and a run share one journal."""
    journal.home_id()
    threads = [
        threading.Thread(target=journal.claim, args=(batch(f"b{number}"),))
        for number in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(journal.uploads()) == 16


def test_a_journal_that_is_none_is_refused(tmp_path) -> None:
    """A damaged file must read as one."""
    path = tmp_path / "journal.db"
    path.write_text("no journal at all\n" * 400)
    with pytest.raises(PermanentError, match="no SQLite database"):
        Journal(path).home_id()


def test_a_load_is_entered_for_each_file(small: Pipeline, tmp_path) -> None:
    """The list of uploads is what a person looks at first."""
    good = write_csv(tmp_path / "good.csv", rows_of("A", [2001]))
    bad = tmp_path / "bad.csv"
    bad.write_text("nothing\n")
    published = small.load(good, bad)
    found = small.installation.journal.uploads()
    assert found == list(published.uploads)
    assert {report.file: report.state for report in found} == {
        "good.csv": "loaded",
        "bad.csv": "failed",
    }
