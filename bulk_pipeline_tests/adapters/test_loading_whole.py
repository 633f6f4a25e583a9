"""A load is visible whole or not at all, and its receipt and figures say which."""

import json
from dataclasses import replace
from datetime import UTC, datetime

import polars as pl
import pytest

from bulk_pipeline.adapters.chunks import write_chunk
from bulk_pipeline.core.errors import AccountingError, PermanentError
from bulk_pipeline.core.schema import RATIOS
from bulk_pipeline_tests.adapters.harness import (
    IN_PROCESS,
    REAL_FILE,
    Pipeline,
    counts,
    ended,
    started,
    write_many,
)
from bulk_pipeline_tests.builders import rows_of, write_csv


@pytest.mark.parametrize("known", [[], ["A"]], ids=["none known", "one known"])
def test_a_missing_company_fails_by_name(pipeline: Pipeline, tmp_path, known) -> None:
    """Rows of a company without an id would be dropped by a join, unseen."""
    pipeline.installation.database.create_tables()
    if known:
        pipeline.given(write_csv(tmp_path / "known.csv", rows_of(known, [1999])))
    batch = pipeline.land(write_csv(tmp_path / "new.csv", rows_of("AXY", [2001])))
    scores = pipeline.score(pipeline.read(batch.key))
    with pytest.raises(PermanentError, match=r"first is [AX]\. Materialise companies"):
        pipeline.publish(scores, register=False)
    assert pipeline.predictions() == len(known)
    assert pipeline.value("SELECT count(*) FROM uploads") == len(known)
    assert pipeline.value("SELECT count(*) FROM models") == len(known)
    registered = replace(pipeline, bulk_rows=IN_PROCESS).publish(scores)
    assert registered.uploads[0].inserted == 3


@pytest.mark.parametrize(("mode", "value"), [("skip", float("nan")), ("update", 1.5)])
def test_a_value_that_cannot_be_is_refused_whole(
    pipeline: Pipeline, base, corrected, mode, value
) -> None:
    """A probability above one in the table would be believed by whoever reads it."""
    pipeline.given(base)
    before = pipeline.stored()
    batch = pipeline.land(corrected, on_conflict=mode)
    scores = pipeline.score(pipeline.read(batch.key))
    name = "probability"
    folder = scores.directory
    frame = pl.read_ipc(folder / scores.chunks[0].name)
    position = 2 if mode == "update" else 6  # a row to replace, a new row
    values = frame[name].to_list()
    values[position] = value
    write_chunk(
        folder / scores.chunks[0].name, frame.with_columns(pl.Series(name, values))
    )
    with pytest.raises(AccountingError, match="probability"):
        pipeline.publish(scores)
    assert pipeline.stored() == before
    assert pipeline.value("SELECT count(*) FROM uploads") == 1
    assert pipeline.value("SELECT count(*) FROM annual_prediction_history") == 0


def test_counts_that_disagree_store_nothing(small: Pipeline, base) -> None:
    """A file of which a row went astray on the way must not look loaded."""
    pipeline = small
    batch = pipeline.land(base)
    rows = pipeline.read(batch.key)
    uploads = rows.directory.parent / "uploads.json"
    readings = json.loads(uploads.read_text())
    readings[0]["rows_read"] += 1
    uploads.write_text(json.dumps(readings))
    with pytest.raises(AccountingError, match=r"base\.csv: 7 rows were read.*6 \+ 0"):
        pipeline.publish(pipeline.score(rows))
    assert pipeline.predictions() == 0
    assert pipeline.value("SELECT count(*) FROM uploads") == 0


def test_a_load_leaves_its_receipt(pipeline: Pipeline, base) -> None:
    """The receipt is what makes a load count, and every row names it and its model."""
    before = pipeline.seen.kept(datetime.now(UTC))
    report = pipeline.load(base).uploads[0]
    (receipt,) = pipeline.query(
        "SELECT upload_key, batch_key, home_id, file_name, sha256, rows_read, inserted,"
        " updated, duplicates, duplicates_conflicting, rejected FROM uploads"
    )
    home = pipeline.installation.journal.home_id()
    named = (report.key, report.batch, home, "base.csv", report.sha256)
    assert receipt == (*named, 6, 6, 0, 0, 0, 0)
    (model,) = pipeline.query("SELECT id, kind, sha256, document FROM models")
    assert model[1] == "scorecard"
    assert len(model[2]) == 64
    assert json.loads(model[3])
    moments = pipeline.query(
        "SELECT DISTINCT p.created_at, p.updated_at, u.first_loaded_at,"
        " u.last_loaded_at, p.model_id, u.model_id, p.upload_id"
        " FROM annual_predictions p, uploads u"
    )
    assert len(moments) == 1
    assert len({*moments[0][:4]}) == 1
    now = pipeline.seen.kept(datetime.now(UTC))
    assert before <= moments[0][0] <= now
    assert moments[0][4:] == (model[0], model[0], 1)


def test_rows_are_visible_to_other_processes_at_once(
    pipeline: Pipeline, tmp_path
) -> None:
    """Rows that only the loading process sees are rows that are gone when it ends."""
    program = (
        "import os, sqlalchemy as sa\n"
        "from bulk_pipeline_tests.adapters.looking import view_of\n"
        "view = view_of(sa.make_url(os.environ['DATABASE_URL']))\n"
        "print(view.query('SELECT count(*) FROM annual_predictions')[0][0])"
    )
    for number in (1, 2):
        rows = write_many(
            tmp_path / f"{number}.csv", range(50), range(1900, 1900 + 10 * number)
        )
        pipeline.load(rows)
        seen = ended(started(program, DATABASE_URL=pipeline.url))
        assert int(seen) == 500 * number


def test_a_batch_of_no_row_leaves_a_receipt(pipeline: Pipeline, tmp_path) -> None:
    """An empty export is a fact about its sender, not a failure."""
    published = pipeline.load(write_csv(tmp_path / "empty.csv", []))
    assert counts(published.uploads[0]) == (0, 0, 0, 0, 0, 0)
    assert published.uploads[0].state == "loaded"
    assert pipeline.value("SELECT rows_read FROM uploads") == 0
    assert pipeline.load(tmp_path / "empty.csv").uploads[0].state == "repeated"


def test_the_figures_of_a_load_add_up(small: Pipeline, base, corrected) -> None:
    """The chart of the runs is drawn from this table and nothing else."""
    pipeline = small
    published = pipeline.load(base, corrected, on_conflict="update")
    figures = published.figures
    assert figures.counts["rows_read"] == 13
    assert figures.counts["inserted"] + figures.counts["updated"] == 9
    assert figures.seconds > 0
    assert figures.rows_per_second == pytest.approx(13 / figures.seconds)
    assert figures.tier == "STANDARD"
    assert figures.peak_memory_bytes > 10_000_000
    stored = pipeline.query(
        "SELECT batch_key, run_id, rows_read, rows_written, load_seconds, tier"
        " FROM run_metrics"
    )
    batch = published.uploads[0].batch
    load = figures.stages["load"]
    assert stored == [(batch, "run", 13, figures.rows_written, load, "STANDARD")]
    states = [report.state for report in pipeline.installation.journal.uploads()]
    assert states == ["loaded", "loaded"]


@pytest.mark.skipif(not REAL_FILE.exists(), reason="the real rows are not at hand")
def test_the_real_rows_give_the_known_figures(pipeline: Pipeline) -> None:
    """These figures come from another system: they hold what no own test can."""
    report = pipeline.load(REAL_FILE).uploads[0]
    assert counts(report) == (2_475, 2_466, 0, 9, 0, 0)
    missing = " OR ".join(f"{name} IS NULL" for name in RATIOS)
    where = f"SELECT count(*) FROM annual_predictions WHERE {missing}"  # noqa: S608
    assert pipeline.value(where) == 471
    levels = (
        "SELECT risk_level, count(*) FROM annual_predictions"
        " GROUP BY risk_level ORDER BY 1"
    )
    assert pipeline.query(levels) == [("LOW", 540), ("MEDIUM", 1_926)]
    total = pipeline.value("SELECT sum(probability) FROM annual_predictions")
    assert total == pytest.approx(57.28843432367688, rel=1e-12)
    assert pipeline.value("SELECT count(*) FROM companies") == 86
    assert counts(pipeline.given(REAL_FILE, force=True).uploads[0])[1:4] == (
        0,
        0,
        2_475,
    )
