"""Questions to a server for so long and no longer: a slow one is a finding as well."""

import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import sqlalchemy as sa

from bulk_pipeline.adapters.database import Database
from bulk_pipeline.adapters.database_settings import DatabaseSettings
from bulk_pipeline.core.findings import Area, Finding, warning

ANSWER_SECONDS = 5
"""Longest wait for one answer of a server that is there."""

_ASKED_SECONDS = 15
"""Enough for the fifty answers or so of a server that is 200 ms away."""
_QUESTIONS = ("do_execute", "do_execute_no_params", "do_executemany")


def most_seconds(settings: DatabaseSettings) -> int:
    """How long a look at a server takes at most, about, with the last answers."""
    return _asked_seconds(settings) + 2 * ANSWER_SECONDS


def _asked_seconds(settings: DatabaseSettings) -> int:
    """When a server is asked nothing more."""
    return max(settings.connect_seconds, _ASKED_SECONDS)


def in_time(
    database: Database,
    area: Area,
    look: Callable[[], Iterator[Finding]],
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[Finding]:
    """What a look at a database finds; a warning instead of what took too long.

    Args:
        database: that is looked at; it has not been connected to yet.
        area: of the warning.
        look: asks the database and yields what it finds.
        clock: seconds.
    """
    asked = _Asked(_asked_seconds(database.settings), clock)
    asked.listen(database.engine)
    try:
        yield from look()
    except _TimeIsOver:
        yield asked.too_slow(area)


class _TimeIsOver(Exception):
    """Nothing more is asked."""


class _Asked:
    """When a server was asked something, and for how long that may go on."""

    def __init__(self, seconds: float, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._begun = clock()
        self._seconds = seconds
        self._login_seconds = 0.0
        self._moments: list[float] = []

    def listen(self, engine: sa.Engine) -> None:
        """Be told of each login and of each question, before it is asked."""
        sa.event.listen(engine, "do_connect", self._logs_in)
        # Before what is asked of each new connection.
        sa.event.listen(engine, "connect", self._logged_in, insert=True)
        # Those of SQLAlchemy's own at the first login are told by no other event.
        for question in _QUESTIONS:
            sa.event.listen(engine, question, self._asks)

    def too_slow(self, area: Area) -> Finding:
        """The warning, with what was measured."""
        now = self._clock()
        waits = [b - a for a, b in pairwise([*self._moments, now])]
        # Between two questions there may be answers to others that nobody tells of.
        answer = f" and {min(waits):.1f} s for an answer" if waits else ""
        return warning(
            area,
            f"The server is slow: it takes {self._login_seconds:.1f} s for a login"
            f"{answer}. After {now - self._begun:.0f} s not all was looked at.",
            "Look at the way to it and at what it is busy with: a load asks it dozens "
            "of times and waits for each answer.",
        )

    def _logs_in(self, *_: Any) -> None:
        self._login_seconds = -self._clock()

    def _logged_in(self, *_: Any) -> None:
        self._login_seconds += self._clock()

    def _asks(self, *_: Any) -> None:
        now = self._clock()
        if now - self._begun >= self._seconds:
            raise _TimeIsOver
        self._moments.append(now)
