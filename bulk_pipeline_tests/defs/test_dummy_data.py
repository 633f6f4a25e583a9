"""Laws of the job that makes up accounts: files in the inbox, as if sent."""

import os
import time
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
import pytest

from bulk_pipeline.adapters.sample_loads import SampleFiles, drop_samples
from bulk_pipeline.core.dummy import DummyRequest, expected_duplicates
from bulk_pipeline.core.errors import ConfigurationError, PermanentError
from bulk_pipeline.definitions import build_definitions
from bulk_pipeline_tests.defs.batch_runs import QUIET, Runner
from bulk_pipeline_tests.defs.watching import Watch, reason


def launched(runner: Runner, **config: Any) -> dg.ExecuteInProcessResult:
    """A run of the job with this config, as the upload API launches it."""
    job = runner.definitions.resolve_job_def("dummy_data_job")
    return job.execute_in_process(
        instance=runner.instance,
        run_config={"ops": {"dummy_data": {"config": config}}, **QUIET},
        raise_on_error=False,
    )


def dummy_data_job() -> dg.JobDefinition:
    """The job of the code location, as Dagster finds it when it executes it again."""
    return build_definitions().resolve_job_def("dummy_data_job")


def told(result: dg.ExecuteInProcessResult) -> dict[str, Any]:
    """Plain values of the metadata of the step."""
    [output] = [e for e in result.all_events if e.is_successful_output]
    found = output.step_output_data.metadata
    return {name: value.value for name, value in found.items()}


def dropped(runner: Runner) -> list[Path]:
    """The files in the job's subfolder of the inbox, in order."""
    return sorted((runner.installation.home.inbox / "dummy").iterdir())


def test_the_files_lie_in_the_inbox_under_the_name_of_the_run(runner: Runner) -> None:
    """It must be visible who submitted them, and from which run they are."""
    result = launched(runner, num_records=250, batch_size=100, seed=7)

    assert result.success
    run = result.dagster_run.run_id[:8]
    names = [f"dummy-7-250-{run}-0000{n}.parquet" for n in (1, 2, 3)]
    paths = dropped(runner)
    assert [path.name for path in paths] == names
    assert [pl.read_parquet(p).height for p in paths] == [100, 100, 50]
    found = told(result)
    assert found["rows"] == 250
    assert found["files"] == 3
    assert found["file_names"] == names
    assert found["bytes"] == sum(path.stat().st_size for path in paths)
    assert found["rows_per_second"] == pytest.approx(250 / found["seconds"])
    assert found["tier"] in {"ULTRA", "VERY HIGH", "HIGH", "STANDARD"}


def test_the_size_of_the_files_changes_no_row(runner: Runner) -> None:
    """All files together are the rows of the request."""
    launched(runner, num_records=250, batch_size=70)
    launched(runner, num_records=250)

    whole = DummyRequest(250)
    *parts, one = sorted(dropped(runner), key=lambda p: p.stat().st_mtime_ns)
    assert pl.concat(map(pl.read_parquet, parts)).equals(pl.read_parquet(one))
    assert pl.read_parquet(one).height == whole.rows


def test_a_run_that_is_executed_again_puts_the_same_bytes_under_the_same_name(
    runner: Runner,
) -> None:
    """A second file with other bytes would be loaded as well."""
    first = launched(runner, num_records=120, seed=3)
    [path] = dropped(runner)
    before = path.read_bytes()
    path.unlink()
    run = first.dagster_run
    with dg.execute_job(
        dg.reconstructable(dummy_data_job),
        instance=runner.instance,
        run_config=run.run_config,
        reexecution_options=dg.ReexecutionOptions(run.run_id),
    ) as again:
        assert again.success
        assert again.run_id != run.run_id
    [other] = dropped(runner)
    assert (other.name, other.read_bytes()) == (path.name, before)


def test_the_sensor_loads_what_the_job_dropped(watch: Watch) -> None:
    """There is one way into the database, and it counts every row."""
    config = {"num_records": 1_000, "bad_share": 0.02, "duplicate_share": 0.05}
    assert launched(watch.runner, **config).success
    [result] = watch.take()

    assert result.success
    [upload] = watch.runner.installation.journal.uploads()
    twice = expected_duplicates(DummyRequest(1_000, duplicate_share=0.05))
    assert upload.state == "loaded"
    assert upload.submitted_by == "dummy"
    assert upload.rows_read == 1_000
    assert (upload.inserted, upload.rejected) == (930, 20)
    assert (upload.duplicates, upload.duplicates_conflicting) == (
        twice.rows,
        twice.conflicting,
    )
    assert watch.stored() == 930
    assert dropped(watch.runner) == []


def test_what_was_dropped_twice_is_loaded_once(watch: Watch) -> None:
    """A step that is tried again after its file was taken must do no harm."""
    files = SampleFiles(DummyRequest(50), mark="one")
    for _ in range(2):
        drop_samples(watch.runner.installation, files)
        watch.take()

    states = [u.state for u in watch.runner.installation.journal.uploads()]
    assert sorted(states) == ["loaded", "repeated"]
    assert watch.stored() == 50


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"num_records": 0}, "rows is 0: give a number from 1 to 1,000,000,000"),
        ({"num_records": 10, "batch_size": 0}, "batch_size is 0: give a number from 1"),
        ({"num_records": 10, "batch_size": 10**8}, "to 10,000,000"),
        ({"num_records": 10**6, "batch_size": 99}, "give a number from 100 to"),
        ({"num_records": 10, "seed": -1}, "seed is -1"),
        ({"num_records": 10, "bad_share": 1.5}, "bad_share is 1.5"),
        ({"num_records": 10, "duplicate_share": 0.9}, "duplicate_share is 0.9"),
    ],
)
def test_a_config_that_cannot_work_fails_with_one_that_would(
    runner: Runner, config: dict[str, Any], said: str
) -> None:
    """The launchpad shows the message and nothing else."""
    result = launched(runner, **config)

    assert not result.success
    assert said in reason(result)
    assert not (runner.installation.home.inbox / "dummy").exists()


def test_an_inbox_that_does_not_take_the_files_is_said_so(
    runner: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They would lie there for ever, and nobody would know why."""
    monkeypatch.setenv("BULK_PIPELINE_INBOX_PATTERN", "*.csv")
    result = launched(runner, num_records=10)

    assert not result.success
    assert "BULK_PIPELINE_INBOX_PATTERN is '*.csv'" in reason(result)


def test_a_link_in_the_place_of_the_folder_is_not_followed(
    runner: Runner, tmp_path: Path
) -> None:
    """Whoever may write into the inbox must not choose where else we write."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    runner.installation.home.inbox.mkdir(parents=True)
    (runner.installation.home.inbox / "dummy").symlink_to(elsewhere)

    with pytest.raises(PermanentError, match="is a link"):
        drop_samples(runner.installation, SampleFiles(DummyRequest(10)))
    assert list(elsewhere.iterdir()) == []


def test_what_a_killed_run_left_goes_once_it_is_old(runner: Runner) -> None:
    """Half-written files of a gigabyte must not gather where nobody looks."""
    folder = runner.installation.home.inbox / "dummy"
    folder.mkdir(parents=True)
    old, young, other = (
        folder / name
        for name in (
            ".dummy-0-9-a.parquet.partial",
            ".dummy-1.partial",
            ".mine.partial",
        )
    )
    for path in (old, young, other):
        path.write_text("half")
    hours_ago = time.time() - 7200
    os.utime(old, (hours_ago, hours_ago))
    os.utime(other, (hours_ago, hours_ago))
    drop_samples(runner.installation, SampleFiles(DummyRequest(10)))

    assert not old.exists()
    assert young.exists()
    assert other.exists()


@pytest.mark.parametrize(("rows", "size", "names"), [(10, 10, 1), (11, 10, 2)])
def test_a_single_file_has_no_number(rows: int, size: int, names: int) -> None:
    """A number makes people look for the others."""
    found = list(SampleFiles(DummyRequest(rows), size).names())

    assert len(found) == names
    assert (found[0] == f"dummy-0-{rows}.parquet") == (names == 1)


def test_too_many_files_are_refused() -> None:
    """Each of them is an upload with a receipt of its own."""
    with pytest.raises(ConfigurationError, match="from 100 to 10,000,000"):
        SampleFiles(DummyRequest(1_000_000), 99)
