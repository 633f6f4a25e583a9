"""Laws of the event log that is kept open: fewer waits for the disk, nothing else."""

import sqlite3
from contextlib import closing
from pathlib import Path
from uuid import uuid4

import dagster as dg
import pytest

from bulk_pipeline.defs.event_log import OF_ALL_RUNS, event_log_kept_open
from bulk_pipeline.defs.resources import InstallationResource
from bulk_pipeline_tests.defs.batch_runs import QUIET, Runner


def log_of(instance: dg.DagsterInstance, shard: str) -> Path:
    """The write-ahead log of a file of the event log."""
    return Path(f"{instance.event_log_storage.path_for_shard(shard)}-wal")


@dg.op
def look(context: dg.OpExecutionContext, installation: InstallationResource) -> None:
    """Say which files of the event log have a write-ahead log between two events."""
    del installation
    shards = (OF_ALL_RUNS, context.run_id)
    kept = [log_of(context.instance, shard).exists() for shard in shards]
    context.add_output_metadata({"kept": str(all(kept))})


@dg.job(resource_defs={"installation": InstallationResource()})
def looking() -> None:
    """A run of one step that needs the installation."""
    look()


def test_a_run_keeps_its_event_log_open_and_leaves_no_log_behind(
    runner: Runner,
) -> None:
    """Whoever copies a run's file would miss what stands in a log beside it."""
    done = looking.execute_in_process(instance=runner.instance, run_config=QUIET)

    outputs = done.filter_events(lambda event: event.is_successful_output)
    found = outputs[0].step_output_data.metadata["kept"].value
    assert found == "True"
    assert not log_of(runner.instance, done.run_id).exists()
    assert not log_of(runner.instance, OF_ALL_RUNS).exists()


def test_an_event_is_there_for_others_at_once(runner: Runner) -> None:
    """The UI shows a run while it goes on, from another process."""
    instance = runner.instance
    run = instance.create_run_for_job(looking)
    with event_log_kept_open(instance, run.run_id):
        instance.report_engine_event("begun", run)
        assert log_of(instance, run.run_id).exists()
        path = instance.event_log_storage.path_for_shard(run.run_id)
        with closing(sqlite3.connect(path)) as other:
            found = other.execute("SELECT event FROM event_logs").fetchall()

    assert "begun" in str(found)


def test_a_run_without_a_file_gets_one_that_dagster_takes(runner: Runner) -> None:
    """Dagster makes its tables in it, with one wait for the disk instead of many."""
    instance, run_id = runner.instance, str(uuid4())

    with event_log_kept_open(instance, run_id):
        assert log_of(instance, run_id).exists()
        done = looking.execute_in_process(
            instance=instance, run_config=QUIET, run_id=run_id
        )

    assert done.success
    last = instance.all_logs(run_id)[-1]
    assert last.dagster_event_type is dg.DagsterEventType.RUN_SUCCESS


def test_a_file_that_cannot_be_opened_is_left_alone(
    runner: Runner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run must not fail because it could not be made faster."""
    broken = tmp_path / "broken.db"
    broken.write_bytes(b"no database at all" * 100)
    paths = {OF_ALL_RUNS: str(tmp_path), "run": str(broken)}
    storage = runner.instance.event_log_storage
    monkeypatch.setattr(storage, "path_for_shard", paths.__getitem__)

    with event_log_kept_open(runner.instance, "run"):
        assert sorted(p.name for p in tmp_path.glob("broken*")) == ["broken.db"]


def test_events_that_are_kept_elsewhere_need_no_file() -> None:
    """PostgreSQL and the memory have no files to open."""
    with (
        dg.DagsterInstance.ephemeral() as instance,
        event_log_kept_open(instance, str(uuid4())),
    ):
        run = instance.create_run_for_job(looking)
        instance.report_engine_event("begun", run)

        assert len(instance.all_logs(run.run_id)) == 1
