"""Rows that meet a stored row of their key, or one another: who stays is known."""

import time
from datetime import UTC, datetime

from bulk_pipeline_tests.adapters.harness import Pipeline, counts, listed, ratios
from bulk_pipeline_tests.adapters.predictions import ROA, roas, table, with_roa
from bulk_pipeline_tests.adapters.ways import WAYS_AND_MODES
from bulk_pipeline_tests.builders import ROW, rows_of, write_csv


def test_skip_keeps_what_is_stored_and_lists_what_differs(
    pipeline: Pipeline, base, corrected
) -> None:
    """A corrected value that is ignored in silence would be believed to be stored."""
    first = pipeline.given(base).uploads[0]
    report = pipeline.load(corrected, on_conflict="skip").uploads[0]
    assert counts(report) == (7, 1, 0, 6, 2, 0)
    assert roas(pipeline) == [3.711] * 7
    found = listed(report)
    assert [row["line"] for row in found] == ["4", "5"]
    for row in found:
        assert row["outcome"] == "duplicate_conflicting"
        assert row["column"] == ROA
        assert (row["value"], row["kept_value"]) == ("9.5", "3.711")
        assert row["kept_in"] == f"upload {first.key}"
    assert [row["company_symbol"] for row in found] == ["B", "B"]
    assert [row["reporting_year"] for row in found] == ["2001", "2002"]


def test_update_replaces_and_keeps_the_old_values(
    pipeline: Pipeline, base, corrected
) -> None:
    """An auditor asks what stood there before, until when, and what replaced it."""
    pipeline.given(base)
    before = table(pipeline, "annual_predictions")
    started = pipeline.seen.kept(datetime.now(UTC))
    report = pipeline.load(corrected, on_conflict="update").uploads[0]
    assert counts(report) == (7, 1, 2, 4, 0, 0)
    assert roas(pipeline) == [3.711, 3.711, 9.5, 9.5, 3.711, 3.711, 3.711]
    assert report.reject_file is None
    kept = pipeline.query(
        "SELECT prediction_id, company_id, reporting_year, reporting_quarter,"
        " long_term_debt_to_total_capital, total_debt_to_ebitda, net_income_margin,"
        " ebit_to_interest_expense, return_on_assets, probability, risk_level,"
        " confidence, model_id, upload_id, created_at, updated_at"
        " FROM annual_prediction_history ORDER BY prediction_id"
    )
    assert kept == before[2:4]
    stamps = pipeline.query(
        "SELECT replaced_at, upload_key, reason FROM annual_prediction_history"
        " JOIN uploads ON uploads.id = replaced_by_upload_id"
    )
    assert [stamp[1:] for stamp in stamps] == [(report.key, "update")] * 2
    assert all(started <= stamp[0] for stamp in stamps)
    replaced = pipeline.query(
        "SELECT upload_key, annual_predictions.id, created_at, updated_at"
        " FROM annual_predictions JOIN uploads ON uploads.id = upload_id"
        " WHERE return_on_assets = 9.5 ORDER BY annual_predictions.id"
    )
    assert [row[0] for row in replaced] == [report.key] * 2
    assert [row[1] for row in replaced] == [row[0] for row in before[2:4]]
    assert all(created < updated for _, _, created, updated in replaced)


def test_in_one_file_the_first_row_wins(small: Pipeline, tmp_path) -> None:
    """Whoever sent the file learns which of two lines counts, under update too."""
    pipeline = small
    rows = rows_of("AB", [2001])
    path = write_csv(
        tmp_path / "twice.csv", [*rows, *with_roa(rows[:1], 9), rows[1], rows[0]]
    )
    report = pipeline.load(path, on_conflict="update").uploads[0]
    assert counts(report) == (5, 2, 0, 3, 1, 0)
    assert roas(pipeline) == [3.711, 3.711]
    (row,) = listed(report)
    assert (row["line"], row["kept_in"]) == ("4", "line 2 of this file")
    assert (row["value"], row["kept_value"]) == ("9.0", "3.711")
    again = pipeline.given_again(report.batch).uploads[0]
    assert counts(again) == counts(report)
    assert listed(again) == [row]


@WAYS_AND_MODES
def test_two_files_of_one_batch_are_loaded_one_after_the_other(
    pipeline: Pipeline, tmp_path, mode
) -> None:
    """Files that arrive together must give what they give when they arrive apart."""
    first = write_csv(tmp_path / "b-first.csv", rows_of("AB", [2001, 2002]))
    changed = [*rows_of("A", [2001]), *with_roa(rows_of("BC", [2002]), 5)]
    time.sleep(0.01)  # the order of files is that of their change
    second = write_csv(tmp_path / "a-second.csv", changed)
    published = pipeline.load(second, first, on_conflict=mode)
    older, newer = published.uploads
    assert [older.file, newer.file] == ["b-first.csv", "a-second.csv"]
    assert counts(older) == (4, 4, 0, 0, 0, 0)
    updated = 1 if mode == "update" else 0
    assert counts(newer) == (3, 1, updated, 2 - updated, 1 - updated, 0)
    assert roas(pipeline) == [3.711] * 3 + [5.0 if updated else 3.711, 5.0]
    assert len(table(pipeline, "annual_prediction_history")) == updated
    again = pipeline.given_again(older.batch)
    assert [counts(report) for report in again.uploads] == [
        counts(older),
        counts(newer),
    ]
    assert again.figures.rows_written == 0
    assert [listed(report) for report in again.uploads] == [
        listed(older),
        listed(newer),
    ]


def test_a_gap_and_a_value_differ_in_the_list(small: Pipeline, tmp_path) -> None:
    """A blank cell beside a number would look like a fault of the list."""
    pipeline = small
    pipeline.given(write_csv(tmp_path / "a.csv", [{**ROW, **ratios()}]))
    path = write_csv(tmp_path / "b.csv", [{**ROW, **ratios(return_on_assets="0")}])
    (row,) = listed(pipeline.load(path).uploads[0])
    assert (row["value"], row["kept_value"]) == ("0.0", "missing")


def test_quarters_of_a_year_are_rows_of_their_own(small: Pipeline, tmp_path) -> None:
    """A company that reports quarterly must not overwrite itself."""
    quarters = ["Q1", "q2", "3", "", "FY", "Q4"]
    rows = [{**ROW, "reporting_quarter": quarter} for quarter in quarters]
    report = small.load(write_csv(tmp_path / "quarters.csv", rows)).uploads[0]
    assert counts(report) == (6, 5, 0, 1, 0, 0)
    assert [row[2] for row in small.stored()] == ["FY", "Q1", "Q2", "Q3", "Q4"]


def test_a_later_model_scores_an_old_batch_again(
    small: Pipeline, base, tmp_path
) -> None:
    """A new model replaces the scores of the batch and keeps the old ones."""
    pipeline = small
    first = pipeline.given(base)
    scores = pipeline.query("SELECT probability FROM annual_predictions")
    shipped = pipeline.value("SELECT document FROM models")
    later = tmp_path / "later.json"
    later.write_text(shipped + "\n")
    pipeline.model = later
    again = pipeline.run(first.uploads[0].batch)
    assert counts(again.uploads[0]) == counts(first.uploads[0])
    assert again.figures.rows_written == 6
    query = "SELECT DISTINCT model_id FROM annual_predictions"
    assert pipeline.query(query) == [(2,)]
    history = "SELECT probability, model_id, reason FROM annual_prediction_history"
    assert pipeline.query(history) == [(*score, 1, "reload") for score in scores]
    assert pipeline.given_again(first.uploads[0].batch).figures.rows_written == 0
