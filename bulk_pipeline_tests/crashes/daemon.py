"""The daemon's part, played in one process: ticks, and the runs that they ask for.

It is Dagster's real sensor, job and instance. What is left out is the waiting: its
clock runs ahead, so that no test sits through a backoff.
"""

import os
import traceback
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg

from bulk_pipeline.adapters.home import Home
from bulk_pipeline.adapters.settings import EXECUTOR_VARIABLE, Settings
from bulk_pipeline.cli.dagster_home import use_dagster_home
from bulk_pipeline.definitions import build_definitions
from bulk_pipeline.defs.operations import housekeeping
from bulk_pipeline.defs.resources import InstallationResource
from bulk_pipeline.defs.uploads import sensor
from bulk_pipeline_tests.defs.batch_runs import QUIET

TICK_HOURS = 2
"""How far the clock goes on from one tick to the next: beyond every wait."""
MOST_TICKS = 12
HALF_A_YEAR = 183  # days


class Daemon:
    """A daemon of one home, until nothing is left to be asked for."""

    def __init__(self, home: Path) -> None:
        use_dagster_home(Home(home))
        self._definitions = build_definitions()
        self._ahead = timedelta(0)
        sensor.utc_now = self._now

    def _now(self) -> datetime:
        """What its clock shows."""
        return datetime.now(UTC) + self._ahead

    def work(self) -> int:
        """Tick and run until a tick asks for nothing; returns the runs.

        Raises:
            AssertionError: ticks go on asking.
        """
        runs = 0
        with dg.DagsterInstance.get() as instance:
            for number in range(MOST_TICKS):
                wanted = self.tick(instance)
                for request in wanted:
                    self.run(instance, request)
                runs += len(wanted)
                self._ahead += timedelta(hours=TICK_HOURS)
                # The first tick may find what died just before it still too young.
                if number and not wanted and not self._landed():
                    return runs
        raise AssertionError(f"Ticks still ask after {MOST_TICKS}.")

    def work_once(self) -> None:
        """One tick and the runs that it asks for."""
        with dg.DagsterInstance.get() as instance:
            for request in self.tick(instance):
                self.run(instance, request)

    def tick(self, instance: dg.DagsterInstance) -> Sequence[dg.RunRequest]:
        """One look into the inbox; what it asks for and was not asked for before."""
        with dg.build_sensor_context(
            instance=instance, resources={"installation": InstallationResource()}
        ) as context:
            answer: Any = sensor.inbox_sensor(context)
        if not isinstance(answer, dg.SensorResult):
            return ()
        for request in answer.dynamic_partitions_requests or ():
            instance.add_dynamic_partitions(
                str(request.partitions_def_name), list(request.partition_keys)
            )
        return [r for r in answer.run_requests or () if not self._spent(instance, r)]

    def _spent(self, instance: dg.DagsterInstance, request: dg.RunRequest) -> bool:
        """Whether there is a run of this key, so that the daemon starts no other."""
        chosen = dg.RunsFilter(tags={"dagster/run_key": str(request.run_key)})
        return bool(instance.get_run_records(chosen, limit=1))

    def run(self, instance: dg.DagsterInstance, request: dg.RunRequest) -> bool:
        """One run in this process; whether it went well."""
        job = self._definitions.resolve_job_def("batch_job")
        result = job.execute_in_process(
            instance=instance,
            partition_key=str(request.partition_key),
            run_config=QUIET,
            tags={**request.tags, "dagster/run_key": str(request.run_key)},
            raise_on_error=False,
        )
        return result.success

    def keep_house(self) -> None:
        """One run of the housekeeping, half a year on, when everything is old."""
        housekeeping.utc_now = lambda: datetime.now(UTC) + timedelta(days=HALF_A_YEAR)
        job = self._definitions.resolve_job_def("housekeeping_job")
        with dg.DagsterInstance.get() as instance:
            job.execute_in_process(instance=instance, run_config=QUIET)

    @staticmethod
    def _landed() -> list[Path]:
        """What is in the landing."""
        return list(Path(os.environ["BULK_PIPELINE_HOME"], "landing").glob("*"))


def play(home: str, variables: Mapping[str, str], part: str, log: str) -> None:
    """A process's whole life; for ``multiprocessing``.

    Args:
        home: of the installation.
        variables: of its environment, with the point at which it is killed.
        part: ``work``, ``work_once`` or ``keep_house``.
        log: file that takes what went wrong.
    """
    for variable in (*Settings.variables(), EXECUTOR_VARIABLE, "DAGSTER_HOME"):
        os.environ.pop(variable, None)
    os.environ.update(variables, BULK_PIPELINE_HOME=home)
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    try:
        getattr(Daemon(Path(home)), part)()
    except BaseException:
        traceback.print_exc()
        raise
