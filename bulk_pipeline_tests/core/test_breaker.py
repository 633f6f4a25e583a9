"""Laws of the breaker's decisions, with a clock that the test holds."""

from datetime import UTC, datetime, timedelta

import pytest

from bulk_pipeline.core.breaker import BreakerState, Circuit

WAIT = timedelta(seconds=30)
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def failed(circuit: Circuit, trial: str = "", after: float = 0.0) -> Circuit:
    """A failure so many seconds after the beginning; the third in a row opens."""
    now = NOW + timedelta(seconds=after)
    return circuit.after_failure(trial, f"away at {after:g}", now, limit=3, wait=WAIT)


@pytest.fixture
def opened() -> Circuit:
    """A circuit that has just opened."""
    return failed(failed(failed(Circuit())))


def test_so_many_failures_in_a_row_open_it(opened: Circuit) -> None:
    """One lost connection is usual; a row of them is a server that is away."""
    twice = failed(failed(Circuit()))
    assert twice == Circuit(2, "away at 0")
    assert not twice.turns_away(NOW, WAIT)

    assert opened == Circuit(3, "away at 0", NOW, NOW + WAIT)
    assert opened.turns_away(NOW, WAIT)
    assert opened.state(NOW, WAIT) == "open"


def test_an_answer_between_failures_begins_the_count_again() -> None:
    """Failures that are hours apart have nothing to do with each other."""
    circuit = failed(failed(Circuit())).after_answer()
    assert failed(failed(circuit)).state(NOW, WAIT) == "closed"


@pytest.mark.parametrize(
    ("seconds", "turned_away"), [(0, True), (29.9, True), (30, False), (1e6, False)]
)
def test_nobody_asks_until_the_time_is_over(
    opened: Circuit, seconds: float, *, turned_away: bool
) -> None:
    """A server that starts up gets that long without our logins."""
    assert opened.turns_away(NOW + timedelta(seconds=seconds), WAIT) is turned_away


def test_a_clock_that_was_put_back_keeps_nobody_waiting(opened: Circuit) -> None:
    """Daylight and time servers move clocks; an hour without loads is no cure."""
    assert not opened.turns_away(NOW - timedelta(seconds=1), WAIT)


def test_one_trial_at_a_time(opened: Circuit) -> None:
    """Eight loads that come back at once would be the next thing to break it."""
    later = NOW + WAIT
    trying = opened.tried_by("mine", later, WAIT)
    assert trying.turns_away(later, WAIT)
    assert trying.state(later, WAIT) == "half-open"
    assert trying.opened_at == NOW


def test_a_trial_that_never_reports_counts_as_dead(opened: Circuit) -> None:
    """A killed process says nothing any more."""
    trying = opened.tried_by("mine", NOW + WAIT, WAIT)
    over = NOW + 2 * WAIT
    assert not trying.turns_away(over, WAIT)
    assert trying.state(over, WAIT) == "open"


def test_a_failed_trial_opens_it_again_and_keeps_since_when(opened: Circuit) -> None:
    """People ask since when the database is away, not when it was last tried."""
    trying = opened.tried_by("mine", NOW + WAIT, WAIT)
    again = failed(trying, "mine", 31)
    assert again == Circuit(4, "away at 31", NOW, NOW + WAIT + timedelta(seconds=31))


def test_a_late_failure_makes_nobody_wait_longer(opened: Circuit) -> None:
    """It began before the breaker opened, or its trial was given up for dead."""
    trying = opened.tried_by("mine", NOW + WAIT, WAIT)
    assert failed(opened, after=20) == opened
    assert failed(trying, after=31) == trying
    assert failed(trying, "another", 31) == trying


def test_any_answer_closes_it(opened: Circuit) -> None:
    """Whoever was answered, the database is there."""
    assert opened.tried_by("mine", NOW, WAIT).after_answer() == Circuit()
    assert opened.after_answer() == Circuit()


def test_a_trial_that_learned_nothing_leaves_the_next_one_in(opened: Circuit) -> None:
    """An interrupt is no sign of a database that is away, nor of one that is there."""
    later = NOW + WAIT
    trying = opened.tried_by("mine", later, WAIT)
    left = trying.after_nothing("mine", later)
    assert not left.turns_away(later, WAIT)
    assert (left.failures, left.opened_at) == (3, NOW)

    assert trying.after_nothing("another", later) == trying
    assert opened.after_nothing("", later) == opened
    assert Circuit().after_nothing("", later) == Circuit()


@pytest.mark.parametrize("state", ["open", "half-open"])
def test_people_are_told_why_since_when_until_when_and_what_to_do(state) -> None:
    """The line in the UI and on the terminal is all that they have."""
    said = str(BreakerState("mssql://h/x", state, 5, NOW, NOW + WAIT, "Start it."))
    for part in (
        "mssql://h/x",
        "since 2026-01-02 03:04:05 UTC",
        "5 attempts in a row",
        "said: Start it.",
        "asked again at 2026-01-02 03:04:35 UTC",
    ):
        assert part in said
    assert ("trying it now" in said) is (state == "half-open")


def test_a_closed_one_is_told_in_a_word() -> None:
    """There is nothing to do."""
    said = str(BreakerState("mssql://h/x", "closed", 0, None, None, ""))
    assert said == "The database mssql://h/x may be asked."
