"""The workers that take steps from a broker, asked through it."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from bulk_pipeline.adapters.settings import Settings
from bulk_pipeline.adapters.step_broker import (
    QUEUES,
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
        waiting: queue → steps in it; none of a broker that is not Redis.
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
        waiting = {}
        if urlsplit(broker_of(settings)).scheme in REDIS:
            with app.connection_for_read() as connection:
                client = connection.default_channel.client
                waiting = {queue: int(client.llen(queue)) for queue in QUEUES}
    queues = {
        name: tuple(str(queue["name"]) for queue in taken)
        for name, taken in heard.items()
    }
    return Workers(queues, waiting)
