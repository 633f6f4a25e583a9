"""Laws of the nightly job: on by default, launched by hand, killed at any instant."""

import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import dagster as dg
import pytest

from bulk_pipeline.adapters import crash_points
from bulk_pipeline.adapters.locks import only_one
from bulk_pipeline.definitions import build_definitions
from bulk_pipeline.defs.operations.housekeeping import (
    LISTED,
    housekeeping_schedule,
    tidied_metadata,
)
from bulk_pipeline.defs.operations.tidying import LOCK_FILE, Tidied, tidy
from bulk_pipeline.defs.partitions import batches
from bulk_pipeline.defs.uploads.refused import refused_sibling
from bulk_pipeline_tests.adapters.harness import ROOT, Pipeline
from bulk_pipeline_tests.defs.batch_runs import QUIET, Runner
from bulk_pipeline_tests.defs.housekept import (
    age,
    contents,
    later,
    loaded,
    partition_keys,
    traces,
)

PROGRAM = "from bulk_pipeline.cli import main; main()"


def keep_house(runner: Runner, **config: object) -> dg.ExecuteInProcessResult:
    """Run the job as a person launches it."""
    job = runner.definitions.resolve_job_def("housekeeping_job")
    return job.execute_in_process(
        instance=runner.instance,
        run_config={**QUIET, "ops": {"housekeeping": {"config": config}}},
        raise_on_error=False,
    )


def killed(runner: Runner, point: str) -> None:
    """Let a process keep house and be killed at an instant."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, "tidy"],
        cwd=ROOT,
        env={
            **os.environ,
            "DAGSTER_HOME": runner.instance.root_directory,
            crash_points.VARIABLE: point,
        },
        check=False,
    )
    assert done.returncode == -signal.SIGKILL


def test_every_night_it_runs_by_itself(runner: Runner) -> None:
    """At a time that no setting decides, since none is read at load."""
    schedule = housekeeping_schedule
    assert schedule in build_definitions().schedules
    assert schedule.default_status is dg.DefaultScheduleStatus.RUNNING
    assert (schedule.cron_schedule, schedule.execution_timezone) == (
        "17 3 * * *",
        "UTC",
    )

    context = dg.build_schedule_context(
        runner.instance, scheduled_execution_time=later(0)
    )
    (request,) = schedule.evaluate_tick(context).run_requests

    assert request.run_config == {}
    job = runner.definitions.resolve_job_def(schedule.job_name)
    assert job.execute_in_process(instance=runner.instance).success


def test_the_run_shows_what_went(runner: Runner, tmp_path: Path) -> None:
    """Batches, keys, runs, bytes and seconds as numbers; some names beside them."""
    batch = loaded(runner, tmp_path, "old")
    age(runner.installation, batch, 91)
    (runner.installation.home.archive / "stranger").mkdir()

    done = keep_house(runner)

    assert done.success
    (output,) = [e for e in done.all_events if e.is_successful_output]
    shown = {n: v.value for n, v in output.step_output_data.metadata.items()}
    assert {n: shown[n] for n in ("batches", "partition_keys", "runs", "left")} == {
        "batches": 1,
        "partition_keys": 1,
        "runs": 0,
        "left": 1,
    }
    assert shown["batches_listed"] == [batch.key]
    assert shown["left_listed"] == ["stranger"]
    assert shown["bytes"] > 0
    assert shown["seconds"] > 0


def test_a_dry_run_by_hand_changes_nothing(runner: Runner, tmp_path: Path) -> None:
    """The choice is in the launchpad."""
    batch = loaded(runner, tmp_path, "old")
    age(runner.installation, batch, 91)
    before = contents(runner.installation.home)

    assert keep_house(runner, dry_run=True).success

    assert contents(runner.installation.home) == before
    assert partition_keys(runner.instance) == {batch.key}


def test_what_could_not_go_fails_the_run_after_the_rest_went(
    runner: Runner, tmp_path: Path
) -> None:
    """A red run names it; the figures of the rest are there all the same."""
    bad, good = loaded(runner, tmp_path, "bad"), loaded(runner, tmp_path, "good")
    age(runner.installation, bad, 92)
    age(runner.installation, good, 91)
    home = runner.installation.home
    home.chunks(bad.key).rename(tmp_path / "aside")
    home.chunks(bad.key).symlink_to(tmp_path / "aside")

    done = keep_house(runner)

    (failure,) = [e for e in done.all_events if e.is_step_failure]
    found = failure.step_failure_data.user_failure_data
    assert "1 of what should have gone are still there" in found.description
    assert f"{bad.key}: {home.chunks(bad.key)} is a link" in found.description
    assert found.metadata["batches_listed"].value == [good.key]


def test_another_housekeeping_fails_the_run_with_a_reason(runner: Runner) -> None:
    """No stack of Dagster's own."""
    with only_one(runner.installation.home.root / LOCK_FILE):
        done = keep_house(runner)

    (failure,) = [e for e in done.all_events if e.is_step_failure]
    reason = failure.step_failure_data.user_failure_data.description
    assert reason.startswith("Another housekeeping is running.")


def test_metadata_stays_small_however_much_went() -> None:
    """Thousands of names would slow the page."""
    done = Tidied(batches=[f"b{n}" for n in range(5_000)], left={"x": "y"})

    shown = tidied_metadata(done)

    assert shown["batches"] == 5_000
    assert len(shown["batches_listed"]) == LISTED
    assert "failures_listed" not in shown


@pytest.mark.parametrize("point", ["batch retiring", "partition dropped"])
def test_whatever_cuts_a_retirement_short_it_is_finished(
    runner: Runner, tmp_path: Path, point: str
) -> None:
    """Even if the settings would keep the batch by now: half of it is of no use."""
    batch = loaded(runner, tmp_path, "old", bad=True)
    sibling = refused_sibling(batch.key)
    runner.instance.add_dynamic_partitions(str(batches.name), [sibling])
    age(runner.installation, batch, 91)
    home = runner.installation.home
    rows = Pipeline(runner.installation).stored()

    killed(runner, point)

    assert traces(home, batch.key)
    keys = {"batch retiring": {sibling, batch.key}, "partition dropped": {batch.key}}
    assert partition_keys(runner.instance) == keys[point]
    settings = runner.installation.settings.model_copy(update={"keep_days": 9_000})
    installation = replace(runner.installation, settings=settings)
    done = tidy(installation, runner.instance, later(0))
    assert (done.batches, done.failures) == ([batch.key], {})
    assert traces(home, batch.key) == []
    assert partition_keys(runner.instance) == set()
    assert Pipeline(runner.installation).stored() == rows


def test_a_batch_is_retired_for_everybody_from_the_first_instant(
    runner: Runner, tmp_path: Path
) -> None:
    """Nobody materialises half of a batch."""
    batch = loaded(runner, tmp_path, "old")
    age(runner.installation, batch, 91)
    reports = runner.installation.journal.uploads()

    killed(runner, "batch retiring")
    done = runner.run(batch)

    failures = [e for e in done.all_events if e.is_step_failure]
    reasons = [e.step_failure_data.user_failure_data.description for e in failures]
    assert f"No batch {batch.key} has landed in this home. It was retired" in reasons[0]
    assert runner.installation.journal.uploads() == reports


def test_a_retired_batch_cannot_be_launched(runner: Runner, tmp_path: Path) -> None:
    """Its partition is gone, and Dagster says so."""
    batch = loaded(runner, tmp_path, "old")
    tidy(runner.installation, runner.instance, later(91))

    with pytest.raises(dg.DagsterUnknownPartitionError, match=batch.key):
        runner.run(batch)
