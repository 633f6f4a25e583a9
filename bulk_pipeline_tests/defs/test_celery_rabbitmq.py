"""Laws of steps that wait in RabbitMQ, as far as they hold without one."""

import json
from types import SimpleNamespace
from typing import Any

import amqp
import kombu
import pytest
from celery import Celery

from bulk_pipeline.adapters.step_broker import celery_options, require_broker
from bulk_pipeline.core.errors import TransientError
from bulk_pipeline.defs import celery_steps
from bulk_pipeline.defs.celery_worker import SignsOfLife
from bulk_pipeline_tests.defs.test_celery import REDIS, SECRET, with_broker
from bulk_pipeline_tests.ports import free_port

RABBITMQ = f"amqp://user:{SECRET}@broker.example:5672//"


def test_rabbitmq_says_that_it_has_a_step_and_keeps_answers_when_it_stops() -> None:
    """What is lost on the way is waited for by its run for ever."""
    options = celery_options(with_broker(RABBITMQ))
    assert options["broker_transport_options"]["confirm_publish"]
    assert options["result_persistent"]
    assert options["broker_channel_error_retry"]
    assert options["worker_cancel_long_running_tasks_on_connection_loss"]
    assert options["broker_heartbeat"] == 60  # as long as a worker may be silent
    assert "confirm_publish" not in str(celery_options(with_broker(REDIS)))


def test_a_run_outlasts_a_rabbitmq_that_does_not_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It is started again or upgraded, and steps in work are answered after that."""
    url = f"amqp://user:{SECRET}@127.0.0.1:{free_port()}//"
    monkeypatch.setenv("BULK_PIPELINE_CELERY_BROKER", url)
    made = celery_steps._configuration({})
    assert SECRET not in json.dumps(made)
    with Celery(broker=url, backend=made["backend"]) as app:
        app.conf.broker_transport_options = {"max_retries": 1}
        assert not app.AsyncResult("step").ready()


def test_a_worker_on_rabbitmq_has_nothing_to_say_of_its_steps() -> None:
    """Its connection is the sign of life, and a channel of AMQP holds no dates."""
    channel = object.__new__(amqp.Channel)
    consumer = SimpleNamespace(task_consumer=SimpleNamespace(channel=channel))
    signs = SignsOfLife(consumer)
    signs.start(consumer)
    signs.stop(consumer)


@pytest.mark.parametrize("refusal", [amqp.AccessRefused, amqp.NotAllowed])
def test_a_broker_that_refuses_is_named_without_its_password(
    monkeypatch: pytest.MonkeyPatch, refusal: type[Exception]
) -> None:
    """A wrong password and a virtual host that is not there are what people mistype."""

    def refuse(*_given: Any, **_named: Any) -> None:
        """What RabbitMQ answers."""
        raise refusal(f"ACCESS_REFUSED {SECRET}")

    monkeypatch.setattr(kombu.Connection, "ensure_connection", refuse)
    with pytest.raises(TransientError, match=r"refuses.*user, password and virt") as e:
        require_broker(with_broker(RABBITMQ))
    assert SECRET not in str(e.value)
    assert e.value.__cause__ is None
