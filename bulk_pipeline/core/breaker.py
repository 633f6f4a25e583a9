"""When a database that does not answer is left alone, and when it is tried again."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from bulk_pipeline.core.wording import AGAIN_AT, amount

State = Literal["closed", "open", "half-open"]


@dataclass(frozen=True, slots=True)
class Circuit:
    """What is known of one database by whoever tried it last; a new one is closed.

    Attributes:
        failures: attempts in a row that found no database.
        reason: what the last of them said, "" after an answer.
        opened_at: since when it is left alone, UTC; None while everybody may ask.
        retry_at: when one may ask again, UTC; None while everybody may.
        trial: who asks at the moment, "" for nobody. It has until ``retry_at`` to say
            how it went: a killed process never does.
    """

    failures: int = 0
    reason: str = ""
    opened_at: datetime | None = None
    retry_at: datetime | None = None
    trial: str = ""

    def turns_away(self, now: datetime, wait: timedelta) -> bool:
        """Whether nobody may ask at the moment.

        More than a whole wait to go can only be that of a clock which was put back
        since, or of a longer wait in the settings of then: it is over.
        """
        return self.retry_at is not None and (
            timedelta(0) < self.retry_at - now <= wait
        )

    def state(self, now: datetime, wait: timedelta) -> State:
        """Closed: all may ask. Open: nobody, or the next one. Half-open: one asks."""
        if self.opened_at is None:
            return "closed"
        return "half-open" if self.trial and self.turns_away(now, wait) else "open"

    def tried_by(self, trial: str, now: datetime, wait: timedelta) -> "Circuit":
        """One is let through; the others are turned away until it has ended."""
        return replace(self, trial=trial, retry_at=now + wait)

    def after_answer(self) -> "Circuit":
        """A database that answers at all is there, whoever was told."""
        return Circuit()

    def after_failure(
        self, trial: str, reason: str, now: datetime, *, limit: int, wait: timedelta
    ) -> "Circuit":
        """An attempt found no database.

        An attempt that began before this opened, or a trial that was given up for
        dead, says nothing new and does not make the others wait longer.

        Args:
            trial: under which it was let through, "" for an attempt like any other.
            reason: what it said.
            now: UTC.
            limit: failures in a row that open this.
            wait: how long the database is then left alone.
        """
        failures = self.failures + 1
        if self.opened_at is None and failures < limit:
            return Circuit(failures, reason)
        if self.opened_at is None or (trial and trial == self.trial):
            opened_at = self.opened_at or now
            return Circuit(failures, reason, opened_at, now + wait)
        return self

    def after_nothing(self, trial: str, now: datetime) -> "Circuit":
        """An attempt ended without a word about the database: the next may try."""
        if trial and trial == self.trial:
            return replace(self, trial="", retry_at=now)
        return self


@dataclass(frozen=True, slots=True)
class BreakerState:
    """A breaker at one moment, for people and programs.

    Attributes:
        database: which one, without its password.
        state: closed, open or half-open (somebody tries it at the moment).
        failures: attempts in a row that found no database.
        opened_at: since when it is left alone, UTC; None while closed.
        retry_at: when it is tried again, UTC; None while closed, and in the past where
            the next attempt is the one that tries.
        reason: what the last failed attempt said.
    """

    database: str
    state: State
    failures: int
    opened_at: datetime | None
    retry_at: datetime | None
    reason: str

    def __str__(self) -> str:
        """What it means and, in the words of the last attempt, what to do."""
        if self.opened_at is None or self.retry_at is None:
            return f"The database {self.database} may be asked."
        trying = " Somebody is trying it now." if self.state == "half-open" else ""
        # What to do is in the reason: every error of ours ends with its cure.
        attempts = amount(self.failures, "attempt")
        return (
            f"The database {self.database} is left alone since "
            f"{_moment(self.opened_at)}, after {attempts} in a row that "
            f"found it away. {AGAIN_AT} {_moment(self.retry_at)}."
            f"{trying} The last attempt said: {self.reason}"
        )


def _moment(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"
