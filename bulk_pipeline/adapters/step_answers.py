"""Answers of steps that come back through RabbitMQ, where it may be away."""

import logging
from typing import Any

from amqp.exceptions import AMQPError
from celery import states
from celery.backends.rpc import RPCBackend
from kombu.exceptions import OperationalError

logger = logging.getLogger(__name__)
MOST_AT_ONCE = 1000
"""Messages that one look takes off the queue of answers; Celery's own figure."""


class PatientAnswers(RPCBackend):  # type: ignore[misc]  # Celery has no types
    """Celery's answers by a queue of the asker, for an asker that looks again.

    Celery's own raise when the connection is lost at a look, and the run that looks
    fails, though its steps wait and are answered as before.
    """

    def get_task_meta(
        self, task_id: str, backlog_limit: int = MOST_AT_ONCE
    ) -> dict[str, Any]:
        """What is known of a step: nothing yet, where the broker does not answer."""
        try:
            found: dict[str, Any] = super().get_task_meta(task_id, backlog_limit)
        except (AMQPError, OperationalError, OSError) as error:
            logger.warning("The broker does not answer: %s", type(error).__name__)
            return {"status": states.PENDING, "result": None}
        return found
