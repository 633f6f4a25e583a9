"""Laws of steps that a worker holds: as long as it lives, and not a moment longer."""

import os
import time
from collections.abc import Iterator
from contextlib import closing

import kombu
import pytest
from kombu.transport.redis import Channel

from bulk_pipeline.adapters.settings import Settings
from bulk_pipeline.adapters.step_broker import celery_options
from bulk_pipeline.defs.celery_worker import _speak
from bulk_pipeline_tests.scale.cluster import REDIS_VARIABLE

pytestmark = pytest.mark.scale
QUEUE = "signs_of_life"
LONG_AGO = 3600


@pytest.fixture
def taken() -> Iterator[tuple[Channel, str]]:
    """A channel that has taken a step an hour ago, and the step's tag."""
    url = os.environ.get(REDIS_VARIABLE)
    if not url:
        pytest.skip(f"{REDIS_VARIABLE} is not set; .ci/scale")
    settings = Settings.from_environment({"BULK_PIPELINE_CELERY_BROKER": url})
    options = celery_options(settings)["broker_transport_options"]
    with kombu.Connection(url, transport_options=options) as connection:
        channel = connection.channel()
        with closing(connection.SimpleQueue(QUEUE, channel=channel)) as queue:
            queue.clear()
            queue.put({"step": 1}, serializer="json")
            message = queue.get(timeout=10)
            tag = message.delivery_tag
            then = time.time() - LONG_AGO
            channel.client.zadd(channel.unacked_index_key, {tag: then})
            yield channel, tag
            message.ack()


def test_a_step_of_a_worker_that_speaks_is_given_to_nobody_else(
    taken: tuple[Channel, str],
) -> None:
    """A load of an hour would be begun by another worker every minute."""
    channel, tag = taken
    _speak(channel.qos)
    channel.qos.restore_visible(interval=1)
    assert channel.client.zscore(channel.unacked_index_key, tag) is not None
    assert channel.client.llen(QUEUE) == 0


def test_a_step_of_a_worker_that_is_silent_comes_back(
    taken: tuple[Channel, str],
) -> None:
    """Its machine is gone, and nobody else knows what it had."""
    channel, tag = taken
    channel.qos.restore_visible(interval=1)
    assert channel.client.zscore(channel.unacked_index_key, tag) is None
    assert channel.client.llen(QUEUE) == 1


def test_a_worker_that_was_silent_for_too_long_has_lost_its_step(
    taken: tuple[Channel, str],
) -> None:
    """Claimed again, it would be handed out a third time after the second one's end."""
    channel, tag = taken
    channel.qos.restore_visible(interval=1)
    _speak(channel.qos)
    assert channel.client.zscore(channel.unacked_index_key, tag) is None
