"""A worker: takes steps from queues of a broker and does them, one process for each."""

import ctypes
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

from celery import Celery, Task, bootsteps, signals
from celery.utils.log import get_task_logger
from dagster_celery.config import dict_wrapper
from dagster_celery.make_app import make_app
from dagster_celery.tasks import create_task
from kombu.transport.redis import QoS as RedisQoS

from bulk_pipeline.adapters.settings import Settings
from bulk_pipeline.adapters.step_broker import (
    backend_of,
    broker_of,
    celery_options,
)
from bulk_pipeline.defs.celery_guard import answer_already

logger = get_task_logger(__name__)
SIGNS_OF_LIFE = 3
"""In each visibility timeout: two may be lost before a step counts as lost."""
STEPS_PER_PROCESS = 500
"""After so many a process is replaced by a fresh one, so that no leak lasts."""
PR_SET_PDEATHSIG = 1


def worker_app(settings: Settings) -> Celery:
    """The Celery app of a worker, with the one task that runs steps.

    Raises:
        ConfigurationError: no broker is set.
    """
    options = celery_options(settings)
    app: Celery = make_app(
        {
            "broker": broker_of(settings),
            "backend": backend_of(settings),
            "config_source": dict_wrapper(options),
        }
    )
    app.conf.worker_max_tasks_per_child = STEPS_PER_PROCESS
    app.conf.worker_redirect_stdouts = False  # Dagster's lines are lines of a log
    create_task(app, base=Step)
    app.steps["consumer"].add(SignsOfLife)
    return app


def work(
    app: Celery,
    queues: Sequence[str],
    concurrency: int,
    prepare: Callable[[], object],
) -> int:
    """Take steps until a signal; SIGTERM lets the steps in hand end first.

    Args:
        app: as ``worker_app`` makes it.
        queues: names of the queues that are listened to.
        concurrency: processes, each of which does one step at a time.
        prepare: called in each of them before its first step.

    Returns:
        The exit code; 0 where a signal has ended it.
    """
    parent, asked = os.getpid(), []

    def begin(**_sent: Any) -> None:
        _begin_process(parent, prepare)

    def note(**_sent: Any) -> None:
        asked.append(True)

    signals.worker_process_init.connect(begin)
    signals.worker_shutting_down.connect(note)
    worker = app.Worker(
        hostname=f"{'-'.join(queues)}-{parent}@{os.uname().nodename}",
        pool="prefork",
        concurrency=concurrency,
        queues=list(queues),
        loglevel="WARNING",
        quiet=True,
        without_gossip=True,  # nobody here asks what other workers do
        without_mingle=True,
    )
    try:
        worker.start()
    finally:
        signals.worker_process_init.disconnect(begin)
        signals.worker_shutting_down.disconnect(note)
    return 0 if asked else int(worker.exitcode or 0)


def _begin_process(parent: int, prepare: Callable[[], object]) -> None:
    """Make a process of the pool ready: it dies with its worker, and knows all steps.

    The definitions are imported here and not before the fork: polars has threads, and
    a fork takes their locks along as they are.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)
    prepare()


class Step(Task):  # type: ignore[misc]  # Celery has no types
    """Does a step, unless its run is over or the step is done.

    A broker gives a step to a second worker when it hears nothing of the first; the
    step may be done meanwhile, and the run of it may be over for hours.
    """

    abstract = True

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        again = bool((self.request.delivery_info or {}).get("redelivered"))
        packed = kwargs.get("execute_step_args_packed")
        answer = answer_already(packed, again=again)
        if answer is None:
            return self.run(*args, **kwargs)
        logger.warning("Step %s is not done again.", self.request.id)
        return answer


class SignsOfLife(bootsteps.StartStopStep):  # type: ignore[misc]  # Celery has no types
    """Tells Redis that the steps of this worker are in work.

    Redis knows no connection of a step's taker, so a step counts as lost when nobody
    has spoken of it for the visibility timeout: too soon for a long step where that
    is short, and too late for a dead worker where it is long.
    """

    requires = ("celery.worker.consumer.tasks:Tasks",)

    def __init__(self, parent: Any, **options: Any) -> None:
        super().__init__(parent, **options)
        self._timer: Any = None

    def start(self, parent: Any) -> None:
        """Begin with the connection of a consumer."""
        channel = parent.task_consumer.channel
        taken = getattr(channel, "qos", None)  # a channel of AMQP has none
        if isinstance(taken, RedisQoS):
            seconds = channel.visibility_timeout / SIGNS_OF_LIFE
            self._timer = parent.timer.call_repeatedly(seconds, _speak, (taken,))

    def stop(self, parent: Any) -> None:
        """End with it."""
        del parent
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def _speak(taken: RedisQoS) -> None:
    """Date the steps that were taken and have not ended to this moment."""
    tags = list(taken._delivered)  # noqa: SLF001  # no other list of them
    if not tags:
        return
    now = time.time()
    try:
        with taken.channel.conn_or_acquire() as client:
            # xx: a step that was given to another worker meanwhile is not ours again.
            client.zadd(taken.unacked_index_key, dict.fromkeys(tags, now), xx=True)
    except taken.channel.connection_errors as error:
        logger.warning("The broker does not answer: %s", type(error).__name__)
