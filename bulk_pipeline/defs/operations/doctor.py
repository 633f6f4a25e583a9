"""Whether a Dagster instance, its daemon, its sensors and its runs are well."""

import contextlib
import os
import time
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import sqlalchemy as sa
from dagster_shared.check import CheckError
from yaml import YAMLError, safe_load  # type: ignore[import-untyped]  # Dagster's own

from bulk_pipeline.adapters.doctor.daemons import daemons_of
from bulk_pipeline.adapters.doctor.dagster_files import complete, file_faults
from bulk_pipeline.adapters.doctor.variables import usable
from bulk_pipeline.adapters.doctor.workers import worker_findings
from bulk_pipeline.adapters.settings import Settings
from bulk_pipeline.core.errors import PermanentError
from bulk_pipeline.core.findings import Area, Finding, failure, fine
from bulk_pipeline.core.watching import (
    LONG_SECONDS,
    STARTING_SECONDS,
    judged_daemon,
    judged_instigator,
    judged_runs,
)
from bulk_pipeline.defs.executors import CELERY, chosen_executor
from bulk_pipeline.defs.operations.alerts import alerts_sensor, failed_uploads_sensor
from bulk_pipeline.defs.operations.housekeeping import housekeeping_schedule
from bulk_pipeline.defs.uploads.sensor import inbox_sensor

CONFIGURATION = "dagster.yaml"
OTHER_STORAGE = frozenset(
    {"storage", "run_storage", "event_log_storage", "schedule_storage"}
)
"""Keys of ``dagster.yaml`` by which an instance lies elsewhere than in its folder."""

WATCHERS = (inbox_sensor, failed_uploads_sensor, alerts_sensor, housekeeping_schedule)
"""What is on unless somebody turns it off."""

MOST_SHOWN = 5
"""Runs that are named at most."""

_Status = dg.DagsterRunStatus


def executor_findings() -> Iterator[Finding]:
    """Whether the executor of the environment is one, and what it needs is there.

    Raises:
        BulkPipelineError: it is none, or its broker does not answer.
    """
    name = chosen_executor().name
    yield fine(Area.SETTINGS, f"Executor: {name}", minor=True)
    if name == CELERY:
        yield from worker_findings(Settings.from_environment(usable(os.environ)))


def instance_findings(folder: Path) -> Iterator[Finding]:
    """An instance as it is now; nothing is made or changed.

    Args:
        folder: of the instance.

    Raises:
        PermanentError: Dagster cannot open it.
        BulkPipelineError: a file of it cannot be read.
        OSError: the system refuses.
    """
    if not folder.exists():
        yield fine(Area.DAGSTER, f"{folder} is not there yet; the first run makes it.")
        return
    if not os.access(folder, os.W_OK):
        what = f"{folder} cannot be written, so Dagster cannot open its instance."
        cure = "Give it to the user of this process, or mount it for writing."
        yield failure(Area.DAGSTER, what, cure)
        return
    with _refusals(folder, YAMLError, TypeError):
        elsewhere = _lies_elsewhere(folder)
    if not elsewhere:
        faults = list(file_faults(folder))
        yield from faults
        if faults:
            return
        if not complete(folder):
            what = f"The instance in {folder} is not made yet, or is being made."
            yield fine(Area.DAGSTER, what)
            return
    with _refusals(folder, YAMLError, TypeError):
        opened = dg.DagsterInstance.from_config(str(folder))
    with _refusals(folder), opened as instance:
        yield fine(Area.DAGSTER, f"The instance in {folder} answers.")
        yield from _of_instance(instance, folder, time.time())


def _of_instance(
    instance: dg.DagsterInstance, folder: Path, now: float
) -> Iterator[Finding]:
    heartbeats = instance.get_daemon_heartbeats()
    beats = {
        name: max(0.0, now - heartbeats[name].timestamp) if name in heartbeats else None
        for name in instance.get_required_daemon_types()
    }
    found = judged_daemon(beats, daemons_of(folder))
    yield found
    alive = not found.cure and any(age is not None for age in beats.values())
    yield from _watchers(instance, now, alive=alive)
    queue = dg.RunsFilter(statuses=[_Status.QUEUED])
    first = instance.get_run_records(queue, limit=1, ascending=True)
    waited = now - first[0].create_timestamp.timestamp() if first else 0.0
    yield from judged_runs(
        instance.get_runs_count(queue),
        waited,
        daemon=alive,
        stuck=_stuck(instance, now),
    )


def _watchers(
    instance: dg.DagsterInstance, now: float, *, alive: bool
) -> Iterator[Finding]:
    """Our sensors and our schedule, once a daemon has seen them."""
    names = {watcher.name: watcher for watcher in WATCHERS}
    for state in instance.all_instigator_state():
        if state.name not in names:
            continue
        last = instance.get_ticks(
            state.instigator_origin_id, state.selector_id, limit=1
        )
        # A schedule is quiet for a day.
        looks = alive and last and names[state.name] is not housekeeping_schedule
        yield judged_instigator(
            state.name,
            stopped=state.status.value == "STOPPED",
            failed=bool(last) and last[0].status.value == "FAILURE",
            age=max(0.0, now - last[0].timestamp) if looks else None,
        )


def _stuck(instance: dg.DagsterInstance, now: float) -> dict[str, float]:
    """Runs that have started, or are about to, for longer than any should."""
    limits = {
        _Status.STARTING: STARTING_SECONDS,
        _Status.STARTED: LONG_SECONDS,
        _Status.CANCELING: STARTING_SECONDS,
    }
    found = {}
    for status, limit in limits.items():
        chosen = dg.RunsFilter(statuses=[status])
        for record in instance.get_run_records(
            chosen, limit=MOST_SHOWN, ascending=True
        ):
            since = record.start_time or record.update_timestamp.timestamp()
            if now - since > limit:
                found[record.dagster_run.run_id] = now - since
    return found


def _lies_elsewhere(folder: Path) -> bool:
    file = folder / CONFIGURATION
    if not file.exists():
        return False
    return not OTHER_STORAGE.isdisjoint(safe_load(file.read_bytes()) or ())


@contextlib.contextmanager
def _refusals(folder: Path, *more: type[Exception]) -> Iterator[None]:
    """What Dagster and its storage raise, as an error of ours.

    Its text is left out: it may repeat a password from ``dagster.yaml``.

    Args:
        folder: of the instance.
        more: what a ``dagster.yaml`` makes them raise that is none.
    """
    expected: tuple[type[Exception], ...] = (
        dg.DagsterError,
        CheckError,
        sa.exc.SQLAlchemyError,
        *more,
    )
    try:
        yield
    except expected as error:
        raise PermanentError(
            f"Dagster cannot open the instance in {folder} ({type(error).__name__}). "
            f"Correct {CONFIGURATION} there; DAGSTER_HOME={folder} dagster instance "
            "info says more."
        ) from error
