"""The asking side of Celery: a run waits for a step as long as it can come."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import dagster as dg
from celery.exceptions import TaskRevokedError
from celery.result import AsyncResult
from dagster._core.execution.plan.objects import (  # what a failed step says
    StepFailureData,
    UserFailureData,
)
from dagster._core.execution.retries import RetryMode
from dagster._serdes import serialize_value
from dagster_celery.core_execution_loop import core_celery_execution_loop
from dagster_celery.executor import CELERY_CONFIG, CeleryExecutor, _submit_task

from bulk_pipeline.adapters.step_broker import REDIS
from bulk_pipeline.adapters.step_losses import Losses
from bulk_pipeline.defs.failures import FOR_GOOD

LOST = (
    "The broker has lost this step: it neither waits nor is in work or answered. "
    "Redis was emptied, began without its data, or gave the step to a machine that was "
    "gone. A batch is tried again by itself. To keep this rare, give Redis appendonly "
    "yes, maxmemory-policy noeviction and a disk that lasts."
)


@dataclass
class AskedStep:
    """The answer of a step to come, as Dagster's loop asks for it once a second.

    Attributes:
        answer: Celery's own.
        losses: where the steps of this run are looked for.
        fail: enters the failure of a lost step, and is its events.
    """

    answer: AsyncResult
    losses: Losses
    fail: Callable[[], list[str]]
    _revoked: bool = False

    def ready(self) -> bool:
        """Whether ``get`` does not have to wait, since nothing else will come."""
        return bool(self.answer.ready()) or self.losses.has(
            self.answer.id, self.answer.app
        )

    def get(self) -> Any:
        """Events of the step: its failure, where it is lost.

        Raises:
            TaskRevokedError: it was taken back.
            Exception: what its worker raised.
        """
        self.losses.drop(self.answer.id)
        if self.answer.ready():
            return self.answer.get()
        if self._revoked:
            raise TaskRevokedError
        return self.fail()

    def revoke(self) -> None:
        """Take the step back, where no worker has begun it."""
        self._revoked = True
        self.answer.revoke()


class AskingExecutor(CeleryExecutor):  # type: ignore[misc]  # Celery has no types
    """Dagster's executor over Celery, in whose runs a step that Redis has lost fails.

    Without this such a run waits for ever, and its batch with it.
    """

    def execute(self, plan_context: Any, execution_plan: Any) -> Any:
        """Events of a run whose steps workers do."""
        losses = Losses()

        def ask(app: Any, context: Any, step: Any, *how: Any) -> Any:
            answer = _submit_task(app, context, step, *how)
            if urlsplit(self.broker).scheme not in REDIS:
                return answer
            losses.add(answer.id)
            return AskedStep(answer, losses, lambda: [_lost(context.for_step(step))])

        return core_celery_execution_loop(
            plan_context, execution_plan, step_execution_fn=ask
        )


def _lost(step: Any) -> str:
    """The failure of a lost step, entered into its run; the sensor tries again."""
    # They have no types.
    metadata = {FOR_GOOD: dg.MetadataValue.bool(False)}
    said = UserFailureData("lost-step", LOST, metadata)  # type: ignore[no-untyped-call]
    failure = StepFailureData(None, said)  # type: ignore[no-untyped-call]
    return serialize_value(dg.DagsterEvent.step_failure_event(step, failure, LOST))


@dg.executor(
    name="celery",
    config_schema=CELERY_CONFIG,
    requirements=dg.multiple_process_executor_requirements(),
)
def asking_executor(context: dg.InitExecutorContext) -> AskingExecutor:
    """As ``celery_executor`` of dagster-celery, whose configuration it takes."""
    given: Any = context.executor_config
    return AskingExecutor(
        retries=RetryMode.from_config(given["retries"]),
        broker=given.get("broker"),
        backend=given.get("backend"),
        include=given.get("include"),
        config_source=given.get("config_source"),
    )
