"""The watched folder under a clock of its own; shared by the tests of its laws."""

import sqlite3
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import dagster as dg
import pytest
from dagster._core.remote_origin import (  # a queued run must have one
    RegisteredCodeLocationOrigin,
    RemoteJobOrigin,
    RemoteRepositoryOrigin,
)

from bulk_pipeline.adapters import intake, tick
from bulk_pipeline.defs.resources import InstallationResource
from bulk_pipeline.defs.uploads import sensor
from bulk_pipeline.defs.uploads.sensor import inbox_sensor
from bulk_pipeline_tests.builders import rows_of, write_csv
from bulk_pipeline_tests.defs.batch_runs import QUIET, Runner

QUIET_SECONDS = 5.0
QUEUED = dg.DagsterRunStatus.QUEUED
ORIGIN = RemoteJobOrigin(
    RemoteRepositoryOrigin(
        RegisteredCodeLocationOrigin("bulk_pipeline"), "__repository__"
    ),
    "batch_job",
)
NO_TABLE = b"\x00\x01\x02 no table \xff"


@dataclass
class Watch:
    """The sensor over a real home and instance, and a clock that can be put forward."""

    runner: Runner
    ahead: float = 0.0

    @property
    def root(self) -> Path:
        """The home."""
        return self.runner.installation.home.root

    @property
    def inbox(self) -> Path:
        """Where files are dropped."""
        return self.runner.installation.home.inbox

    def drop(
        self, name: str, *symbols: str, content: bytes = b"", year: int = 2001
    ) -> Path:
        """A file in the inbox: a good row for each symbol, or these bytes."""
        path = self.inbox / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if content:
            path.write_bytes(content)
        else:
            write_csv(path, rows_of(symbols or ("AA",), [year]))
        return path

    def later(self, seconds: float = QUIET_SECONDS + 1) -> None:
        """Put the clock of the ticks forward."""
        self.ahead += seconds

    def now(self) -> datetime:
        """What the clock of the ticks shows."""
        return datetime.now(UTC) + timedelta(seconds=self.ahead)

    def look(self) -> dg.SensorResult | dg.SkipReason:
        """One tick, as the daemon evaluates it."""
        with dg.build_sensor_context(
            instance=self.runner.instance,
            resources={"installation": InstallationResource()},
        ) as context:
            answer: Any = inbox_sensor(context)
        return answer

    def asked(self) -> Sequence[dg.RunRequest]:
        """The requests of one tick."""
        answer = self.look()
        assert isinstance(answer, dg.SensorResult)
        return answer.run_requests or ()

    def keys(self) -> list[str]:
        """The run keys of one tick, whose answer is then thrown away."""
        return [str(request.run_key) for request in self.asked()]

    def run(self, request: dg.RunRequest) -> dg.ExecuteInProcessResult:
        """Do what the daemon does with a request."""
        key = str(request.partition_key)
        self.runner.instance.add_dynamic_partitions("batches", [key])
        job = self.runner.definitions.resolve_job_def("batch_job")
        return job.execute_in_process(
            instance=self.runner.instance,
            partition_key=key,
            run_config=QUIET,
            tags={**request.tags, "dagster/run_key": str(request.run_key)},
            raise_on_error=False,
        )

    def take(self) -> list[dg.ExecuteInProcessResult]:
        """Wait until what was dropped is quiet, tick, and run what is asked for."""
        self.later()
        return [self.run(request) for request in self.asked()]

    def spent(
        self, request: dg.RunRequest, status: dg.DagsterRunStatus
    ) -> dg.DagsterRun:
        """A run of a request that got this far, and no process behind it."""
        return self.runner.instance.create_run_for_job(
            self.runner.definitions.resolve_job_def("batch_job"),
            tags={**request.tags, "dagster/run_key": str(request.run_key)},
            status=status,
            remote_job_origin=ORIGIN if status is QUEUED else None,
        )

    def states(self) -> dict[str, str]:
        """File name → state, of all uploads."""
        return {u.file: u.state for u in self.runner.installation.journal.uploads()}

    def names(self, request: dg.RunRequest) -> list[str]:
        """Names of the files of a batch, in their order."""
        uploads = self.runner.installation.journal.uploads(
            batch=str(request.partition_key)
        )
        return [upload.file for upload in uploads]

    def stored(self) -> int:
        """Rows in the table of predictions."""
        with sqlite3.connect(self.root / "bulk_pipeline.db") as database:
            found = database.execute("SELECT count(*) FROM annual_predictions")
            return int(found.fetchone()[0])


def watched(runner: Runner, monkeypatch: pytest.MonkeyPatch) -> Watch:
    """A watched inbox; files are quiet after five seconds of its own clock."""
    monkeypatch.setenv("BULK_PIPELINE_QUIET_SECONDS", str(QUIET_SECONDS))
    made = Watch(runner)
    clock = SimpleNamespace(
        time=lambda: time.time() + made.ahead,
        time_ns=lambda: time.time_ns() + int(made.ahead * 1e9),
    )
    monkeypatch.setattr(tick, "time", clock)
    monkeypatch.setattr(intake, "time", clock)
    monkeypatch.setattr(sensor, "utc_now", made.now)
    runner.installation.home.inbox.mkdir(parents=True)
    return made


def reason(result: dg.ExecuteInProcessResult) -> str:
    """What the failed step of a run says to people."""
    [failed] = [event for event in result.all_events if event.is_step_failure]
    ours = failed.step_failure_data.user_failure_data
    error = failed.step_failure_data.error
    return str(ours.description if ours else error and error.to_string())
