"""Laws of stores that lose what they held: no run waits for ever, no row is gone."""

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
import redis
from celery import Celery
from kombu.simple import SimpleQueue

from bulk_pipeline.adapters import step_losses
from bulk_pipeline.adapters.settings import Settings
from bulk_pipeline.adapters.step_broker import celery_options
from bulk_pipeline.adapters.step_losses import LOOKS, Losses, kept
from bulk_pipeline_tests.builders import rows_of, write_csv
from bulk_pipeline_tests.scale.cluster import (
    REDIS_VARIABLE,
    Cluster,
    Kind,
    server,
    until,
)

pytestmark = pytest.mark.scale
Status = dg.DagsterRunStatus
STEP = "0c64a9d2-1f0a-4e0b-9d3c-2f7a3b1c5e88"
QUEUE = "score"


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch) -> Iterator[Celery]:
    """The asking side of an empty Redis of its own number, looked into at each turn."""
    url = f"{server(REDIS_VARIABLE).rpartition('/')[0]}/9"
    monkeypatch.setattr(step_losses, "LOOK_SECONDS", 0)
    with Celery(broker=url) as made:
        settings = Settings.from_environment({"BULK_PIPELINE_CELERY_BROKER": url})
        made.conf.update(celery_options(settings))
        with redis.Redis.from_url(url) as store:
            store.flushdb()
        yield made


@pytest.fixture
def queue(app: Celery) -> Iterator[SimpleQueue]:
    """The queue of that broker, with one step in it."""
    with app.connection_for_write() as connection:
        queue = connection.SimpleQueue(QUEUE)
        queue.put({}, serializer="json", headers={"id": STEP})
        yield queue
        queue.close()


def test_a_step_that_waits_or_is_in_hand_is_not_lost(
    app: Celery, queue: SimpleQueue
) -> None:
    """A run must wait as long as its steps do, be it for days."""
    losses = Losses()
    losses.add(STEP)
    assert kept(app, [STEP]) == {STEP}
    message = queue.get(timeout=10)
    assert kept(app, [STEP]) == {STEP}
    assert not any(losses.has(STEP, app) for _ in range(LOOKS + 1))
    message.ack()
    assert kept(app, [STEP]) == set()


def test_a_step_is_lost_when_it_was_missed_twice_and_not_before(
    app: Celery, queue: SimpleQueue
) -> None:
    """Between its queue and a worker's hand a step is in neither for a moment."""
    losses = Losses()
    losses.add(STEP)
    with redis.Redis.from_url(app.conf.broker_url) as store:
        held = store.lrange(QUEUE, 0, -1)
        store.delete(QUEUE)
        assert not losses.has(STEP, app)
        store.lpush(QUEUE, *held)
        assert not losses.has(STEP, app)
        store.flushdb()
    assert [losses.has(STEP, app) for _ in range(LOOKS)] == [False, True]


def test_a_redis_that_lost_everything_costs_an_attempt_and_no_row(
    cluster: Cluster, tmp_path: Path
) -> None:
    """It was emptied, or started without its data: the run would wait for ever."""
    file = write_csv(tmp_path / "emptied.csv", rows_of(["EMPTIED"], range(1990, 1999)))
    cluster.up.drop(file)
    run = str(until(lambda: cluster.run_of(file.name)))
    assert cluster.broker is not None
    until(lambda: cluster.broker.llen("read"))
    cluster.broker.flushdb()
    with cluster.worker("home,read,load"):
        until(lambda: cluster.status(run) is Status.FAILURE)
        until(lambda: cluster.up.batch_of(file.name))
    [failed] = cluster.events(run, Kind.STEP_FAILURE)
    assert "The broker has lost this step" in str(failed.message)
    assert cluster.begun(run, "") == 0
    [(rows, duplicates)] = cluster.up.query(
        "SELECT inserted, duplicates FROM uploads WHERE file_name = ?", file.name
    )
    assert (rows, duplicates) == (9, 0)
