"""Whether a step that a broker hands out is to be done at all."""

from collections.abc import Sequence
from typing import Any

import dagster as dg
from dagster._grpc.types import ExecuteStepArgs  # what the message of a step holds
from dagster._serdes import serialize_value, unpack_value

from bulk_pipeline.core.errors import PermanentError

Kind = dg.DagsterEventType
MOST_BEGINNINGS = 3
"""A step that its process did not survive so often is what kills it."""
ENDS = (Kind.STEP_SUCCESS, Kind.STEP_FAILURE)


def answer_already(packed: Any, *, again: bool) -> list[str] | None:
    """What a worker answers at once; None where it has to do the step.

    Args:
        packed: arguments of the step as the message holds them.
        again: whether the broker handed the step out before.

    Returns:
        Events of the step, where it ended before and only its answer was lost; none,
        where its run is over and nobody waits for an answer, or is being cancelled: a
        worker that came after that has not heard that the step was taken back.

    Raises:
        PermanentError: the step was begun several times and never ended.
    """
    arguments = unpack_value(packed, as_type=ExecuteStepArgs)
    if arguments.instance_ref is None:
        return None
    with dg.DagsterInstance.from_ref(arguments.instance_ref) as instance:
        run = instance.get_run_by_id(arguments.run_id)
        if run is None or run.is_finished:
            return []
        answer = None
        if again:
            [step] = arguments.step_keys_to_execute or [""]
            answer = _answer(step, _events(instance, run.run_id, step))
        stopping = run.status is dg.DagsterRunStatus.CANCELING
        return [] if answer is None and stopping else answer


def _events(
    instance: dg.DagsterInstance, run_id: str, step: str
) -> Sequence[dg.DagsterEvent]:
    entries = instance.all_logs(run_id)
    found = [e.dagster_event for e in entries if e.step_key == step]
    return [event for event in found if event is not None]


def _answer(step: str, events: Sequence[dg.DagsterEvent]) -> list[str] | None:
    begun = [n for n, e in enumerate(events) if e.event_type is Kind.STEP_START]
    if not begun:
        return None
    last = events[begun[-1] :]
    for number, event in enumerate(last):
        if event.event_type in ENDS:
            return [serialize_value(e) for e in last[: number + 1]]
    if len(begun) >= MOST_BEGINNINGS:
        raise PermanentError(
            f"Step {step} was begun {len(begun)} times and its process died each time. "
            "Look for the cause in the log of the machine: most often it is memory. "
            "Give its workers more, or a lower --concurrency or ULTRA_BATCH_SIZE."
        )
    return None
