"""Stored rows under another model: scored once, history kept, all or nothing."""

from dataclasses import replace
from pathlib import Path

import pytest

from bulk_pipeline.adapters.active_model import activate
from bulk_pipeline.adapters.rescoring import outdated_years, rescored_years
from bulk_pipeline.core.errors import PermanentError
from bulk_pipeline_tests.adapters.harness import Pipeline
from bulk_pipeline_tests.adapters.rescorings import (
    EVERYTHING,
    HISTORY,
    five_years,
    rescore,
    rows_before,
)
from bulk_pipeline_tests.adapters.withdrawals import KEPT
from bulk_pipeline_tests.builders import ROW, rows_of, write_csv
from bulk_pipeline_tests.models import moved, stricter


@pytest.fixture
def loaded(small: Pipeline, tmp_path: Path) -> Pipeline:
    """Three companies over 2008 to 2012; see ``five_years``."""
    return five_years(small, tmp_path)


def test_a_row_gets_the_score_of_the_active_model(loaded: Pipeline, tmp_path) -> None:
    """Two companies compared under two models are not compared at all."""
    scores = (
        "SELECT id, probability, confidence, risk_level, model_id"
        " FROM annual_predictions WHERE reporting_year = 2010 ORDER BY id"
    )
    before = loaded.query(scores)
    [done] = rescore(loaded, stricter(tmp_path), 2010)
    after = loaded.query(scores)
    assert (done.year, done.rows_rescored, done.rows_already_current) == (2010, 3, 0)
    for old, new in zip(before, after, strict=True):
        assert new[1] == pytest.approx(moved(old[1]), rel=1e-12)
        assert new[2] == max(2 * abs(new[1] - 0.5), 0.5)
    assert [row[3] for row in after] == ["MEDIUM", "CRITICAL", "MEDIUM"]
    name = "SELECT name FROM models WHERE id = ?"
    assert {loaded.value(name, row[4]) for row in after} == {"stricter"}


def test_ratios_owner_and_birth_of_a_row_stay(loaded: Pipeline, tmp_path) -> None:
    """A missing ratio must not become 0, nor a row somebody else's."""
    kept = (
        "SELECT id, company_id, upload_id, created_at FROM annual_predictions"
        " ORDER BY id"
    )
    before = (loaded.stored(), loaded.query(kept))
    rescore(loaded, stricter(tmp_path), *range(2008, 2013))
    assert (loaded.stored(), loaded.query(kept)) == before
    older = "SELECT count(*) FROM annual_predictions WHERE updated_at <= created_at"
    assert loaded.value(older) == 0
    missing = "SELECT count(*) FROM annual_predictions WHERE return_on_assets IS NULL"
    assert loaded.value(missing) == 5


def test_the_old_row_is_in_the_history_as_it_stood(loaded: Pipeline, tmp_path) -> None:
    """Someone decided by the old score, and will be asked why."""
    before = rows_before(loaded, [2010])
    rescore(loaded, stricter(tmp_path), 2010)
    names = ", ".join(["prediction_id", *KEPT])
    kept = f"SELECT {names} FROM annual_prediction_history ORDER BY prediction_id"  # noqa: S608
    assert loaded.query(kept) == before
    how = (
        "SELECT h.reason, h.replaced_by_upload_id, h.replaced_at, p.updated_at"
        " FROM annual_prediction_history h"
        " JOIN annual_predictions p ON p.id = h.prediction_id"
    )
    ((reason, upload, replaced_at, updated_at),) = {*loaded.query(how)}
    assert (reason, upload) == ("rescore", None)
    assert replaced_at == updated_at


def test_only_the_years_that_are_asked_for_change(loaded: Pipeline, tmp_path) -> None:
    """A trial on one year must not touch the others."""
    others = rows_before(loaded, [2008, 2009, 2011])
    done = rescore(loaded, stricter(tmp_path), 2010, 2012)
    assert [(d.year, d.rows_rescored) for d in done] == [(2010, 3), (2012, 3)]
    assert rows_before(loaded, [2008, 2009, 2011]) == others
    assert loaded.value(HISTORY) == 6


def test_rows_that_have_the_model_are_left_alone(loaded: Pipeline, tmp_path) -> None:
    """A back-fill that is started twice must not fill the history with copies."""
    model = stricter(tmp_path)
    rescore(loaded, model, 2010)
    before = loaded.query(EVERYTHING)
    [again] = rescore(loaded, model, 2010)
    assert (again.rows_rescored, again.rows_already_current) == (0, 3)
    assert again.moves == {}
    assert loaded.query(EVERYTHING) == before
    assert loaded.value(HISTORY) == 3


def test_new_rows_of_a_year_are_not_scored_twice(loaded: Pipeline, tmp_path) -> None:
    """A year holds rows of both models once loads go on after an activation."""
    loaded = replace(loaded, model=stricter(tmp_path))
    loaded.load(write_csv(tmp_path / "more.csv", rows_of("XY", [2010])))
    [done] = rescore(loaded, loaded.model, 2010)
    assert (done.rows_rescored, done.rows_already_current) == (3, 2)
    assert loaded.value(HISTORY) == 3


def test_a_year_that_is_current_waits_for_no_writer(make, loaded: Pipeline) -> None:
    """A range of two hundred years, most of them empty, must not stop the loads."""
    hasty = make(BULK_PIPELINE_BUSY_SECONDS=0.01, BULK_PIPELINE_RETRIES=1)
    with loaded.seen.holding():
        done = rescore(hasty, None, 1900, 2010, 2100)
    assert [d.rows_already_current for d in done] == [0, 3, 0]


def test_a_model_without_rows_is_not_registered(loaded: Pipeline, tmp_path) -> None:
    """The table of models lists what rows were scored with."""
    rescore(loaded, stricter(tmp_path), 1999)
    assert loaded.query("SELECT name FROM models") == [("annual-default-scorecard",)]


def test_how_levels_moved_is_counted(loaded: Pipeline, tmp_path) -> None:
    """Whoever activates a model wants to know whom it hits."""
    [done] = rescore(loaded, stricter(tmp_path), 2010)
    assert done.moves == {("MEDIUM", "CRITICAL"): 1}
    assert (done.moved_from("MEDIUM"), done.moved_to("CRITICAL")) == (1, 1)
    assert done.moved_to("MEDIUM") == done.moved_from("LOW") == 0
    [back] = rescore(loaded, None, 2010)
    assert back.moves == {("CRITICAL", "MEDIUM"): 1}


def test_the_size_of_a_piece_changes_no_score(make, loaded: Pipeline, tmp_path) -> None:
    """Memory is bounded by the piece, so its size must not matter."""
    pieces = make(ULTRA_BATCH_SIZE=2)
    model = stricter(tmp_path)
    text = (
        "SELECT probability FROM annual_predictions WHERE reporting_year = ?"
        " ORDER BY id"
    )
    [small_pieces] = rescore(pieces, model, 2010)
    [whole] = rescore(loaded, model, 2011)
    assert small_pieces.rows_rescored == whole.rows_rescored == 3
    assert loaded.query(text, 2010) == loaded.query(text, 2011)


def stop(pipeline: Pipeline, row: int) -> str:
    """Make a stored row one that cannot change; returns what undoes it."""
    if pipeline.is_sqlite:
        pipeline.query(
            "CREATE TRIGGER stop BEFORE UPDATE ON annual_predictions"
            f" WHEN OLD.id = {row} BEGIN SELECT RAISE(ABORT, 'stop'); END"
        )
        return "DROP TRIGGER stop"
    model = pipeline.value("SELECT model_id FROM annual_predictions WHERE id = ?", row)
    pipeline.query(
        "ALTER TABLE annual_predictions ADD CONSTRAINT stop"
        f" CHECK (id <> {row} OR model_id = {model})"
    )
    return "ALTER TABLE annual_predictions DROP CONSTRAINT stop"


def test_a_year_that_fails_is_as_it_was(loaded: Pipeline, tmp_path) -> None:
    """Half a year under a new model looks like a change in the companies."""
    row = loaded.value(
        "SELECT max(id) FROM annual_predictions WHERE reporting_year = 2010"
    )
    undo = stop(loaded, row)
    untouched = rows_before(loaded, [2010, 2011])
    with pytest.raises(PermanentError, match="stop"):
        rescore(loaded, stricter(tmp_path), 2009, 2010, 2011)
    assert rows_before(loaded, [2010, 2011]) == untouched
    assert loaded.value(HISTORY) == 3  # those of 2009, which was committed before
    loaded.query(undo)
    done = rescore(loaded, stricter(tmp_path), 2009, 2010, 2011)
    assert [d.rows_rescored for d in done] == [0, 3, 3]


def test_a_batch_that_is_run_again_leaves_new_scores_alone(
    small: Pipeline, tmp_path
) -> None:
    """A back-fill of old batches must not undo the one over the years."""
    batch = small.land(write_csv(tmp_path / "a.csv", [ROW, *rows_of("AB", [2010])]))
    first = small.run(batch.key)
    model = stricter(tmp_path)
    rescore(small, model, 2010, 2012)
    scored = small.query(EVERYTHING)
    again = replace(small, model=model).run(batch.key)
    assert small.query(EVERYTHING) == scored
    assert again.figures.rows_written == 0
    assert again.figures.counts == first.figures.counts


def test_the_years_that_are_out_of_date_are_known(loaded: Pipeline, tmp_path) -> None:
    """Whoever activates a model is told which years to score again."""
    database = loaded.installation.database
    active = activate(loaded.installation.home, stricter(tmp_path))
    assert outdated_years(database, active.sha256) == dict.fromkeys(
        range(2008, 2013), 3
    )
    list(rescored_years(loaded.installation, active, [2008, 2009]))
    assert outdated_years(database, active.sha256) == dict.fromkeys(
        range(2010, 2013), 3
    )
