"""Our errors as Dagster's: what is retried, what is shown, what the journal says."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

import dagster as dg

from bulk_pipeline.adapters.disk_space import room_needed
from bulk_pipeline.adapters.installation import Installation
from bulk_pipeline.adapters.moving import put_away
from bulk_pipeline.core.errors import BulkPipelineError, TransientError
from bulk_pipeline.core.wording import tried_once
from bulk_pipeline.defs.resources import InstallationResource

FOR_GOOD = "bulk_pipeline/for_good"
"""Metadata of a failure that no journal knows of: whether trying again is in vain."""


_ASKED_ONCE: ContextVar[bool] = ContextVar("asked_once", default=False)


@contextmanager
def asked_once() -> Iterator[None]:
    """Let no message of the block promise that a failed batch is tried again.

    For a process that runs a batch itself and gives it up when the run fails.
    """
    token = _ASKED_ONCE.set(True)
    try:
        yield
    finally:
        _ASKED_ONCE.reset(token)


@contextmanager
def reported(installation: Installation, batch: str) -> Iterator[None]:
    """Enter one of our errors into the journal and fail the step with its message.

    A transient error leaves the batch waiting and may be retried; any other one ends
    it, and no retry policy of a deployment tries again.

    Raises:
        dg.Failure: with the message of the error.
    """
    try:
        with room_needed(installation.home.root):
            yield
    except TransientError as error:
        installation.journal.stop(batch, "waiting", _said(error))
        raise dg.Failure(_said(error)) from error
    except BulkPipelineError as error:
        installation.journal.stop(batch, "failed", str(error))
        put_away(installation, batch)
        raise dg.Failure(str(error), allow_retries=False) from error


@contextmanager
def explained() -> Iterator[None]:
    """Fail the step with the message of one of our errors; for work of no batch.

    Raises:
        dg.Failure: with the message; a retry policy heeds only transient errors.
    """
    try:
        yield
    except BulkPipelineError as error:
        may_pass = isinstance(error, TransientError)
        raise dg.Failure(str(error), allow_retries=may_pass) from error


@contextmanager
def told_in_events() -> Iterator[None]:
    """Fail a step of a machine that has no journal, so that the home can enter it.

    Raises:
        dg.Failure: with the message, and by its metadata whether it is for good; the
            sensor reads it by ``told_by``.
    """
    try:
        yield
    except BulkPipelineError as error:
        for_good = not isinstance(error, TransientError)
        raise dg.Failure(
            str(error), metadata={FOR_GOOD: for_good}, allow_retries=not for_good
        ) from error


@dataclass(frozen=True, slots=True)
class Told:
    """Why a step failed on a machine that has no journal.

    Attributes:
        message: of our error.
        for_good: whether another attempt would fail alike.
    """

    message: str
    for_good: bool


def told_by(instance: dg.DagsterInstance, run_id: str) -> Told | None:
    """What a failed run's steps say by ``told_in_events``; one for good goes first."""
    failures = instance.get_records_for_run(
        run_id, of_type=dg.DagsterEventType.STEP_FAILURE
    )
    found = []
    for record in failures.records:
        event = record.event_log_entry.dagster_event
        ours = event.step_failure_data.user_failure_data if event else None
        mark = ours.metadata.get(FOR_GOOD) if ours else None
        if ours and mark:
            found.append(Told(ours.description or "", bool(mark.value)))
    return max(found, key=lambda told: told.for_good, default=None)


@contextmanager
def working_on(
    resource: InstallationResource, batch: str, run_id: str
) -> Iterator[Installation]:
    """Hold a batch for this run and report our errors of the block.

    Yields:
        The installation.

    Raises:
        dg.Failure: as ``reported``; also where another run holds the batch.
    """
    installation = resource.installation
    try:
        resource.hold(batch, run_id)
    except TransientError as error:
        raise dg.Failure(_said(error)) from error
    with reported(installation, batch):
        yield installation


def _said(error: TransientError) -> str:
    return tried_once(str(error)) if _ASKED_ONCE.get() else str(error)
