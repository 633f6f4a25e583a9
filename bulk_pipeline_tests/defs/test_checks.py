"""Laws of the checks: two stop the load, five only warn."""

import json
from pathlib import Path

import dagster as dg
import polars as pl
import pytest

from bulk_pipeline.adapters.chunks import write_chunk
from bulk_pipeline_tests.builders import ROW, rows_of, write_csv
from bulk_pipeline_tests.defs.batch_runs import Runner
from bulk_pipeline_tests.defs.test_batch_job import stored

CHECKED = ("ingestion_file", "rejected_rows", "companies", "batch_predictions")


def evaluations(
    result: dg.ExecuteInProcessResult,
) -> dict[str, dg.AssetCheckEvaluation]:
    """Check name → its evaluation in a run."""
    return {found.check_name: found for found in result.get_asset_check_evaluations()}


@pytest.fixture
def accounts(tmp_path: Path) -> Path:
    """Forty good rows."""
    rows = rows_of(["AA", "BB"], range(2001, 2021))
    return write_csv(tmp_path / "accounts.csv", rows)


def test_a_sound_batch_passes_every_check(runner: Runner, accounts: Path) -> None:
    """A check that never passes teaches people to look away."""
    result = runner.run(runner.claim(accounts))

    found = evaluations(result)
    assert len(found) == 7
    assert all(evaluation.passed for evaluation in found.values())


def test_a_score_that_is_no_probability_stops_the_load(
    runner: Runner, accounts: Path
) -> None:
    """A table of nonsense scores is worse than no table."""
    batch = runner.claim(accounts)
    assert runner.part(batch, *CHECKED).success
    chunk = runner.installation.home.chunks(batch.key) / "scores" / "chunk-00000.arrow"
    write_chunk(chunk, pl.read_ipc(chunk).with_columns(probability=pl.lit(1.5)))

    checked = _with_checks(runner, batch.key)

    assert not checked.success
    failed = evaluations(checked)["batch_predictions_are_probabilities"]
    assert (failed.passed, failed.blocking) == (False, True)
    assert stored(runner) == 0


def test_a_row_lost_since_reading_stops_the_load(
    runner: Runner, accounts: Path
) -> None:
    """Every row is accounted for, or none is stored."""
    batch = runner.claim(accounts)
    assert runner.part(batch, *CHECKED).success
    found = runner.installation.home.chunks(batch.key) / "uploads.json"
    readings = json.loads(found.read_text())
    readings[0]["rows_read"] += 1
    found.write_text(json.dumps(readings))

    checked = _with_checks(runner, batch.key)

    assert not checked.success
    assert not evaluations(checked)["batch_predictions_have_every_row"].passed
    assert stored(runner) == 0


@pytest.mark.parametrize(
    ("change", "check", "variable"),
    [
        (
            {"reporting_year": "soon"},
            "ingestion_file_has_few_rejects",
            "BULK_PIPELINE_WARN_REJECTED_SHARE",
        ),
        (
            {"net_income_margin": ""},
            "ingestion_file_has_few_missing_ratios",
            "BULK_PIPELINE_WARN_MISSING_SHARE",
        ),
        (
            {"net_income_margin": "100000000"},
            "ingestion_file_is_plausible",
            "BULK_PIPELINE_WARN_IMPLAUSIBLE_SHARE",
        ),
    ],
)
def test_an_odd_file_is_loaded_with_a_warning(
    runner: Runner, tmp_path: Path, change: dict[str, str], check: str, variable: str
) -> None:
    """What is odd may be true: people are told, and the rows are there."""
    rows = rows_of(["AA"], [2001])
    rows += [{**ROW, "company_symbol": "BB", **change}] * 3
    result = runner.run(runner.claim(write_csv(tmp_path / "odd.csv", rows)))

    found = evaluations(result)
    assert result.success
    assert not found[check].passed
    assert found[check].severity is dg.AssetCheckSeverity.WARN
    assert found[check].metadata["setting"].value == variable
    assert [name for name, one in found.items() if not one.passed] == [check]


def _with_checks(runner: Runner, batch: str) -> dg.ExecuteInProcessResult:
    """Run the load of a batch behind its checks, without reading or scoring again."""
    job = dg.define_asset_job(
        "load_only",
        selection=dg.AssetSelection.assets("annual_predictions")
        | dg.AssetSelection.checks_for_assets("batch_predictions")
        | dg.AssetSelection.checks_for_assets("ingestion_file"),
    )
    definitions = dg.Definitions.merge(runner.definitions, dg.Definitions(jobs=[job]))
    return definitions.resolve_job_def("load_only").execute_in_process(
        instance=runner.instance, partition_key=batch, raise_on_error=False
    )
