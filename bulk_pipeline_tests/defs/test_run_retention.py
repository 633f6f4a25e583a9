"""Laws of deleting runs: what is kept never looks as if it had not been made."""

import os
from pathlib import Path

import dagster as dg
import pytest

from bulk_pipeline.adapters.tick import utc_now
from bulk_pipeline.defs.operations.run_retention import (
    WITHOUT_BATCH,
    delete_run,
    runs_to_delete,
    runs_without_record,
)
from bulk_pipeline.defs.operations.tidying import tidy
from bulk_pipeline.defs.partitions import batches
from bulk_pipeline_tests.defs.batch_runs import QUIET, Runner
from bulk_pipeline_tests.defs.housekept import (
    BATCH_ASSETS,
    later,
    loaded,
    materialised,
    partition_keys,
    run_files,
    run_ids,
)


def old_runs(runner: Runner, days: float = 31) -> set[str]:
    """The runs that go so many days from now."""
    kept = partition_keys(runner.instance)
    before = later(days - runner.installation.settings.keep_runs_days)
    return set(runs_to_delete(runner.instance, kept, before))


def run_job(runner: Runner, job: str, **options: object) -> str:
    """Run a job to its end; the id of the run."""
    done = runner.definitions.resolve_job_def(job).execute_in_process(
        instance=runner.instance, run_config=QUIET, raise_on_error=False, **options
    )
    return done.run_id


def test_a_batch_that_is_kept_stays_materialised_however_old_its_run(
    runner: Runner, tmp_path: Path
) -> None:
    """With a run go its materialisations: Dagster would show loaded rows as missing."""
    batch = loaded(runner, tmp_path, "kept")

    tidy(runner.installation, runner.instance, later(89))

    assert materialised(runner.instance, batch.key) == [*BATCH_ASSETS]


def test_runs_that_a_later_one_made_again_go(runner: Runner, tmp_path: Path) -> None:
    """The last that made all of the batch shows it."""
    batch = loaded(runner, tmp_path, "again")
    first = run_ids(runner.instance)
    assert runner.run(batch).success

    assert old_runs(runner) == first


def test_a_run_of_some_assets_replaces_no_run_of_all(
    runner: Runner, tmp_path: Path
) -> None:
    """The rest of the batch is shown by the earlier run."""
    batch = loaded(runner, tmp_path, "part")
    assert runner.part(batch, "rejected_rows").success

    assert old_runs(runner) == set()


def test_a_run_that_failed_replaces_none(runner: Runner, tmp_path: Path) -> None:
    """What it did not reach is shown by the earlier run."""
    batch = loaded(runner, tmp_path, "fails")
    folder = runner.installation.home.archive / batch.key
    folder.rename(tmp_path / "aside")
    assert not runner.run(batch).success

    assert old_runs(runner) == set()


def test_other_runs_go_by_age_but_for_the_last_of_an_asset(
    runner: Runner, tmp_path: Path
) -> None:
    """The scorecard, each rescored year and the last figures are still shown."""
    loaded(runner, tmp_path, "rows")
    first = run_job(runner, "scorecard_job")
    second = run_job(runner, "scorecard_job")
    year = run_job(runner, "rescore_job", partition_key="2001")
    year_again = run_job(runner, "rescore_job", partition_key="2001")
    other_year = run_job(runner, "rescore_job", partition_key="2002")

    assert old_runs(runner, 29) == set()
    assert old_runs(runner) == {first, year}
    tidy(runner.installation, runner.instance, later(31))
    assert {second, year_again, other_year} <= run_ids(runner.instance)
    rescored = dg.AssetKey("rescored_predictions")
    found = runner.instance.get_materialized_partitions(rescored)
    assert found == {"2001", "2002"}
    for key in ("scorecard", "run_metrics"):
        event = runner.instance.get_latest_materialization_event(dg.AssetKey(key))
        assert event is not None


def test_a_run_that_has_not_ended_stays(runner: Runner) -> None:
    """However long it waits."""
    runner.instance.create_run_for_job(
        runner.definitions.resolve_job_def("scorecard_job"),
        status=dg.DagsterRunStatus.NOT_STARTED,
    )

    assert old_runs(runner, 9_000) == set()


def test_the_file_of_a_run_goes_with_it(runner: Runner, tmp_path: Path) -> None:
    """Dagster itself leaves 240 KB a run behind."""
    loaded(runner, tmp_path, "kept")
    gone = run_job(runner, "scorecard_job")
    run_job(runner, "scorecard_job")

    done = tidy(runner.installation, runner.instance, later(31))

    assert done.runs == 1
    assert done.bytes > 50_000
    assert run_files(runner.instance) == run_ids(runner.instance)
    assert gone not in run_ids(runner.instance)


@pytest.mark.parametrize("events_gone", [True, False])
def test_a_deletion_that_was_cut_short_is_finished(
    runner: Runner, tmp_path: Path, *, events_gone: bool
) -> None:
    """The run was gone, its events or their file were not."""
    batch = loaded(runner, tmp_path, "cut")
    (run_id,) = run_ids(runner.instance)
    runner.instance.delete_dynamic_partition(str(batches.name), batch.key)
    if events_gone:
        runner.instance.delete_run(run_id)
    else:
        runner.instance.run_storage.delete_run(run_id)
        assert materialised(runner.instance, batch.key)

    assert runs_without_record(runner.instance, later(0)) == [run_id]
    assert delete_run(runner.instance, run_id) > 0
    assert run_files(runner.instance) == set()
    assert materialised(runner.instance, batch.key) == []


def test_only_files_of_old_runs_count_as_left_behind(runner: Runner) -> None:
    """The index, the events of no run and other programs' files stay."""
    folder = Path(runner.instance.event_log_storage.path_for_shard("x")).parent
    young = folder / "0c7e0a36-5d0c-4a6e-8a3f-3d3f5a0f7c11.db"
    old = folder / "0c7e0a36-5d0c-4a6e-8a3f-3d3f5a0f7c12.db"
    for path in (young, old, folder / "mine.db", folder / f"{old.name}.bak"):
        path.write_bytes(b"")
        os.utime(path, (0, 0))
    os.utime(young)

    found = runs_without_record(runner.instance, utc_now().replace(year=2020))

    assert found == [old.stem]


def test_every_asset_that_no_batch_partitions_keeps_its_last_run(
    runner: Runner,
) -> None:
    """An asset that comes later must not be forgotten; the alerts have no runs."""
    graph = runner.definitions.resolve_asset_graph()
    others = {
        key
        for key in graph.get_all_asset_keys()
        if graph.get(key).partitions_def != batches
    }

    told_by_sensors = {dg.AssetKey("failed_uploads"), dg.AssetKey("inbox")}
    assert others - told_by_sensors == {*WITHOUT_BATCH}
