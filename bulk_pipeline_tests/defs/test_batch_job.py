"""Laws of the job that reads, scores and loads one batch."""

import math
from pathlib import Path

import dagster as dg
import pytest
import sqlalchemy as sa

from bulk_pipeline.adapters.tables import annual_predictions, run_metrics
from bulk_pipeline_tests.builders import ROW, rows_of, write_csv
from bulk_pipeline_tests.defs.batch_runs import QUIET, Runner

MOST_EVENTS = 110
FIGURES = {
    "rows_read",
    "inserted",
    "updated",
    "duplicates",
    "duplicates_conflicting",
    "rejected",
    "rows_written",
    "seconds",
    "rows_per_second",
    "peak_memory_bytes",
    "cpu_percent",
    "database_seconds",
    "pool_connections_in_use",
    "pool_connections_allowed",
    "seconds_read",
    "seconds_clean",
    "seconds_companies",
    "seconds_score",
    "seconds_duplicates",
    "seconds_load",
}


def stored(runner: Runner) -> int:
    """Rows in the table of predictions."""
    with runner.installation.database.reading() as connection:
        count = sa.select(sa.func.count()).select_from(annual_predictions)
        return int(connection.scalar(count) or 0)


@pytest.fixture
def accounts(tmp_path: Path) -> Path:
    """Forty good rows and two that cannot be stored."""
    rows = rows_of(["AA", "BB"], range(2001, 2021))
    rows += [{**ROW, "reporting_year": "soon"}, {**ROW, "company_symbol": ""}]
    return write_csv(tmp_path / "accounts.csv", rows)


def test_a_batch_ends_as_rows_in_the_table(runner: Runner, accounts: Path) -> None:
    """This is what the project is for."""
    result = runner.run(runner.claim(accounts))

    assert result.success
    assert stored(runner) == 40
    [upload] = runner.installation.journal.uploads()
    assert (upload.state, upload.inserted, upload.rejected) == ("loaded", 40, 2)


@pytest.mark.parametrize("workers", ["1", "2", "8"])
def test_a_run_costs_few_events_however_many_spans_it_has(
    runner: Runner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, workers: str
) -> None:
    """Each event is a transaction of the instance: 350 of them take seven seconds."""
    monkeypatch.setenv("ULTRA_PARALLEL_WORKERS", workers)
    monkeypatch.setenv("ULTRA_BATCH_SIZE", "1")
    path = write_csv(tmp_path / "eight.csv", rows_of(["AA"], range(2001, 2009)))

    result = runner.run(runner.claim(path))

    assert result.success
    spans = [
        e for e in result.all_events if e.is_step_success and "score" in e.step_key
    ]
    assert len(spans) == int(workers)
    assert len(runner.instance.all_logs(result.run_id)) <= MOST_EVENTS


def test_the_load_reports_plain_finite_numbers(runner: Runner, accounts: Path) -> None:
    """The UI plots numbers; one NaN hangs its page."""
    runner.run(runner.claim(accounts))

    found = runner.metadata("annual_predictions")
    assert set(found) >= FIGURES
    for name in FIGURES:
        assert isinstance(found[name], int | float), name
        assert math.isfinite(found[name]), name
    assert found["tier"] == "STANDARD"
    assert found["rows_read"] == 42


def test_the_load_itself_reports_run_metrics(runner: Runner, accounts: Path) -> None:
    """Plots over batches and back-fills need one asset without partitions."""
    result = runner.run(runner.claim(accounts))

    assert runner.metadata("run_metrics")["inserted"] == 40
    with runner.installation.database.reading() as connection:
        [row] = connection.execute(sa.select(run_metrics)).all()
    assert (row.run_id, row.rows_read, row.inserted) == (result.run_id, 42, 40)


def test_materialising_a_batch_again_stores_nothing_and_reports_the_same(
    runner: Runner, accounts: Path
) -> None:
    """A back-fill in the UI must be safe on any batch."""
    batch = runner.claim(accounts)
    runner.run(batch)
    first = runner.metadata("annual_predictions")
    runner.run(batch)
    second = runner.metadata("annual_predictions")

    counts = ("rows_read", "inserted", "updated", "duplicates", "rejected")
    assert [first[name] for name in counts] == [second[name] for name in counts]
    assert (first["rows_written"], second["rows_written"]) == (40, 0)
    assert stored(runner) == 40


def test_warnings_are_counted_by_kind_and_listed(
    runner: Runner, tmp_path: Path
) -> None:
    """A warning that nobody sees is a guess that nobody made."""
    rows = [{**ROW, "reporting_year": "2012-12-31", "total_debt_to_ebitda": "1e8"}] * 2
    plain = write_csv(tmp_path / "plain.csv", rows_of(["AA"], [2001]))
    odd = write_csv(tmp_path / "odd.csv", rows)
    batch = runner.claim(plain, odd)

    assert runner.run(batch).success
    found = runner.metadata("ingestion_file")
    assert found["warnings"] == 2
    assert found["warnings_by_kind"] == {"dates_as_years": 2, "placeholders": 2}
    listed = [record.data for record in found["warnings_listed"].records]
    assert {entry["file"] for entry in listed} == {"odd.csv"}
    assert [entry["count"] for entry in listed] == [2, 2]
    [_, upload] = runner.installation.journal.uploads()
    assert upload.notices == found["warnings_by_kind"]
    assert upload.warnings == tuple(entry["warning"] for entry in listed)


def test_the_files_of_a_batch_are_a_table_in_the_metadata(
    runner: Runner, accounts: Path
) -> None:
    """People look for the name of their file."""
    runner.run(runner.claim(accounts))

    [record] = runner.metadata("ingestion_file")["uploads"].records
    assert record.data["file"] == "accounts.csv"
    assert record.data["outcome"] == "read"


def test_rejected_rows_are_counted_by_reason(runner: Runner, accounts: Path) -> None:
    """Whoever sent the file must see what to correct."""
    runner.run(runner.claim(accounts))

    found = runner.metadata("rejected_rows")
    assert found["reasons"] == {"blank": 1, "not_a_year": 1}
    [path] = found["files"]
    assert "soon" in Path(path).read_text()


def test_a_file_without_a_needed_column_fails_its_run_by_name(
    runner: Runner, tmp_path: Path
) -> None:
    """The person in front of the UI reads the failed step and nothing else."""
    header = [name for name in ROW if name != "return_on_assets"]
    path = write_csv(tmp_path / "short.csv", [ROW], header)

    result = runner.run(runner.claim(path))

    assert not result.success
    [failed] = [event for event in result.all_events if event.is_step_failure]
    data = failed.step_failure_data.user_failure_data
    assert data is not None
    assert "return_on_assets" in str(data.description)
    assert stored(runner) == 0
    [upload] = runner.installation.journal.uploads()
    assert upload.state == "failed"
    assert "return_on_assets" in upload.message


def test_an_unreadable_file_does_not_sink_its_batch(
    runner: Runner, accounts: Path, tmp_path: Path
) -> None:
    """One person's mistake must not cost the others their load."""
    broken = tmp_path / "broken.csv"
    broken.write_bytes(b"\x00\x01\x02 no table \xff")

    result = runner.run(runner.claim(accounts, broken))

    assert result.success
    states = {u.file: u.state for u in runner.installation.journal.uploads()}
    assert states == {"accounts.csv": "loaded", "broken.csv": "failed"}


def test_the_scorecard_carries_the_hash_of_its_model(runner: Runner) -> None:
    """A changed model must show in the UI which predictions are out of date."""
    job = runner.definitions.resolve_job_def("scorecard_job")
    assert job.execute_in_process(instance=runner.instance, run_config=QUIET).success

    event = runner.instance.get_latest_materialization_event(dg.AssetKey("scorecard"))
    assert event is not None
    assert event.asset_materialization is not None
    tags = event.asset_materialization.tags or {}
    found = runner.metadata("scorecard")
    assert tags["dagster/data_version"] == found["sha256"]


def test_no_row_of_company_data_is_in_the_events(
    runner: Runner, accounts: Path
) -> None:
    """The event log is read by more people than the table, and kept for longer."""
    result = runner.run(runner.claim(accounts))

    logged = "".join(
        record.to_json() for record in runner.instance.all_logs(result.run_id)
    )
    assert "Hewlett" not in logged
    assert "24.111" not in logged


def test_stored_rows_can_be_the_input_of_an_asset_further_down(
    runner: Runner, accounts: Path
) -> None:
    """Users build their own assets on the table, with pandas."""
    batch = runner.claim(accounts)
    runner.run(batch)
    seen: list[int] = []

    @dg.asset(
        partitions_def=runner.definitions.get_assets_def("companies").partitions_def
    )
    def portfolio(annual_predictions) -> None:
        seen.append(len(annual_predictions))

    definitions = dg.Definitions.merge(
        runner.definitions, dg.Definitions(assets=[portfolio])
    )
    job = definitions.get_implicit_global_asset_job_def()
    done = job.execute_in_process(
        instance=runner.instance,
        partition_key=batch.key,
        asset_selection=[dg.AssetKey("portfolio")],
        run_config=QUIET,
    )

    assert done.success
    assert seen == [40]
