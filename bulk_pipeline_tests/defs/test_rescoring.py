"""Laws of scoring stored rows again through Dagster, by year and by range of years."""

import logging
import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.definitions.data_version import CachingStaleStatusResolver
from dagster._core.execution.backfill import PartitionBackfill
from dagster._core.loader import LoadingContextForTest
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import ModuleTarget
from dagster._daemon.backfill import execute_backfill_iteration

from bulk_pipeline.adapters.active_model import activate
from bulk_pipeline.core.errors import ModelRefused, TransientError
from bulk_pipeline.defs.failures import explained
from bulk_pipeline_tests.adapters.harness import query
from bulk_pipeline_tests.builders import rows_of, write_csv
from bulk_pipeline_tests.defs.batch_runs import QUIET, Runner
from bulk_pipeline_tests.models import stricter

ROOT = Path(__file__).resolve().parents[2]
KEY = dg.AssetKey("rescored_predictions")
RANGE_START = "dagster/asset_partition_range_start"
RANGE_END = "dagster/asset_partition_range_end"
MODEL_BY_YEAR = (
    "SELECT reporting_year, name, count(*) FROM annual_predictions"
    " JOIN models ON models.id = model_id GROUP BY 1, 2 ORDER BY 1"
)
FIGURES = {"rows_rescored", "rows_already_current", "seconds", "rows_moved_to_high"}


@pytest.fixture
def loaded(runner: Runner, tmp_path: Path) -> Runner:
    """Two companies over 2008 to 2017, scored by the shipped scorecard."""
    rows = rows_of(["AA", "BB"], range(2008, 2018))
    assert runner.run(runner.claim(write_csv(tmp_path / "accounts.csv", rows))).success
    return runner


def use_model(runner: Runner, path: Path | None) -> None:
    """Make a model the active one and tell Dagster."""
    activate(runner.installation.home, path)
    job = runner.definitions.resolve_job_def("scorecard_job")
    assert job.execute_in_process(instance=runner.instance, run_config=QUIET).success


def rescore(runner: Runner, first: int, last: int) -> dg.ExecuteInProcessResult:
    """One run over a range of years."""
    return runner.definitions.resolve_job_def("rescore_job").execute_in_process(
        instance=runner.instance,
        tags={RANGE_START: str(first), RANGE_END: str(last)},
        run_config=QUIET,
        raise_on_error=False,
    )


def stored(runner: Runner, text: str) -> list[tuple[object, ...]]:
    """Rows of a query on a connection of its own."""
    return query(runner.installation.database.path, text)


def figures(result: dg.ExecuteInProcessResult) -> dict[int, dict[str, object]]:
    """Year → plain metadata of its materialisation in a run."""
    events = result.asset_materializations_for_node("rescored_predictions")
    return {
        int(event.partition or 0): {n: v.value for n, v in event.metadata.items()}
        for event in events
    }


def model_by_year(rescored: range) -> list[tuple[int, str, int]]:
    """What is stored once some years were scored by the stricter model."""
    names = {True: "stricter", False: "annual-default-scorecard"}
    return [(year, names[year in rescored], 2) for year in range(2008, 2018)]


def test_one_run_scores_a_range_of_years_again_and_no_other(
    loaded: Runner, tmp_path: Path
) -> None:
    """A new model must not cost two hundred runs, nor touch what nobody asked for."""
    use_model(loaded, stricter(tmp_path))

    result = rescore(loaded, 2010, 2015)

    assert result.success
    assert stored(loaded, MODEL_BY_YEAR) == model_by_year(range(2010, 2016))
    kept = "SELECT reason, count(*) FROM annual_prediction_history GROUP BY 1"
    assert stored(loaded, kept) == [("rescore", 12)]
    found = figures(result)
    assert sorted(found) == list(range(2010, 2016))
    assert {f["rows_rescored"] for f in found.values()} == {2}


def test_a_second_run_does_nothing(loaded: Runner, tmp_path: Path) -> None:
    """People press the button twice."""
    use_model(loaded, stricter(tmp_path))
    rescore(loaded, 2010, 2015)
    everything = "SELECT * FROM annual_predictions ORDER BY id"
    before = stored(loaded, everything)

    again = rescore(loaded, 2010, 2015)

    assert again.success
    assert stored(loaded, everything) == before
    assert [*{f["rows_rescored"] for f in figures(again).values()}] == [0]
    assert [*{f["rows_already_current"] for f in figures(again).values()}] == [2]


def test_each_year_reports_its_own_plain_finite_numbers(
    loaded: Runner, tmp_path: Path
) -> None:
    """The UI plots numbers by partition; one NaN hangs its page."""
    path = stricter(tmp_path)
    use_model(loaded, path)

    found = figures(rescore(loaded, 2016, 2018))

    assert [found[y]["rows_rescored"] for y in (2016, 2017, 2018)] == [2, 2, 0]
    assert found[2016]["model"] == "stricter"
    assert (
        found[2016]["model_sha256"] == activate(loaded.installation.home, path).sha256
    )
    for values in found.values():
        assert set(values) >= FIGURES
        for name in values:
            if name.startswith(("rows", "seconds")):
                assert isinstance(values[name], int | float), name
                assert math.isfinite(values[name]), name


def test_a_year_that_fails_is_as_it_was_and_says_why(
    loaded: Runner, tmp_path: Path
) -> None:
    """The person in front of the UI reads the failed step and nothing else."""
    use_model(loaded, stricter(tmp_path))
    path = loaded.installation.database.path
    query(
        path,
        "CREATE TRIGGER stop BEFORE UPDATE ON annual_predictions"
        " WHEN OLD.reporting_year = 2012 BEGIN SELECT RAISE(IGNORE); END",
    )

    result = rescore(loaded, 2010, 2015)

    assert not result.success
    [failed] = [event for event in result.all_events if event.is_step_failure]
    data = failed.step_failure_data.user_failure_data
    assert data is not None
    assert "Rows of 2012 to score again" in str(data.description)
    assert stored(loaded, MODEL_BY_YEAR) == model_by_year(range(2010, 2012))

    query(path, "DROP TRIGGER stop")
    assert rescore(loaded, 2010, 2015).success
    assert stored(loaded, MODEL_BY_YEAR) == model_by_year(range(2010, 2016))


@pytest.mark.parametrize(
    ("error", "may_pass"), [(TransientError("busy"), True), (ModelRefused("no"), False)]
)
def test_only_what_may_pass_is_tried_again(error, may_pass) -> None:
    """A retry policy that runs a refused model five times only delays the news."""
    with pytest.raises(dg.Failure, match=str(error)) as failed, explained():
        raise error
    assert failed.value.allow_retries is may_pass


def test_a_year_is_stale_after_a_change_of_model_and_not_after_a_load(
    loaded: Runner, tmp_path: Path
) -> None:
    """A mark that every load sets tells nobody what to do."""
    use_model(loaded, None)
    rescore(loaded, 2010, 2010)
    path = write_csv(tmp_path / "more.csv", rows_of(["CC"], [2010]))
    assert loaded.run(loaded.claim(path)).success
    assert stale_status(loaded) == "FRESH"

    use_model(loaded, stricter(tmp_path))
    assert stale_status(loaded) == "STALE"

    rescore(loaded, 2010, 2010)
    assert stale_status(loaded) == "FRESH"


def stale_status(runner: Runner) -> str:
    """What the UI shows of 2010."""
    graph = runner.definitions.resolve_asset_graph()
    context = LoadingContextForTest(runner.instance)
    resolver = CachingStaleStatusResolver(runner.instance, graph, context)
    return str(resolver.get_status(KEY, "2010").value)


def test_a_back_fill_over_years_with_a_gap_is_a_run_for_each_unbroken_range(
    loaded: Runner, tmp_path: Path
) -> None:
    """Years taken for keys of batches would fail every back-fill from the UI."""
    use_model(loaded, stricter(tmp_path))
    years = ["2010", "2011", "2012", "2013", "2015"]

    ranges = planned_ranges(loaded.instance, years)

    assert ranges == [(2010, 2013), (2015, 2015)]
    for first, last in ranges:
        assert rescore(loaded, first, last).success
    assert loaded.instance.get_materialized_partitions(KEY) == set(years)


def planned_ranges(
    instance: dg.DagsterInstance, years: list[str]
) -> list[tuple[int, int]]:
    """First and last year of the runs that the daemon makes of a back-fill."""
    with code_location(instance) as workspace:
        backfill = PartitionBackfill.from_asset_partitions(
            asset_graph=workspace.create_request_context().asset_graph,
            backfill_id="years",
            backfill_timestamp=time.time(),
            asset_selection=[KEY],
            partition_names=years,
            dynamic_partitions_store=instance,
            tags={},
            all_partitions=False,
            title=None,
            description=None,
            run_config=None,
        )
        instance.add_backfill(backfill)
        log = logging.getLogger(__name__)
        failures = [e for e in execute_backfill_iteration(workspace, log) if e]
    assert failures == []
    tags = [run.tags for run in instance.get_runs() if "dagster/backfill" in run.tags]
    return sorted((int(t[RANGE_START]), int(t[RANGE_END])) for t in tags)


@contextmanager
def code_location(instance: dg.DagsterInstance) -> Iterator[WorkspaceProcessContext]:
    """The project in a code server of its own, as the daemon has it."""
    target = ModuleTarget(
        module_name="bulk_pipeline.definitions",
        attribute=None,
        working_directory=str(ROOT),
        location_name="bulk_pipeline",
    )
    with WorkspaceProcessContext(instance, target) as workspace:
        yield workspace
