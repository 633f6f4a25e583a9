"""A pipeline whose steps are done by workers, each a process that can be killed."""

import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dagster as dg
import psutil
import pytest
import redis
import sqlalchemy as sa

from bulk_pipeline.adapters.settings import EXECUTOR_VARIABLE
from bulk_pipeline_tests.adapters.harness import ROOT
from bulk_pipeline_tests.cli.command import PROGRAM
from bulk_pipeline_tests.ports import free_port
from bulk_pipeline_tests.running_up import SETTINGS, Up

REDIS_VARIABLE = "BULK_PIPELINE_TEST_REDIS"
REDIS_CONFIG_VARIABLE = "BULK_PIPELINE_TEST_REDIS_CONFIG"
RABBITMQ_VARIABLE = "BULK_PIPELINE_TEST_RABBITMQ"
POSTGRES_VARIABLE = "BULK_PIPELINE_TEST_POSTGRES"
PATIENCE_SECONDS = 300
VISIBILITY_SECONDS = 10
SENT_ROWS = 10_000
"""Rows from which a batch of these tests is scored by workers without the home."""
DAGSTER_YAML = ROOT / "deploy/celery/dagster.yaml"
Kind = dg.DagsterEventType


@dataclass
class Cluster:
    """A running pipeline, its stores, and the workers that a test starts.

    Attributes:
        up: the started ``bulk-pipeline up``.
        environment: variables of it and of its workers.
        instance: Dagster's instance, as the test looks into it.
        broker: Redis; none where steps wait in RabbitMQ.
    """

    up: Up
    environment: Mapping[str, str]
    instance: dg.DagsterInstance
    broker: "redis.Redis | None" = None
    workers: list["subprocess.Popen[bytes]"] = field(default_factory=list)

    @contextmanager
    def worker(
        self, queues: str, *, inside: Sequence[str] = (), **variables: str
    ) -> Iterator["subprocess.Popen[bytes]"]:
        """A worker of some queues, one step at a time, killed in the end.

        Args:
            queues: names with commas between.
            inside: command that starts it elsewhere, such as in a namespace.
            variables: settings of this one; an empty one is taken away.
        """
        log = self.up.home.parent / f"worker-{queues}-{time.monotonic_ns()}.log"
        merged = {**self.environment, **variables}
        command = [sys.executable, "-c", PROGRAM, "worker", "--queues", queues]
        with log.open("wb") as output:
            process = subprocess.Popen(
                [*inside, *command, "--concurrency", "1"],
                env={name: value for name, value in merged.items() if value},
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            until(lambda: "Takes steps" in log.read_text() or process.poll())
            assert process.poll() is None, log.read_text()
            yield process
        finally:
            kill_all(process)

    def run_of(self, file: str) -> str:
        """Id of the latest run of a dropped file, once there is one."""
        found = dg.RunsFilter(job_name="batch_job")
        for run in self.instance.get_runs(found):
            if Path(file).stem in run.tags.get("dagster/partition", ""):
                return str(run.run_id)
        return ""

    def events(self, run_id: str, kind: dg.DagsterEventType) -> list[dg.DagsterEvent]:
        """Events of one kind of a run."""
        entries = self.instance.all_logs(run_id, of_type=kind)
        return [e.dagster_event for e in entries if e.dagster_event is not None]

    def begun(self, run_id: str, step: str) -> int:
        """How often steps whose name begins so were begun."""
        return sum(
            str(event.step_key).startswith(step)
            for event in self.events(run_id, Kind.STEP_START)
        )

    def takers(self, run_id: str, step: str) -> dict[str, list[str]]:
        """Step → names of the workers that took it, for steps that begin so."""
        found: dict[str, list[str]] = {}
        for event in self.events(run_id, Kind.ENGINE_EVENT):
            worker = event.engine_event_data.metadata.get("Celery worker")
            if worker is not None and str(event.step_key).startswith(step):
                found.setdefault(str(event.step_key), []).append(str(worker.value))
        return found

    def status(self, run_id: str) -> dg.DagsterRunStatus:
        """The status of a run."""
        run = self.instance.get_run_by_id(run_id)
        assert run is not None
        return run.status


def kill_all(process: "subprocess.Popen[bytes]") -> None:
    """Kill a process and whatever it has started, as a machine that loses power."""
    if process.poll() is None:
        family = psutil.Process(process.pid).children(recursive=True)
        os.killpg(process.pid, signal.SIGKILL)
        for child in family:
            if child.is_running():
                child.kill()
    process.wait()


def until(found: Callable[[], Any], seconds: float = PATIENCE_SECONDS) -> Any:
    """What a look finds, once it finds something.

    Raises:
        AssertionError: nothing in time.
    """
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if result := found():
            return result
        time.sleep(0.1)
    raise AssertionError("nothing was found in time")


@contextmanager
def fresh_database(url: sa.URL) -> Iterator[sa.URL]:
    """An empty database of the server, dropped in the end."""
    name = f"dagster_{secrets.token_hex(4)}"
    engine = sa.create_engine(
        url.set(drivername="postgresql+psycopg2"), isolation_level="AUTOCOMMIT"
    )
    with engine.connect() as connection:
        connection.execute(sa.text(f"CREATE DATABASE {name}"))
    yield url.set(database=name)
    with engine.connect() as connection:
        connection.execute(sa.text(f"DROP DATABASE {name} WITH (FORCE)"))
    engine.dispose()


def server(variable: str) -> str:
    """URL of a server for tests; the test is skipped where there is none."""
    if not os.environ.get(variable):
        pytest.skip(f"{variable} is not set; .ci/scale sets it")
    return os.environ[variable]


@contextmanager
def pipeline(folder: Path, broker: str, **variables: str) -> Iterator[Cluster]:
    """A running pipeline in a folder, without any worker.

    Args:
        folder: that is there.
        broker: URL of the server that its steps wait in.
        variables: settings of it and of its workers besides.
    """
    (folder / "exchange").mkdir()
    with fresh_database(sa.make_url(server(POSTGRES_VARIABLE))) as database:
        environment = environment_of(folder, database, broker) | variables
        with pytest.MonkeyPatch.context() as patch, running(folder, environment) as up:
            for name, value in environment.items():
                if name.startswith("DAGSTER_"):
                    patch.setenv(name, value)
            with dg.DagsterInstance.from_config(environment["DAGSTER_HOME"]) as seen:
                yield Cluster(up, environment, seen)


def environment_of(folder: Path, database: sa.URL, broker: str) -> dict[str, str]:
    """Variables of a pipeline in a folder, and of its workers."""
    dagster = folder / "dagster"
    dagster.mkdir()
    (dagster / "dagster.yaml").write_text(DAGSTER_YAML.read_text())
    kept = {n: v for n, v in os.environ.items() if n not in SETTINGS}
    return kept | {
        EXECUTOR_VARIABLE: "celery",
        "BULK_PIPELINE_CELERY_BROKER": broker,
        "BULK_PIPELINE_CELERY_VISIBILITY_SECONDS": str(VISIBILITY_SECONDS),
        "BULK_PIPELINE_HOME": str(folder / "home"),
        "BULK_PIPELINE_QUIET_SECONDS": "0.2",
        "BULK_PIPELINE_BATCH_FILES": "1",
        "BULK_PIPELINE_CHUNKS_URL": (folder / "exchange").as_uri(),
        "BULK_PIPELINE_CHUNKS_ROWS": str(SENT_ROWS),
        "ULTRA_BATCH_SIZE": "5000",
        "ULTRA_PARALLEL_WORKERS": "8",
        "DAGSTER_HOME": str(dagster),
        "DAGSTER_POSTGRES_HOST": str(database.host),
        "DAGSTER_POSTGRES_PORT": str(database.port),
        "DAGSTER_POSTGRES_USER": str(database.username),
        "DAGSTER_POSTGRES_PASSWORD": str(database.password),
        "DAGSTER_POSTGRES_DB": str(database.database),
        "PYTHONPATH": str(ROOT),
    }


@contextmanager
def running(folder: Path, environment: Mapping[str, str]) -> Iterator[Up]:
    """``bulk-pipeline up`` with these variables; nothing of it outlives the block."""
    log, port = folder / "up.log", free_port()
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, "up", "--port", str(port)],
            env=dict(environment),
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    found = Up(process, port, folder / "home", log)
    try:
        found.until(lambda: "Drop files into" in log.read_text())
        yield found
    finally:
        kill_all(process)
