"""The breaker on real journals, among threads and among processes."""

import sqlite3
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bulk_pipeline.adapters.breaker import Breaker
from bulk_pipeline.adapters.installation import Installation
from bulk_pipeline.adapters.journal import Journal
from bulk_pipeline.core.errors import (
    DatabaseUnavailable,
    LoginRefused,
    PermanentError,
    TransientError,
)
from bulk_pipeline_tests.adapters.harness import (
    ended,
    killed_at_the_end,
    started,
    until,
)

DATABASE = "mssql+mssqlpython://sa:***@server/accounts"
LONG, SHORT = 3600.0, 0.3

PREPARED = """
import sys, time
from pathlib import Path
from bulk_pipeline.adapters.breaker import Breaker
from bulk_pipeline.adapters.journal import Journal
from bulk_pipeline.core.errors import DatabaseUnavailable
path, database, seconds = sys.argv[1:]
breaker = Breaker(Journal(Path(path)), database, 2, float(seconds))
breaker.state()
print("ready", flush=True)
"""
TRYING = (
    PREPARED
    + """
sys.stdin.readline()
try:
    with breaker.guard():
        time.sleep(1.5)
        print("let through")
except DatabaseUnavailable as error:
    print(error)
"""
)
HANGING = (
    PREPARED
    + """
with breaker.guard():
    print("let through", flush=True)
    sys.stdin.read()
"""
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the journal is."""
    return tmp_path / "home" / "journal.db"


@pytest.fixture
def journal(path: Path) -> Iterator[Journal]:
    """The journal of a new home."""
    made = Journal(path)
    yield made
    made.close()


def fail(breaker: Breaker, error: type[Exception] = DatabaseUnavailable) -> None:
    """One attempt that ends with an error."""
    with pytest.raises(error, match="No answer"), breaker.guard():
        raise error("No answer from the server.")


def pass_through(breaker: Breaker) -> None:
    """One attempt that the database answers."""
    with breaker.guard():
        pass


def opened(journal: Journal, seconds: float = LONG) -> Breaker:
    """A breaker that has just opened."""
    breaker = Breaker(journal, DATABASE, 2, seconds)
    fail(breaker)
    fail(breaker)
    return breaker


def due(journal: Journal) -> Breaker:
    """A breaker whose wait is over; the next trial has a long time to report."""
    opened(journal, 0.01)
    time.sleep(0.01)
    return Breaker(journal, DATABASE, 2, LONG)


def test_an_open_breaker_turns_everybody_away_at_once(journal: Journal) -> None:
    """A run that waits for a dead server holds a place that others could use."""
    breaker = opened(journal)
    with pytest.raises(DatabaseUnavailable, match="left alone") as refused:
        pass_through(breaker)
    assert "No answer from the server." in str(refused.value)
    assert DATABASE in str(refused.value)

    state = breaker.state()
    assert (state.state, state.failures) == ("open", 2)
    assert state.reason == "No answer from the server."
    assert state.opened_at is not None
    assert state.retry_at is not None
    assert (state.retry_at - state.opened_at).total_seconds() == LONG


def test_that_it_opens_is_in_the_log_once_and_by_name(
    journal: Journal, caplog: pytest.LogCaptureFixture
) -> None:
    """An operator who finds loads waiting looks into the log for the first reason."""
    breaker = Breaker(journal, DATABASE, 2, LONG)
    fail(breaker)
    assert caplog.messages == []
    fail(breaker)
    with pytest.raises(TransientError), breaker.guard():
        raise AssertionError
    [said] = caplog.records
    assert said.levelname == "WARNING"
    assert DATABASE in said.getMessage()
    assert "No answer from the server." in said.getMessage()


def test_being_turned_away_is_no_failure_of_the_database(journal: Journal) -> None:
    """Else every refusal would make all wait longer, and for ever."""
    breaker = opened(journal)
    before = breaker.state()
    for _ in range(3):
        with pytest.raises(DatabaseUnavailable):
            pass_through(breaker)
    assert breaker.state() == before


def test_its_state_outlives_its_process(journal: Journal, path: Path) -> None:
    """Every run is a process of its own, and each would begin at nought."""
    opened(journal)
    again = Journal(path)
    with pytest.raises(DatabaseUnavailable):
        pass_through(Breaker(again, DATABASE, 2, LONG))
    again.close()


def test_failures_of_several_processes_are_counted_together(
    journal: Journal, path: Path
) -> None:
    """Eight runs with one failure each say as much as one run with eight."""
    other = Journal(path)
    fail(Breaker(journal, DATABASE, 2, LONG))
    fail(Breaker(other, DATABASE, 2, LONG))
    other.close()
    assert Breaker(journal, DATABASE, 2, LONG).state().state == "open"


def test_each_database_has_its_own(journal: Journal) -> None:
    """The server that DATABASE_URL names now may be there."""
    opened(journal)
    other = Breaker(journal, "mssql+pyodbc://sa:***@other/accounts", 2, LONG)
    pass_through(other)
    assert other.state().state == "closed"


def test_one_success_after_the_wait_closes_it(journal: Journal) -> None:
    """Nobody has to do anything when the server is back."""
    breaker = opened(journal, SHORT)
    until(lambda: let_through(breaker))
    assert (breaker.state().state, breaker.state().failures) == ("closed", 0)
    pass_through(breaker)


def let_through(breaker: Breaker) -> bool:
    """Whether the breaker lets somebody through, whom the database then answers."""
    try:
        pass_through(breaker)
    except DatabaseUnavailable:
        return False
    return True


def test_a_failed_trial_opens_it_for_the_whole_wait(journal: Journal) -> None:
    """One attempt every so many seconds, however long the server is away."""
    breaker = opened(journal, SHORT)
    first = breaker.state()
    time.sleep(SHORT)
    fail(breaker, LoginRefused)
    again = breaker.state()
    assert (again.state, again.failures) == ("open", 3)
    assert again.opened_at == first.opened_at
    assert first.retry_at is not None
    assert again.retry_at is not None
    assert (again.retry_at - first.retry_at).total_seconds() >= SHORT


@pytest.mark.parametrize("error", [TransientError, PermanentError])
def test_a_database_that_refuses_in_words_is_there(
    journal: Journal, error: type[Exception]
) -> None:
    """A deadlock or a missing permission is an answer, also as that of a trial."""
    breaker = Breaker(journal, DATABASE, 2, SHORT)
    fail(breaker)
    fail(breaker, error)
    fail(breaker)
    assert breaker.state().failures == 1

    fail(breaker)
    time.sleep(SHORT)
    fail(breaker, error)
    assert breaker.state().state == "closed"


def test_an_interrupt_says_nothing_about_the_database(journal: Journal) -> None:
    """The trial is given back, so that the next one need not wait for its time."""
    breaker = due(journal)
    with pytest.raises(KeyboardInterrupt), breaker.guard():
        raise KeyboardInterrupt
    assert breaker.state().state == "open"
    pass_through(breaker)
    assert breaker.state().state == "closed"


def test_a_guard_within_a_guard_is_the_same_attempt(journal: Journal) -> None:
    """A trial that reads before it writes must not be turned away by itself."""
    breaker = due(journal)
    with breaker.guard():
        pass_through(breaker)
        assert breaker.state().state == "half-open"
    assert breaker.state().state == "closed"


def test_a_failure_that_is_dealt_with_inside_counts_for_nothing(
    journal: Journal,
) -> None:
    """An attempt is judged by its end."""
    breaker = Breaker(journal, DATABASE, 1, LONG)
    with breaker.guard():
        fail(breaker)
    assert breaker.state().state == "closed"


def test_guarded_work_of_threads_runs_at_the_same_time(journal: Journal) -> None:
    """A breaker is no lock: loads of one process do not wait for each other."""
    breaker = Breaker(journal, DATABASE, 2, LONG)
    together = threading.Barrier(3, timeout=10)

    def attempt() -> None:
        """Ends only while the others are inside too."""
        with breaker.guard():
            together.wait()

    threads = [threading.Thread(target=attempt) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not together.broken


def test_of_four_processes_one_makes_the_trial(journal: Journal, path: Path) -> None:
    """A server that starts up must not meet every run of the home at once."""
    breaker = due(journal)
    processes = [started(TRYING, path, DATABASE, LONG) for _ in range(4)]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    said = [ended(process) for process in processes]

    assert said.count("let through\n") == 1
    assert sum("Somebody is trying it now" in text for text in said) == 3
    assert breaker.state().state == "closed"


def test_a_killed_trial_does_not_leave_it_half_open(
    journal: Journal, path: Path
) -> None:
    """After `kill -9` nobody reports, and the next one must get through."""
    wait = 3.0
    due(journal)
    breaker = Breaker(journal, DATABASE, 2, wait)
    process = started(HANGING, path, DATABASE, wait)
    with killed_at_the_end(process):
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(2)]
        assert lines == ["ready\n", "let through\n"]
        assert breaker.state().state == "half-open"
        with pytest.raises(DatabaseUnavailable, match="Somebody is trying it now"):
            pass_through(breaker)
        process.kill()
        process.wait()

    assert breaker.state().state == "half-open"
    until(lambda: let_through(breaker))
    assert breaker.state().state == "closed"


def test_a_journal_of_an_older_version_gets_the_table(path: Path) -> None:
    """Homes are upgraded by being used."""
    first = Journal(path)
    home_id = first.home_id()
    first.close()
    with sqlite3.connect(path) as connection:
        connection.execute("DROP TABLE breaker")

    again = Journal(path)
    assert Breaker(again, DATABASE, 2, LONG).state().state == "closed"
    assert again.home_id() == home_id
    again.close()


def test_a_success_writes_nothing(journal: Journal, path: Path) -> None:
    """Thousands of them a day must not wear the disk."""
    breaker = Breaker(journal, DATABASE, 2, LONG)
    pass_through(breaker)
    size = path.with_name("journal.db-wal").stat().st_size
    for _ in range(20):
        pass_through(breaker)
    assert path.with_name("journal.db-wal").stat().st_size == size
    with journal.transaction() as connection:
        assert connection.exec_driver_sql("SELECT * FROM breaker").all() == []


def test_a_file_has_no_breaker() -> None:
    """It is there or it is not; waiting brings no file back."""
    installation = Installation.from_environment()
    assert installation.database.breaker is None
    installation.close()


@pytest.mark.parametrize(
    "url",
    [
        "mssql+mssqlpython://sa:Secret%2123@server:1433/accounts?Encrypt=no",
        "mssql+pyodbc:///?odbc_connect=SERVER%3Dserver%3BPWD%3DSecret%2123",
    ],
)
def test_the_journal_never_holds_the_password(
    monkeypatch: pytest.MonkeyPatch, home: Path, url: str
) -> None:
    """The journal is copied into support tickets."""
    monkeypatch.setenv("DATABASE_URL", url)
    monkeypatch.setenv("BULK_PIPELINE_BREAKER_FAILURES", "1")
    installation = Installation.from_environment()
    breaker = installation.database.breaker
    assert breaker is not None
    fail(breaker)
    assert breaker.state().state == "open"
    installation.close()
    for file in home.glob("journal.db*"):
        content = file.read_bytes()
        assert b"Secret" not in content
