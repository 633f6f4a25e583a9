"""The circuit breaker of a target database, shared by all processes of a home.

Its state is in the journal, since the memory of a run dies with the run. pybreaker was
tried with a storage of its own on that file and cannot keep the promise: its lock is
one of threads, and state, counter and time are read and written one by one, so that of
four processes that came when the wait was over, all four made the trial. Within one
process its lock is held during the guarded work: loads would wait for each other.
Here each decision is one transaction that holds the journal's write lock.
"""

import logging
import secrets
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from bulk_pipeline.adapters.journal import Journal
from bulk_pipeline.adapters.journal_breaker import changed, kept
from bulk_pipeline.core.breaker import BreakerState, Circuit
from bulk_pipeline.core.errors import (
    BulkPipelineError,
    DatabaseLeftAlone,
    DatabaseUnavailable,
)

logger = logging.getLogger(__name__)


class Breaker:
    """Keeps the attempts of a whole home away from a database that is not there.

    Args:
        journal: of the home.
        database: which one, without its password.
        failures: attempts in a row that find no database before it is left alone.
        seconds: how long it is left alone; also how long one trial has to report
            before it counts as dead and another one is let through.
    """

    def __init__(
        self, journal: Journal, database: str, failures: int, seconds: float
    ) -> None:
        self._journal = journal
        self._database = database
        self._failures = failures
        self._wait = timedelta(seconds=seconds)
        self._inside = threading.local()

    @contextmanager
    def guard(self) -> Iterator[None]:
        """Around one attempt at the database, on the thread that makes it.

        ``DatabaseUnavailable`` out of the block counts as a failure. The block's end
        and every other error of ours count as an answer of the database. Anything
        else (an interrupt, a lack of memory) says nothing about it. A guard within a
        guard of the same thread is part of the same attempt and does nothing.

        Raises:
            DatabaseLeftAlone: the database is left alone at the moment; says since
                when, why, until when and what to do. The block was not entered.
            BulkPipelineError: the journal stayed busy or cannot be opened.
        """
        if getattr(self._inside, "guarded", False):
            yield
            return
        trial = self._admitted()
        self._inside.guarded = True
        ended = _ended_in_silence(trial)
        try:
            yield
            ended = Circuit.after_answer
        except DatabaseUnavailable as error:
            ended = self._failed(trial, str(error))
            raise
        except BulkPipelineError:
            ended = Circuit.after_answer
            raise
        finally:
            self._inside.guarded = False
            changed(self._journal, self._database, ended)

    def state(self) -> BreakerState:
        """How it is at the moment; asks the journal and never the database."""
        return self._state(kept(self._journal, self._database), datetime.now(UTC))

    def _admitted(self) -> str:
        """Id of the trial that an attempt is; "" while it is one of many."""
        mine = secrets.token_hex(16)
        refusal: BreakerState | None = None

        def enter(circuit: Circuit) -> Circuit:
            nonlocal refusal
            now = datetime.now(UTC)
            if circuit.opened_at is None:
                return circuit
            if circuit.turns_away(now, self._wait):
                refusal = self._state(circuit, now)
                return circuit
            return circuit.tried_by(mine, now, self._wait)

        circuit = changed(self._journal, self._database, enter)
        if refusal is not None:
            raise DatabaseLeftAlone(str(refusal))
        return mine if circuit.trial == mine else ""

    def _failed(self, trial: str, reason: str) -> Callable[[Circuit], Circuit]:
        now = datetime.now(UTC)

        def fail(circuit: Circuit) -> Circuit:
            after = circuit.after_failure(
                trial, reason, now, limit=self._failures, wait=self._wait
            )
            if circuit.opened_at is None and after.opened_at is not None:
                logger.warning("%s", self._state(after, now))
            return after

        return fail

    def _state(self, circuit: Circuit, now: datetime) -> BreakerState:
        return BreakerState(
            self._database,
            circuit.state(now, self._wait),
            circuit.failures,
            circuit.opened_at,
            circuit.retry_at,
            circuit.reason,
        )


def _ended_in_silence(trial: str) -> Callable[[Circuit], Circuit]:
    return lambda circuit: circuit.after_nothing(trial, datetime.now(UTC))
