"""Laws of drift: a batch that is unlike the reference is told of, and loaded."""

import math
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
import pytest

from bulk_pipeline.adapters.active_model import activate
from bulk_pipeline.adapters.home import Home
from bulk_pipeline.adapters.model_store import load_model
from bulk_pipeline.adapters.references import reference_file, reference_of
from bulk_pipeline.adapters.sample_rows import sample_blocks
from bulk_pipeline.core.dummy import DummyRequest
from bulk_pipeline.core.reference import SCORE
from bulk_pipeline.core.schema import RATIOS
from bulk_pipeline.core.scorecard import ratio_matrix
from bulk_pipeline.core.stability import distribution, stability_index
from bulk_pipeline_tests.builders import rows_of, write_csv
from bulk_pipeline_tests.defs.batch_runs import Runner
from bulk_pipeline_tests.defs.test_batch_job import stored
from bulk_pipeline_tests.defs.test_checks import evaluations
from bulk_pipeline_tests.models import stricter

OF_RATIOS = "ingestion_file_is_like_the_reference"
OF_SCORES = "batch_predictions_are_like_the_reference"
OF_MISSING = "ingestion_file_has_few_missing_ratios"
OF_PLACEHOLDERS = "ingestion_file_is_plausible"
DEBT, _, MARGIN, COVERAGE, RETURN = RATIOS


def usual(seed: int = 1, rows: int = 2_000) -> pl.DataFrame:
    """Accounts that are drawn like the reference."""
    return pl.concat(list(sample_blocks(DummyRequest(rows=rows, seed=seed))))


def checked(
    runner: Runner, tmp_path: Path, rows: pl.DataFrame
) -> dict[str, dg.AssetCheckEvaluation]:
    """What the checks say of rows, which are loaded whatever they say."""
    path = tmp_path / "rows.csv"
    rows.write_csv(path)
    result = runner.run(runner.claim(path))
    assert result.success
    assert stored(runner) > 0
    return evaluations(result)


def figures(found: dg.AssetCheckEvaluation) -> dict[str, Any]:
    """Plain values of the metadata of an evaluation."""
    return {name: value.value for name, value in found.metadata.items()}


def test_usual_accounts_are_like_the_reference(runner: Runner, tmp_path: Path) -> None:
    """Whoever is warned of every batch looks at none."""
    found = checked(runner, tmp_path, usual())

    assert [name for name, one in found.items() if not one.passed] == []
    told = figures(found[OF_RATIOS])
    assert found[OF_RATIOS].description == "The batch is like the reference."
    assert all(0 < told[f"psi_{name}"] < 0.25 for name in RATIOS)
    assert told["psi_highest"] == max(told[f"psi_{name}"] for name in RATIOS)
    assert (told["rows"], told["reference_rows"]) == (2_000, 2_466)
    assert "annual_predictions_part_1.xlsx" in told["reference"]
    assert 0 < figures(found[OF_SCORES])["psi_score"] < 0.25


def test_every_number_is_plain_and_finite(runner: Runner, tmp_path: Path) -> None:
    """The UI plots numbers over the batches, and hangs on one that is none."""
    found = checked(runner, tmp_path, usual())

    numbers = {
        name: value
        for check in (OF_RATIOS, OF_SCORES, OF_MISSING, OF_PLACEHOLDERS)
        for name, value in figures(found[check]).items()
        if not isinstance(value, str)
    }
    assert all(math.isfinite(value) for value in numbers.values())
    for name in RATIOS:
        assert f"psi_{name}" in numbers
        assert f"missing_share_{name}" in numbers
        assert f"placeholder_share_{name}" in numbers


def test_a_ratio_in_another_unit_is_told_of_and_loaded(
    runner: Runner, tmp_path: Path
) -> None:
    """The commonest drift is a supplier who changes the unit of a column."""
    rows = usual().with_columns(pl.col(RETURN) / 100)

    found = checked(runner, tmp_path, rows)

    ratios = found[OF_RATIOS]
    assert (ratios.passed, ratios.blocking) == (False, False)
    assert ratios.severity is dg.AssetCheckSeverity.WARN
    told = figures(ratios)
    assert told[f"psi_{RETURN}"] > told["threshold"] == 0.25
    assert told[f"psi_{MARGIN}"] < 0.1
    assert told["setting"] == "BULK_PIPELINE_WARN_RATIO_PSI"
    assert f"unlike the reference: {RETURN} " in str(ratios.description)


def test_worse_accounts_move_the_scores(runner: Runner, tmp_path: Path) -> None:
    """Scores may drift where no single ratio does so much."""
    rows = usual().with_columns(pl.col(MARGIN) - 8, pl.col(COVERAGE) / 4)

    scores = checked(runner, tmp_path, rows)[OF_SCORES]

    assert not scores.passed
    assert scores.severity is dg.AssetCheckSeverity.WARN
    assert figures(scores)["psi_score"] > 0.25
    assert figures(scores)["setting"] == "BULK_PIPELINE_WARN_SCORE_PSI"


def test_a_column_that_stays_blank_is_drift_too(runner: Runner, tmp_path: Path) -> None:
    """Missing is a bin: a lost column must not look like a smaller batch."""
    rows = usual().with_columns(pl.lit(None, pl.Float64).alias(COVERAGE))

    found = checked(runner, tmp_path, rows)

    assert not found[OF_RATIOS].passed
    told = figures(found[OF_MISSING])
    assert told[f"missing_share_{COVERAGE}"] == 1.0
    shares = 340 / 2_466
    assert told[f"reference_missing_share_{COVERAGE}"] == pytest.approx(shares)


def test_few_rows_are_shown_and_nobody_is_warned(
    runner: Runner, tmp_path: Path
) -> None:
    """Ten rows differ from any population by chance."""
    rows = rows_of(["AA"], range(2001, 2011))
    result = runner.run(runner.claim(write_csv(tmp_path / "few.csv", rows)))

    found = evaluations(result)[OF_RATIOS]
    assert found.passed
    assert figures(found)[f"psi_{DEBT}"] > 0.25
    assert figures(found)["psi_by_chance"] > 0.25
    assert "BULK_PIPELINE_DRIFT_ROWS (1000)" in str(found.description)


def test_thresholds_are_settings(
    runner: Runner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each population has a spread of its own."""
    monkeypatch.setenv("BULK_PIPELINE_DRIFT_ROWS", "10")
    monkeypatch.setenv("BULK_PIPELINE_WARN_RATIO_PSI", "20")
    monkeypatch.setenv("BULK_PIPELINE_WARN_SCORE_PSI", "0.001")
    rows = rows_of(["AA"], range(2001, 2011))
    result = runner.run(runner.claim(write_csv(tmp_path / "few.csv", rows)))

    found = evaluations(result)
    assert result.success
    assert found[OF_RATIOS].passed
    assert not found[OF_SCORES].passed


def test_a_placeholder_in_one_ratio_has_a_threshold_of_its_own(
    runner: Runner, tmp_path: Path
) -> None:
    """Two cells in a hundred are far below the limit of implausible rows."""
    one_in_fifty = pl.int_range(pl.len()) % 50 == 0
    filled = pl.when(one_in_fifty).then(1e8).otherwise(pl.col(COVERAGE))
    rows = usual().with_columns(filled.alias(COVERAGE))

    found = checked(runner, tmp_path, rows)[OF_PLACEHOLDERS]

    told = figures(found)
    assert not found.passed
    assert told["share"] < told["threshold"]
    assert told[f"placeholder_share_{COVERAGE}"] == pytest.approx(0.02, abs=0.005)
    assert told["placeholder_setting"] == "BULK_PIPELINE_WARN_PLACEHOLDER_SHARE"


def test_a_model_without_a_reference_says_so(runner: Runner, tmp_path: Path) -> None:
    """A pass must not look like a comparison that never was."""
    activate(runner.installation.home, stricter(tmp_path))

    found = checked(runner, tmp_path, usual(rows=1_200))

    for check in (OF_RATIOS, OF_SCORES):
        assert found[check].passed
        assert "The model has no reference." in str(found[check].description)
        assert "bulk-pipeline model reference FILE" in str(found[check].description)
        assert not [name for name in figures(found[check]) if name.startswith("psi_")]
    assert f"missing_share_{DEBT}" in figures(found[OF_MISSING])


def test_a_damaged_reference_warns_and_stops_nothing(
    runner: Runner, tmp_path: Path
) -> None:
    """A file for comparisons must not keep the accounts of a day from being loaded."""
    path = reference_file(runner.installation.home, load_model().sha256)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("{")

    found = checked(runner, tmp_path, usual(rows=1_200))

    assert not found[OF_RATIOS].passed
    assert found[OF_RATIOS].severity is dg.AssetCheckSeverity.WARN
    assert path.name in str(found[OF_RATIOS].description)


def test_a_batch_without_rows_has_nothing_to_compare(
    runner: Runner, tmp_path: Path
) -> None:
    """A file of rejects alone ends with its reasons, not with a division by zero."""
    rows = [{**row, "reporting_year": "soon"} for row in rows_of(["AA"], [2001])]
    result = runner.run(runner.claim(write_csv(tmp_path / "bad.csv", rows)))

    found = evaluations(result)[OF_RATIOS]
    assert result.success
    assert found.passed
    assert found.description == "The batch has no rows to compare."


@pytest.mark.parametrize("rows", [1_000, 2_475, 20_000])
def test_made_up_accounts_never_raise_a_false_alarm(home: Path, rows: int) -> None:
    """The least number of rows to judge is far enough from where chance begins."""
    model = load_model()
    reference = reference_of(Home(home), model.sha256)
    assert reference is not None
    highest = 0.0
    for seed in range(30 if rows < 10_000 else 5):
        ratios = ratio_matrix(usual(seed, rows).select(RATIOS))
        columns = dict(zip(RATIOS, ratios.T, strict=True))
        columns[SCORE] = model.probabilities(ratios)
        for name, column in columns.items():
            found = distribution(column, reference.columns[name].edges)
            expected = reference.columns[name]
            index = stability_index(found.by_bin, expected.by_bin)
            highest = max(highest, index)

    assert highest < 0.25
