"""Laws of the performance report as Dagster keeps it."""

import math
from pathlib import Path

import dagster as dg
import pytest

from bulk_pipeline.adapters.locks import only_one
from bulk_pipeline.defs.operations.performance_report import (
    performance_report,
    performance_report_schedule,
)
from bulk_pipeline_tests.builders import rows_of, write_csv
from bulk_pipeline_tests.defs.batch_runs import QUIET, Runner

SECTOR = "Sector of one"


def report(runner: Runner, **config: int) -> dg.ExecuteInProcessResult:
    """Run the job as the schedule does, or with a config as a person does."""
    job = runner.definitions.resolve_job_def("performance_report_job")
    chosen = {"ops": {"performance_report": {"config": config}}} if config else {}
    return job.execute_in_process(
        instance=runner.instance,
        run_config={**QUIET, **chosen},
        raise_on_error=False,
    )


@pytest.fixture
def loaded(runner: Runner, tmp_path: Path) -> Runner:
    """Two companies over two years, and a rejected row."""
    rows = [{**row, "sector": SECTOR} for row in rows_of("AB", [2001, 2002])]
    rows.append({**rows[0], "reporting_year": "soon"})
    batch = runner.claim(write_csv(tmp_path / "secret-name.csv", rows))
    assert runner.run(batch).success
    return runner


def test_a_report_says_where_it_lies_and_shows_its_plots_in_the_ui(
    loaded: Runner,
) -> None:
    """Who watches the UI need not have the file system of the machine that ran it."""
    assert report(loaded).success
    assert report(loaded, last=1).success
    found = loaded.metadata("performance_report")

    assert Path(found["report"]).is_file()
    assert found["rows_stored"] == 4
    assert found["loads"] == 1
    assert found["rows_rejected"] == 1
    assert sum(v for n, v in found.items() if n.startswith("share_")) == 1.0
    numbers = [v for v in found.values() if isinstance(v, int | float)]
    assert all(map(math.isfinite, numbers))
    pictures = {n for n, v in found.items() if "data:image/png;base64," in str(v)}
    assert pictures == {
        "rows_per_second",
        "outcomes",
        "reject_reasons",
        "probability_by_year",
        "levels_by_year",
    }
    folder = loaded.installation.home.reports
    assert len([p for p in folder.iterdir() if p.is_dir()]) == 2


def test_nothing_that_people_wrote_is_in_the_event_log(loaded: Runner) -> None:
    """It outlives the report, and a sector may be the name of one company."""
    result = report(loaded)
    assert result.success
    kept = "".join(str(entry) for entry in loaded.instance.all_logs(result.run_id))

    assert SECTOR not in kept
    assert "Hewlett" not in kept
    assert "secret-name" not in kept
    assert SECTOR in Path(loaded.metadata("performance_report")["report"]).read_text()


def test_a_report_before_the_first_load_succeeds(runner: Runner) -> None:
    """The schedule must not turn red on a new installation."""
    assert report(runner).success
    found = runner.metadata("performance_report")

    assert (found["rows_stored"], found["loads"]) == (0, 0)
    assert Path(found["report"]).is_file()


def test_a_report_that_cannot_be_made_says_why(
    runner: Runner,
) -> None:
    """One of our errors is a sentence with its cure, not a trace."""
    with only_one(runner.installation.home.reports / ".lock"):
        result = report(runner)

    assert not result.success
    [failed] = result.get_step_failure_events()
    data = failed.step_failure_data.user_failure_data
    assert data is not None
    assert "Another report is being made" in str(data.description)


def test_the_schedule_is_off_until_somebody_wants_it() -> None:
    """It looks at every stored row, and its mail goes to nobody."""
    assert performance_report_schedule.default_status.value == "STOPPED"
    assert performance_report_schedule.cron_schedule == "17 5 * * 1"


def test_a_change_of_one_partition_does_not_make_the_report_stale() -> None:
    """The UI would compare every batch of years with it."""
    [spec] = performance_report.specs
    mapped = [dep for dep in spec.deps if dep.partition_mapping is not None]

    assert [dep.asset_key.to_user_string() for dep in mapped] == ["annual_predictions"]


def test_nobody_has_to_confirm_a_report_of_a_home_that_never_scored_again() -> None:
    """The UI asks about each upstream asset that was never materialised."""
    [spec] = performance_report.specs

    assert dg.AssetKey("rescored_predictions") not in {d.asset_key for d in spec.deps}
