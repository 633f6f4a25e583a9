"""Laws of what is killed: a step, a worker, a run, the broker; the file is loaded."""

import contextlib
import os
import sqlite3
import subprocess
from pathlib import Path

import dagster as dg
import psutil
import pytest
import redis

from bulk_pipeline_tests.builders import rows_of, write_csv
from bulk_pipeline_tests.scale.cluster import (
    REDIS_CONFIG_VARIABLE,
    Cluster,
    Kind,
    kill_all,
    until,
)

pytestmark = pytest.mark.scale
Status = dg.DagsterRunStatus
TERMINATE = """
mutation($run: String!) {
  terminateRun(runId: $run) { __typename }
}
"""


def few_rows(folder: Path, name: str) -> Path:
    """A file of one company of its own, so that its rows are new."""
    return write_csv(
        folder / name, rows_of([Path(name).stem.upper()], range(1990, 1999))
    )


def stored(cluster: Cluster, file: str) -> int:
    """Rows that an upload of a file stored."""
    [(count,)] = cluster.up.query(
        "SELECT count(*) FROM annual_predictions p JOIN uploads u ON u.id = p.upload_id"
        " WHERE u.file_name = ?",
        file,
    )
    return int(count)


def state(cluster: Cluster, file: str) -> str:
    """What the journal says of an upload."""
    return dict(journal(cluster)).get(file, "")


def journal(cluster: Cluster) -> list[tuple[str, str]]:
    """File and state of each upload."""
    with contextlib.closing(sqlite3.connect(cluster.up.home / "journal.db")) as opened:
        return opened.execute("SELECT file, state FROM uploads").fetchall()


def test_a_worker_killed_after_its_commit_costs_a_few_seconds_and_no_row(
    cluster: Cluster, tmp_path: Path
) -> None:
    """The load is done again by another worker, and must not store or count twice."""
    file = few_rows(tmp_path, "committed.csv")
    with cluster.worker("home,read"):
        with cluster.worker("load", BULK_PIPELINE_CRASH_AT="committed") as doomed:
            cluster.up.drop(file)
            run = str(until(lambda: cluster.run_of(file.name)))
            until(lambda: stored(cluster, file.name))
            kill_all(doomed)
        with cluster.worker("load"):
            until(lambda: cluster.status(run) is Status.SUCCESS)
    assert cluster.begun(run, "annual_predictions") >= 2
    assert stored(cluster, file.name) == 9
    assert state(cluster, file.name) == "loaded"
    [(inserted, duplicates)] = cluster.up.query(
        "SELECT inserted, duplicates FROM uploads WHERE file_name = ?", file.name
    )
    assert (inserted, duplicates) == (9, 0)


@pytest.mark.slow  # minutes of restarts; test_celery.py holds the law itself
def test_a_step_that_kills_its_process_each_time_ends_its_run_and_names_the_cause(
    cluster: Cluster, tmp_path: Path
) -> None:
    """Given out for ever, it would keep a worker from all others."""
    file = few_rows(tmp_path, "deadly.csv")
    with cluster.worker("read", BULK_PIPELINE_CRASH_AT="chunks written"):
        cluster.up.drop(file)
        run = str(until(lambda: cluster.run_of(file.name)))
        until(lambda: cluster.status(run) is Status.FAILURE)
    [failed] = cluster.events(run, Kind.RUN_FAILURE)
    error = failed.job_failure_data.error
    assert error is not None
    assert "was begun 3 times and its process died each time" in error.to_string()
    with cluster.worker("home,read,load"):
        until(lambda: state(cluster, file.name) == "loaded")
    assert stored(cluster, file.name) == 9


def test_steps_of_a_run_whose_process_was_killed_are_not_done_any_more(
    cluster: Cluster, tmp_path: Path
) -> None:
    """The next attempt is at work by then, and they would undo what it does."""
    file = few_rows(tmp_path, "orphan.csv")
    cluster.up.drop(file)
    run = str(until(lambda: cluster.run_of(file.name)))
    until(lambda: cluster.broker.llen("read"))
    process_of(cluster, run).kill()
    until(lambda: cluster.status(run) is Status.FAILURE)
    again = str(until(lambda: other_run(cluster, file.name, run)))
    until(lambda: cluster.broker.llen("read") == 2)
    with cluster.worker("home,read,load"):
        until(lambda: cluster.status(again) is Status.SUCCESS)

    assert cluster.begun(run, "") == 0
    assert stored(cluster, file.name) == 9


def test_a_run_that_is_cancelled_while_its_step_waits_ends_with_its_batch(
    cluster: Cluster, tmp_path: Path
) -> None:
    """Whoever cancels wants the file not loaded, and to see that it will not be."""
    file = few_rows(tmp_path, "cancelled.csv")
    cluster.up.drop(file)
    run = str(until(lambda: cluster.run_of(file.name)))
    until(lambda: cluster.broker.llen("read"))
    with cluster.worker("home,load"):  # what hears of it
        cluster.up.ask(TERMINATE, run=run)
        until(lambda: cluster.status(run) is Status.CANCELING)
        with cluster.worker("read"):
            until(lambda: cluster.status(run) is Status.CANCELED)
        until(lambda: state(cluster, file.name) == "failed")

    assert cluster.begun(run, "") == 0
    assert stored(cluster, file.name) == 0


def test_six_files_are_six_runs_and_a_broker_that_starts_again_loses_none(
    cluster: Cluster, tmp_path: Path
) -> None:
    """Redis is upgraded while people drop files."""
    files = [few_rows(tmp_path, f"many{number}.csv") for number in range(6)]
    with cluster.worker("home,read,load"), cluster.worker("home,read,load"):
        cluster.up.drop(*files)
        until(lambda: any(stored(cluster, file.name) for file in files))
        restart(cluster.broker)
        for file in files:
            until(lambda name=file.name: state(cluster, name) == "loaded")
    assert [stored(cluster, file.name) for file in files] == [9] * 6


def restart(broker: "redis.Redis") -> None:
    """End Redis as its upgrade does, and start it again on what it has kept."""
    with contextlib.suppress(redis.ConnectionError):
        broker.shutdown()
    subprocess.run(["redis-server", os.environ[REDIS_CONFIG_VARIABLE]], check=True)  # noqa: S607
    until(lambda: answers(broker))


def answers(broker: "redis.Redis") -> bool:
    """Whether Redis is up."""
    try:
        return bool(broker.ping())
    except redis.ConnectionError:
        return False


def process_of(cluster: Cluster, run: str) -> psutil.Process:
    """The process of a run, which asks for its steps."""

    def found() -> int:
        """Its id, 0 before it is known."""
        for event in cluster.events(run, Kind.ENGINE_EVENT):
            if value := event.engine_event_data.metadata.get("pid"):
                return int(str(value.value))
        return 0

    return psutil.Process(until(found))


def other_run(cluster: Cluster, file: str, run: str) -> str:
    """Id of a later run of a file, "" before."""
    newest = cluster.run_of(file)
    return newest if newest != run else ""
