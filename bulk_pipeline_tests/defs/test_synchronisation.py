"""Laws of the second database as Dagster keeps it."""

import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from bulk_pipeline.defs.partitions import DATABASE_POOL
from bulk_pipeline.defs.synchronisation import requests
from bulk_pipeline.defs.synchronisation.schedule import sync_schedule
from bulk_pipeline.defs.uploads.tags import GIANT, SIZE_TAG
from bulk_pipeline_tests.adapters.harness import query
from bulk_pipeline_tests.builders import rows_of, write_csv
from bulk_pipeline_tests.defs.batch_runs import QUIET, Runner
from bulk_pipeline_tests.ports import free_port

COMPANIES, PREDICTIONS = requests.SYNC_ASSETS
RANGE_START = "dagster/asset_partition_range_start"
RANGE_END = "dagster/asset_partition_range_end"
STORED = (
    "SELECT symbol, name, reporting_year, return_on_assets, probability, p.updated_at"
    " FROM annual_predictions p JOIN companies ON companies.id = company_id"
    " ORDER BY 1, 3"
)
YEARS = "SELECT DISTINCT reporting_year FROM annual_predictions ORDER BY 1"


@pytest.fixture
def copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The second database, which the settings name."""
    path = tmp_path / "copy.db"
    monkeypatch.setenv("BULK_PIPELINE_SYNC_TARGET", f"sqlite:///{path}")
    return path


@pytest.fixture
def loaded(runner: Runner, tmp_path: Path) -> Runner:
    """Two companies over 2008 to 2012 in the first database."""
    load(runner, tmp_path, ["AA", "BRK.A"], range(2008, 2013))
    return runner


def load(runner: Runner, folder: Path, symbols: list[str], years: range) -> None:
    """Load one row for each company and year."""
    path = write_csv(folder / f"{symbols[0]}.csv", rows_of(symbols, years))
    assert runner.run(runner.claim(path)).success


def source(runner: Runner) -> Path:
    """The first database."""
    return runner.installation.database.path


def sync(
    runner: Runner, first: int | None = None, last: int | None = None, **config: Any
) -> dg.ExecuteInProcessResult:
    """One run of the job over a range of years, or over all without naming any."""
    run_config, tags = requests.sync_run(**config)
    if first is not None:
        tags = {RANGE_START: str(first), RANGE_END: str(last or first)}
    return runner.definitions.resolve_job_def(requests.SYNC_JOB).execute_in_process(
        instance=runner.instance,
        tags=tags,
        run_config={**run_config, **QUIET},
        raise_on_error=False,
    )


def years_of(
    runner: Runner, result: dg.ExecuteInProcessResult
) -> dict[int, dict[str, Any]]:
    """Year → plain metadata of its materialisation in a run, sent by it or logged."""
    kinds = {dg.DagsterEventType.ASSET_MATERIALIZATION}
    found = {}
    for entry in runner.instance.all_logs(result.run_id, of_type=kinds):
        event = entry.get_dagster_event()
        materialised = event.step_materialization_data.materialization
        if materialised.asset_key == dg.AssetKey(PREDICTIONS):
            values = {n: v.value for n, v in materialised.metadata.items()}
            found[int(materialised.partition or 0)] = values
    return found


def reason(result: dg.ExecuteInProcessResult) -> str:
    """What the failed step says."""
    [failed] = [event for event in result.all_events if event.is_step_failure]
    data = failed.step_failure_data
    assert data.user_failure_data is not None
    return str(data.user_failure_data.description)


def test_one_run_brings_everything_over_and_a_second_one_does_nothing(
    loaded: Runner, copy: Path, tmp_path: Path
) -> None:
    """Two hundred years must not cost two hundred runs, nor a quiet night any work."""
    first = sync(loaded)

    assert first.success
    assert query(copy, STORED) == query(source(loaded), STORED) != []
    found = years_of(loaded, first)
    assert sorted(found) == list(range(2008, 2013))
    assert {year["rows_inserted"] for year in found.values()} == {2}
    everything = "SELECT * FROM annual_predictions ORDER BY id"
    before = query(copy, everything)

    again = sync(loaded)

    assert again.success
    assert query(copy, everything) == before
    changes = ("rows_inserted", "rows_updated", "rows_deleted")
    found = years_of(loaded, again)
    assert {year[name] for year in found.values() for name in changes} <= {0}

    load(loaded, tmp_path, ["CC"], range(2010, 2011))
    third = years_of(loaded, sync(loaded, batch_size=1, parallel_workers=2))
    assert (third[2010]["rows_inserted"], third[2010]["rows_unchanged"]) == (1, 2)
    assert third[2010]["dagster/partition_row_count"] == 3
    assert query(copy, STORED) == query(source(loaded), STORED)


def test_years_that_were_brought_over_are_materialised_partitions(
    loaded: Runner, copy: Path
) -> None:
    """The UI shows which years the copy has, whichever way they came."""
    del copy
    key = dg.AssetKey(PREDICTIONS)
    sync(loaded, 2009)
    assert loaded.instance.get_materialized_partitions(key) == {"2009"}

    result = sync(loaded)

    years = {str(year) for year in range(2008, 2013)}
    assert loaded.instance.get_materialized_partitions(key) == years
    [whole] = [e for e in result.all_events if e.is_asset_observation]
    assert whole.asset_observation_data.asset_observation.metadata["seconds"].value > 0


def test_a_range_of_years_brings_those_years_and_what_they_name(
    loaded: Runner, copy: Path
) -> None:
    """A year that somebody waits for comes over alone."""
    found = years_of(loaded, sync(loaded, 2009, 2011))

    assert sorted(found) == [2009, 2010, 2011]
    assert query(copy, YEARS) == [(2009,), (2010,), (2011,)]
    found = years_of(loaded, sync(loaded, 2011, 2013))
    inserted = {year: figures["rows_inserted"] for year, figures in found.items()}
    assert inserted == {2011: 0, 2012: 2, 2013: 0}
    assert query(copy, "SELECT count(*) FROM uploads") == [(1,)]


def test_figures_are_plain_finite_numbers_by_table_and_by_year(
    loaded: Runner, copy: Path
) -> None:
    """The UI plots numbers; one NaN hangs its page, and no row has a place there."""
    del copy
    result = sync(loaded, 2008, 2009)
    [companies] = result.asset_materializations_for_node(COMPANIES)
    values = [{n: v.value for n, v in companies.metadata.items()}]
    values += years_of(loaded, result).values()

    assert values[0]["companies_inserted"] == 2
    assert values[0]["dagster/row_count"] == 2
    assert values[1]["annual_predictions_inserted"] == 4
    for value in values:
        assert {"seconds", "rows_per_second"} <= set(value)
        for name, number in value.items():
            assert isinstance(number, int | float), name
            assert math.isfinite(number), name


def test_verify_fails_where_the_two_differ_and_writes_nothing(
    loaded: Runner, copy: Path
) -> None:
    """A comparison that finds a difference must be red, and may change nothing."""
    assert sync(loaded).success
    query(copy, "UPDATE annual_predictions SET return_on_assets = 0 WHERE id = 1")
    before = query(copy, STORED)

    said = reason(sync(loaded, mode="verify"))

    assert "The two databases differ: 1 row of annual_predictions" in said
    assert query(copy, STORED) == before
    assert sync(loaded, mode="full").success
    assert sync(loaded, mode="verify").success
    assert query(copy, STORED) == query(source(loaded), STORED)


def test_without_a_target_the_run_says_what_to_set(loaded: Runner) -> None:
    """The person in front of the UI reads the failed step and nothing else."""
    said = reason(sync(loaded))

    assert said.startswith("BULK_PIPELINE_SYNC_TARGET is not set")


def test_a_database_that_does_not_answer_is_tried_again_and_no_password_is_shown(
    loaded: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What may pass is for a retry policy; an event log is read by everybody."""
    monkeypatch.setenv("BULK_PIPELINE_RETRIES", "1")
    monkeypatch.setenv("BULK_PIPELINE_CONNECT_SECONDS", "1")
    url = f"mssql+mssqlpython://sa:Geheim@127.0.0.1:{free_port()}/x"
    monkeypatch.setenv("BULK_PIPELINE_SYNC_TARGET", url)
    result = sync(loaded)

    said = reason(result)

    assert said.startswith("Target mssql+mssqlpython://sa:***@127.0.0.1:")
    assert "SQL Server cannot be reached" in said
    assert "host and port in BULK_PIPELINE_SYNC_TARGET" in said
    logged = loaded.instance.all_logs(result.run_id)
    assert "Geheim" not in "".join(map(str, logged))


def test_a_request_is_what_the_job_takes(runner: Runner) -> None:
    """Whoever launches it from outside has these words and no definition."""
    job = runner.definitions.resolve_job_def(requests.SYNC_JOB)
    config, tags = requests.sync_run(1_000, 2, "full")
    given = {"batch_size": 1_000, "parallel_workers": 2, "mode": "full"}
    assert config["ops"][PREDICTIONS]["config"] == given

    dg.validate_run_config(job, config)
    dg.validate_run_config(job, requests.sync_run()[0])
    with pytest.raises(dg.DagsterInvalidConfigError, match="mode"):
        dg.validate_run_config(job, requests.sync_run(mode="half")[0])
    assert tags == {}
    assert {job.name, *(node.name for node in job.nodes)} == {
        requests.SYNC_JOB,
        *requests.SYNC_ASSETS,
    }


def test_asking_for_a_run_takes_no_dagster() -> None:
    """The upload API answers in milliseconds and imports no orchestrator for it."""
    code = (
        "import sys; import bulk_pipeline.defs.synchronisation.requests; "
        "print([m for m in ('dagster', 'polars', 'sqlalchemy') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )

    assert done.stdout.strip() == "[]"


def test_the_schedule_is_off_and_asks_for_one_run_over_all_years(
    loaded: Runner, copy: Path
) -> None:
    """Most have no second database; who has one wants one run a night."""
    assert sync_schedule.default_status is dg.DefaultScheduleStatus.STOPPED
    with dg.build_schedule_context(instance=loaded.instance) as context:
        [request] = sync_schedule.evaluate_tick(context).run_requests or ()

    job = loaded.definitions.resolve_job_def(sync_schedule.job_name)
    result = job.execute_in_process(
        instance=loaded.instance,
        tags=dict(request.tags),
        run_config={**request.run_config, **QUIET},
    )
    assert result.success
    assert query(copy, STORED) == query(source(loaded), STORED)


def test_a_place_for_small_files_stays_free(runner: Runner) -> None:
    """A synchronisation of an hour must not keep what people dropped waiting."""
    graph = runner.definitions.resolve_asset_graph()
    for name in requests.SYNC_ASSETS:
        assert graph.get(dg.AssetKey(name)).pools == {DATABASE_POOL}
    job = runner.definitions.resolve_job_def(requests.SYNC_JOB)
    assert job.tags[SIZE_TAG] == GIANT


def test_a_range_of_years_is_one_run(runner: Runner) -> None:
    """A back-fill from the UI would otherwise start a run for each year."""
    graph = runner.definitions.resolve_asset_graph()
    node = graph.get(dg.AssetKey(PREDICTIONS))
    assert node.backfill_policy == dg.BackfillPolicy.single_run()
    before = {key.to_user_string() for key in graph.get_ancestor_asset_keys(node.key)}
    assert before >= {COMPANIES, "annual_predictions", "rescored_predictions"}
