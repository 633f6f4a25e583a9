"""How steps wait in a broker: what its users must agree on, and whether it answers."""

from typing import Any
from urllib.parse import urlsplit

from bulk_pipeline.adapters.scale_settings import BROKER_VARIABLE
from bulk_pipeline.adapters.settings import Settings
from bulk_pipeline.core.errors import ConfigurationError, TransientError

QUEUES = ("home", "read", "score", "load")
"""Every queue that a step of ours waits in."""
DEFAULT_QUEUE = QUEUES[0]
REDIS = ("redis", "rediss")
RABBITMQ = ("amqp", "amqps", "pyamqp")
EXAMPLES = "redis://:PASSWORD@HOST:6379/0 or amqp://USER:PASSWORD@HOST:5672//"
ANSWERS_KEPT_SECONDS = 3600
"""A run looks every second, and its answers are some 200 kB."""
PATIENCE_SECONDS = 5


def broker_of(settings: Settings) -> str:
    """URL of the broker, password and all: for whoever connects, and for nobody's eyes.

    Raises:
        ConfigurationError: none is set.
    """
    if settings.celery_broker is None:
        raise ConfigurationError(
            f"{BROKER_VARIABLE} is not set. Set it to the URL of the broker, such as "
            f"{EXAMPLES}."
        )
    return settings.celery_broker.get_secret_value()


def backend_of(settings: Settings) -> str:
    """URL of the store that workers answer in: the broker, unless another is set.

    Raises:
        ConfigurationError: neither is set.
    """
    if settings.celery_backend is not None:
        return settings.celery_backend.get_secret_value()
    broker = broker_of(settings)
    return broker if urlsplit(broker).scheme in REDIS else "rpc://"


def shown_broker(settings: Settings) -> str:
    """Where the broker is, for people: without user, password and query."""
    parts = urlsplit(broker_of(settings))
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def celery_options(settings: Settings) -> dict[str, Any]:
    """Options of Celery that the asking and the working side share; no secret in them.

    A step is taken off the queue when it has ended, so that a dead worker's comes back:
    at once where the process of the step died, after the visibility timeout where its
    whole machine did, or under Redis its worker. Only JSON is read: a pickle of a
    stranger would be a program.
    """
    return {
        "task_default_queue": DEFAULT_QUEUE,
        "task_acks_late": True,
        "task_reject_on_worker_lost": True,
        "worker_prefetch_multiplier": 1,
        "task_serializer": "json",
        "result_serializer": "json",
        "accept_content": ["json"],
        "result_accept_content": ["json"],
        "result_expires": ANSWERS_KEPT_SECONDS,
        # Without it a run fails when the store is away at the second it is looked into.
        "result_backend_always_retry": True,
        "broker_connection_retry_on_startup": True,
        "broker_connection_max_retries": None,
        # A worker imports the definitions in each of its processes before the first
        # step; by default one that takes more than four seconds is given up.
        "worker_proc_alive_timeout": 180,
        "broker_transport_options": _transport_options(settings),
        **_options_of_rabbitmq(settings),
    }


def _options_of_rabbitmq(settings: Settings) -> dict[str, Any]:
    if urlsplit(broker_of(settings)).scheme not in RABBITMQ:
        return {}
    return {
        # It closes the channel of a step that is longer in work than its
        # consumer_timeout. By default a worker ends then; it comes again instead.
        "broker_channel_error_retry": True,
        # It hands out the steps of a lost connection at once. One that went on as well
        # would write its chunks over what later steps have made of the other's.
        "worker_cancel_long_running_tasks_on_connection_loss": True,
        "result_persistent": True,  # answers outlast its restart
        # A machine that is gone without a word; a process that dies is noticed at once.
        "broker_heartbeat": settings.celery_visibility_seconds,
    }


def _transport_options(settings: Settings) -> dict[str, Any]:
    options: dict[str, Any] = {
        # Asking for a step is tried again for about a minute.
        "max_retries": 30,
        "interval_start": 0,
        "interval_step": 0.5,
        "interval_max": 2,
    }
    if urlsplit(broker_of(settings)).scheme in REDIS:
        options |= {
            "priority_steps": [0],  # one list a queue: its length is what waits
            "visibility_timeout": settings.celery_visibility_seconds,
            "unacked_restore_interval": 5,
            "unacked_restore_throttle": 1,
            # Held by the worker that looks for lost steps, and by nobody if that dies.
            "unacked_mutex_expire": 30,
            "socket_keepalive": True,
            "queue_order_strategy": "round_robin",
        }
    elif urlsplit(broker_of(settings)).scheme in RABBITMQ:
        # RabbitMQ says that it has a step; without that, one that is on its way when it
        # stops is lost, and its run waits for ever.
        options |= {"confirm_publish": True}
    return options


def require_broker(settings: Settings) -> None:
    """Ask the broker for anything.

    Raises:
        ConfigurationError: none is set, or its URL cannot be read.
        TransientError: it does not answer; says where, never with which password.
    """
    from amqp.exceptions import AMQPError  # noqa: PLC0415  # an extra; see executors.py
    from kombu import Connection  # noqa: PLC0415
    from kombu.exceptions import OperationalError  # noqa: PLC0415

    shown = shown_broker(settings)
    try:
        with Connection(
            broker_of(settings), connect_timeout=PATIENCE_SECONDS
        ) as connection:
            connection.ensure_connection(max_retries=1, timeout=PATIENCE_SECONDS)
            connection.default_channel  # noqa: B018  # Redis connects on first use
    except (OperationalError, OSError) as error:
        raise TransientError(
            f"The broker {shown} does not answer ({type(error).__name__}). Start it, "
            f"or correct host, port and password in {BROKER_VARIABLE}."
        ) from None
    except AMQPError as error:
        raise TransientError(
            f"The broker {shown} refuses the connection ({type(error).__name__}). "
            f"Correct user, password and virtual host in {BROKER_VARIABLE}."
        ) from None
    except (KeyError, ValueError) as error:
        raise ConfigurationError(
            f"{BROKER_VARIABLE} cannot be used ({type(error).__name__}). Write it like "
            f"{EXAMPLES}."
        ) from None
