"""The workers that take steps from a broker, asked through it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from bulk_pipeline.adapters.settings import Settings
from bulk_pipeline.adapters.step_broker import (
    QUEUES,
    RABBITMQ,
    REDIS,
    backend_of,
    broker_of,
    celery_options,
    require_broker,
)

ANSWER_SECONDS = 2.0
"""A worker answers within milliseconds, also while it does a step."""


@dataclass(frozen=True, slots=True)
class Workers:
    """Who takes steps, and what waits.

    Attributes:
        queues: worker → the queues it takes steps from; its name ends in ``@HOST``.
        waiting: queue → steps in it; none where the broker has another way to count.
    """

    queues: Mapping[str, tuple[str, ...]]
    waiting: Mapping[str, int]


def workers(settings: Settings) -> Workers:
    """Ask every worker of the broker, and count what waits.

    Raises:
        BulkPipelineError: the broker does not answer.
    """
    require_broker(settings)
    from celery import Celery  # noqa: PLC0415  # an extra

    with Celery(broker=broker_of(settings), backend=backend_of(settings)) as app:
        app.conf.update(celery_options(settings))
        heard = app.control.inspect(timeout=ANSWER_SECONDS).active_queues() or {}
        waiting: dict[str, int] = {}
        if count := COUNTS.get(urlsplit(broker_of(settings)).scheme):
            with app.connection_for_read() as connection:
                waiting = {queue: count(connection, queue) for queue in QUEUES}
    queues = {
        name: tuple(str(queue["name"]) for queue in taken)
        for name, taken in heard.items()
    }
    return Workers(queues, waiting)


def _in_redis(connection: Any, queue: str) -> int:
    return int(connection.default_channel.client.llen(queue))


def _in_rabbitmq(connection: Any, queue: str) -> int:
    from amqp.exceptions import NotFound  # noqa: PLC0415  # an extra

    channel = connection.channel()
    try:
        # passive: asks for the queue and makes none
        found = int(channel.queue_declare(queue, passive=True).message_count)
    except NotFound:  # no step was ever in it; RabbitMQ has closed the channel
        return 0
    channel.close()
    return found


COUNTS: Mapping[str, Callable[[Any, str], int]] = {
    **dict.fromkeys(REDIS, _in_redis),
    **dict.fromkeys(RABBITMQ, _in_rabbitmq),
}
"""Scheme of the broker's URL → how the steps that wait in a queue are counted."""
