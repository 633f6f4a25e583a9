"""Laws of a quiet inbox: late from one moment on, and said in words."""

from datetime import UTC, datetime, timedelta

import pytest

from bulk_pipeline.core.freshness import Freshness

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("age", "late"),
    [(-1, False), (0, False), (86_400, False), (86_401, True), (9e9, True)],
)
def test_it_is_late_after_the_hours_and_not_before(age, late):
    """A clock that was put back must not raise an alarm either."""
    found = Freshness(NOW - timedelta(seconds=age), 24, NOW)

    assert found.late is late


def test_nothing_is_late_where_nothing_ever_came():
    """Nobody knows when the first file should have come."""
    found = Freshness(None, 24, NOW)

    assert not found.late
    assert found.said == "No file was ever taken; one is expected every 24 h."


def test_it_says_when_the_last_one_came():
    """Whoever reads it asks the sender for what is missing since then."""
    found = Freshness(NOW - timedelta(hours=30), 24, NOW)

    assert found.said == (
        "The last new file was taken at 2026-03-01 06:00 UTC, 30 h ago; one is "
        "expected every 24 h."
    )
