"""Spans and chunks: how a batch is cut changes no score and no outcome."""

import json
from dataclasses import replace

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from bulk_pipeline.adapters.active_model import activate
from bulk_pipeline.adapters.checking import accounting, data_shares, score_range
from bulk_pipeline.adapters.reports import step_records
from bulk_pipeline.adapters.scoring import (
    gather,
    plan_spans,
    planned_span,
    score_span,
    scored_model,
)
from bulk_pipeline.core.errors import PermanentError
from bulk_pipeline_tests.adapters.harness import (
    IN_PROCESS,
    Pipeline,
    counts,
    installation_in,
    ratios,
)
from bulk_pipeline_tests.builders import ROW, rows_of, write_csv

SIZES = (1, 7, 1000, 1_000_000)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Where the file and its uncut load lie; no test changes them."""
    return tmp_path_factory.mktemp("scoring")


@pytest.fixture(scope="module")
def mixed(folder):
    """One hundred rows: gaps, duplicates, conflicts and rejects among them."""
    rows = rows_of([f"S{number}" for number in range(9)], range(2000, 2010))
    for place, row in enumerate(rows):
        row["return_on_assets"] = str(place - 40)
        if place % 5 == 0:
            row.update(ratios(total_debt_to_ebitda=place / 7))
    rows += [dict(rows[3]), {**rows[8], "net_income_margin": "77"}]
    rows += [{**ROW, "reporting_year": "1066"}, {**ROW, "company_symbol": " "}]
    rows += rows_of("XYZ", [1990, 1991])
    return write_csv(folder / "mixed.csv", rows)


def loaded(folder, file, size, workers):
    """Scores, stored rows and counts of a file under some size and workers."""
    given = {"ULTRA_BATCH_SIZE": size, "ULTRA_PARALLEL_WORKERS": workers}
    pipeline = Pipeline(installation_in(folder, **given), IN_PROCESS)
    batch = pipeline.land(file)
    scores = pipeline.score(pipeline.read(batch.key))
    report = pipeline.publish(scores).uploads[0]
    probability = "SELECT probability, risk_level FROM annual_predictions ORDER BY id"
    found = scores.frame(), pipeline.stored(), counts(report)
    stored = pipeline.query(probability)
    pipeline.close()
    return (*found, stored)


@pytest.fixture(scope="module")
def whole(folder, mixed):
    """The batch in one chunk and one span."""
    return loaded(folder / "whole", mixed, 1_000_000, 1)


def same(found, whole):
    """Compare what two loads of one file gave."""
    scores, stored, outcome, probabilities = found
    assert_frame_equal(scores, whole[0], rel_tol=1e-12, abs_tol=0)
    assert stored == whole[1]
    assert outcome == whole[2] == (100, 96, 0, 2, 1, 2)
    assert [row[1] for row in probabilities] == [row[1] for row in whole[3]]
    ours, theirs = ([row[0] for row in table] for table in (probabilities, whole[3]))
    assert ours == pytest.approx(theirs, rel=1e-12)


@pytest.mark.parametrize("size", SIZES)
def test_the_size_of_chunks_changes_nothing(tmp_path, mixed, whole, size) -> None:
    """A score that depends on its neighbours could not be repeated or explained."""
    same(loaded(tmp_path / "cut", mixed, size, 2), whole)


@pytest.mark.parametrize("workers", range(1, 9))
def test_the_number_of_spans_changes_nothing(tmp_path, mixed, whole, workers) -> None:
    """A machine with more cores must not give other figures."""
    same(loaded(tmp_path / "cut", mixed, 9, workers), whole)


def scored_rows(pipeline, file):
    """A batch that was read, and the shipped model."""
    rows = pipeline.read(pipeline.land(file).key)
    return rows, activate(pipeline.installation.home, None)


def test_spans_cover_every_chunk_once(make, mixed) -> None:
    """A chunk in no span is never scored, one in two is scored twice."""
    pipeline = make(ULTRA_BATCH_SIZE=9)
    rows, model = scored_rows(pipeline, mixed)
    for workers in range(1, 9):
        spans = plan_spans(rows, workers, model)
        assert len(spans) == workers
        edges = [(span.first, span.last) for span in spans]
        assert [first for first, _ in edges] == [0, *(last for _, last in edges[:-1])]
        assert edges[-1][1] == len(rows.chunks)
        assert max(b - a for a, b in edges) - min(b - a for a, b in edges) <= 1
        assert [span.name for span in spans] == [f"span_{n}" for n in range(workers)]
    for span in spans:
        found = planned_span(pipeline.installation, span.batch, span.name)
        assert found == span


def test_spans_may_be_scored_in_any_order_and_again(make, mixed, whole) -> None:
    """Steps run when there is room for them, and a step that failed runs again."""
    pipeline = make(ULTRA_BATCH_SIZE=9)
    rows, model = scored_rows(pipeline, mixed)
    spans = plan_spans(rows, 4, model)
    for span in (*reversed(spans), spans[1]):
        score_span(pipeline.installation, span)
    scores = gather(pipeline.installation, rows.directory.parent.name)
    assert_frame_equal(scores.frame(), whole[0], rel_tol=1e-12, abs_tol=0)
    steps = step_records(rows.directory.parent)
    assert sum(step.stages.get("score", 0) for step in steps) > 0


def test_scores_that_are_missing_are_not_published(make, mixed) -> None:
    """A batch of which a part was not scored must not be loaded as the whole."""
    pipeline = make(ULTRA_BATCH_SIZE=9)
    rows, model = scored_rows(pipeline, mixed)
    batch = rows.directory.parent.name
    with pytest.raises(PermanentError, match="Materialise batch_predictions"):
        gather(pipeline.installation, batch)
    with pytest.raises(PermanentError, match="Materialise batch_predictions"):
        scored_model(rows.directory.parent)
    spans = plan_spans(rows, 2, model)
    score_span(pipeline.installation, spans[0])
    score_span(pipeline.installation, replace(spans[1], last=spans[1].last - 1))
    with pytest.raises(PermanentError, match=r"98 rows were read but \d+ scored"):
        gather(pipeline.installation, batch)


def test_a_span_that_was_never_scored_is_named(make, mixed) -> None:
    """Whoever looks for the step that did not run should read its name."""
    pipeline = make(ULTRA_BATCH_SIZE=9)
    rows, model = scored_rows(pipeline, mixed)
    score_span(pipeline.installation, plan_spans(rows, 2, model)[0])
    with pytest.raises(PermanentError, match=r"span_1.*Materialise batch_predictions"):
        gather(pipeline.installation, rows.directory.parent.name)


def test_a_new_plan_forgets_the_old_scores(make, mixed) -> None:
    """Scores of another model or cut must not be gathered with those of this one."""
    pipeline = make(ULTRA_BATCH_SIZE=9)
    rows, model = scored_rows(pipeline, mixed)
    for span in plan_spans(rows, 4, model):
        score_span(pipeline.installation, span)
    spans = plan_spans(rows, 2, model)
    folder = rows.directory.parent / "scores"
    assert [path.name for path in folder.iterdir()] == ["plan.json"]
    with pytest.raises(PermanentError, match="no span_3: it was made anew"):
        planned_span(pipeline.installation, spans[0].batch, "span_3")


def test_a_batch_without_rows_has_one_span(make, tmp_path) -> None:
    """A run over an empty file must have the steps of any other."""
    pipeline = make()
    rows, model = scored_rows(pipeline, write_csv(tmp_path / "empty.csv", []))
    (span,) = plan_spans(rows, 8, model)
    assert (span.first, span.last) == (0, 0)
    score_span(pipeline.installation, span)
    scores = gather(pipeline.installation, span.batch)
    assert scores.rows == 0
    with pytest.raises(PermanentError, match="no rows at all"):
        scores.frame()
    folder = rows.directory.parent
    assert score_range(folder) == (0.0, 0.0, True)
    assert accounting(folder) == (0, 0, 0)
    shares = data_shares(folder, pipeline.installation.settings)
    assert [(share.rows, share.share, share.passed) for share in shares] == [
        (0, 0.0, True)
    ] * 3


def test_the_checks_count_what_is_there(make, mixed) -> None:
    """The checks are what an analyst looks at before believing a batch."""
    pipeline = make(ULTRA_BATCH_SIZE=9, BULK_PIPELINE_WARN_REJECTED_SHARE=0.02)
    rows, model = scored_rows(pipeline, mixed)
    for span in plan_spans(rows, 2, model):
        score_span(pipeline.installation, span)
    scores = gather(pipeline.installation, rows.directory.parent.name)
    folder = rows.directory.parent
    assert accounting(folder) == (100, 98, 2)
    probability = scores.frame()["probability"]
    assert score_range(folder) == (probability.min(), probability.max(), True)
    rejected, missing, implausible = data_shares(folder, pipeline.installation.settings)
    assert (rejected.rows, rejected.share, rejected.passed) == (2, 0.02, True)
    assert rejected.setting == "BULK_PIPELINE_WARN_REJECTED_SHARE"
    assert (missing.rows, missing.share) == (18, 18 / 98)
    assert implausible.rows == 0
    strict = make(BULK_PIPELINE_WARN_REJECTED_SHARE=0.019).installation.settings
    assert not data_shares(folder, strict)[0].passed


def test_in_file_duplicates_are_counted_by_upload(make, mixed, tmp_path) -> None:
    """Two files with one key are two uploads, not a repetition within one."""
    pipeline = make(ULTRA_BATCH_SIZE=9)
    other = write_csv(tmp_path / "other.csv", rows_of("XYZ", [1990, 1991, 1991]))
    batch = pipeline.land(mixed, other)
    folder = pipeline.score(pipeline.read(batch.key)).directory.parent
    found = json.loads((folder / "duplicates.json").read_text())
    assert sorted(found, key=lambda counted: counted["upload"]) == [
        {"upload": 0, "duplicates": 2, "conflicting": 1},
        {"upload": 1, "duplicates": 3, "conflicting": 0},
    ]
    assert pl.read_ipc(folder / "duplicates.arrow").height == 5
