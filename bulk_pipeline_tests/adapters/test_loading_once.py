"""A load happens once: whatever is loaded again, in any order, stores nothing twice."""

import pytest

from bulk_pipeline_tests.adapters.harness import Pipeline, counts, listed
from bulk_pipeline_tests.adapters.predictions import table, with_roa
from bulk_pipeline_tests.adapters.ways import WAYS_AND_MODES
from bulk_pipeline_tests.builders import ROW, rows_of, write_csv

BOTH_MODES = pytest.mark.parametrize("mode", ["skip", "update"])


def test_every_row_read_is_accounted_for(pipeline: Pipeline, tmp_path) -> None:
    """A row that is in no count is a row that was lost."""
    pipeline.given(write_csv(tmp_path / "first.csv", rows_of("AB", [2001])))
    rows = [
        *with_roa(rows_of("A", [2001]), 8),  # stored with another value
        *rows_of("B", [2001]),  # stored as it stands
        *rows_of("C", [2001, 2002, 2002]),  # two new keys, one of them twice
        {**ROW, "reporting_year": "soon"},
    ]
    path = write_csv(tmp_path / "second.csv", rows)
    skipped = pipeline.given(path, on_conflict="skip")
    assert counts(skipped.uploads[0]) == (6, 2, 0, 3, 1, 1)
    assert skipped.figures.rows_written == 2
    later = [*with_roa(rows_of("A", [2001]), 7), *rows[1:]]
    replaced = pipeline.load(
        write_csv(tmp_path / "third.csv", later), on_conflict="update"
    )
    assert counts(replaced.uploads[0]) == (6, 0, 1, 4, 0, 1)
    for report in (*skipped.uploads, *replaced.uploads):
        read, inserted, updated, duplicates, _, rejected = counts(report)
        assert read == inserted + updated + duplicates + rejected


def test_a_file_that_was_loaded_is_repeated(small: Pipeline, base, tmp_path) -> None:
    """Whoever drops a file twice, by the same name or another, gets no second load."""
    pipeline = small
    first = pipeline.load(base).uploads[0]
    renamed = tmp_path / "renamed.csv"
    renamed.write_bytes(base.read_bytes())
    for path in (base, renamed):
        again = pipeline.load(path)
        assert again.uploads[0].state == "repeated"
        assert first.key in again.uploads[0].message
        assert "base.csv" in again.uploads[0].message
        assert counts(again.uploads[0]) == (0, 0, 0, 0, 0, 0)
        assert again.figures.rows_written == 0
    assert pipeline.predictions() == 6
    assert pipeline.value("SELECT count(*) FROM uploads") == 1


def test_other_options_are_another_load(small: Pipeline, base) -> None:
    """A file read under another unit or rule is not the same load."""
    pipeline = small
    pipeline.load(base)
    assert pipeline.load(base, blank_quarter="FY").uploads[0].state == "loaded"


def test_force_loads_a_known_file_and_finds_duplicates(small: Pipeline, base) -> None:
    """Force is for those who doubt the table; it must not store a row twice."""
    pipeline = small
    pipeline.given(base)
    forced = pipeline.load(base, force=True)
    assert counts(forced.uploads[0]) == (6, 0, 0, 6, 0, 0)
    assert forced.figures.rows_written == 0
    assert pipeline.predictions() == 6


def test_a_batch_stays_loaded_though_it_was_forced_again(small: Pipeline, base) -> None:
    """A later copy of a file must not turn the load that stored the rows into none."""
    pipeline = small
    first = pipeline.load(base)
    pipeline.load(base, force=True)
    again = pipeline.run(first.uploads[0].batch)
    assert again.uploads[0].state == "loaded"
    assert counts(again.uploads[0]) == counts(first.uploads[0])


def test_two_copies_in_one_batch_are_one_load(small: Pipeline, base, tmp_path) -> None:
    """The same export dropped twice at once is no conflict, and stays so."""
    pipeline = small
    copy = tmp_path / "copy.csv"
    copy.write_bytes(base.read_bytes())
    published = pipeline.load(base, copy)
    assert [report.state for report in published.uploads] == ["loaded", "repeated"]
    assert published.uploads[0].key in published.uploads[1].message
    again = pipeline.run(published.uploads[0].batch)
    assert [report.state for report in again.uploads] == ["loaded", "repeated"]


@WAYS_AND_MODES
def test_an_older_batch_run_again_brings_nothing_back(
    pipeline: Pipeline, base, corrected, mode
) -> None:
    """A click on an old partition must not undo a correction, nor change a count."""
    first = pipeline.given(base, on_conflict=mode)
    second = pipeline.given(corrected, on_conflict=mode)
    before = [table(pipeline, n) for n in ("annual_predictions", "companies")]
    history = table(pipeline, "annual_prediction_history")
    for published, run in ((first, pipeline.run), (second, pipeline.given_again)):
        again = run(published.uploads[0].batch)
        assert counts(again.uploads[0]) == counts(published.uploads[0])
        assert again.uploads[0].state == "loaded"
        assert again.figures.rows_written == 0
        assert listed(again.uploads[0]) == listed(published.uploads[0])
    after = [table(pipeline, n) for n in ("annual_predictions", "companies")]
    assert after == before
    assert table(pipeline, "annual_prediction_history") == history
    assert pipeline.value("SELECT count(*) FROM uploads") == 2


@BOTH_MODES
def test_a_batch_of_three_generations_keeps_its_counts(
    small: Pipeline, base, corrected, tmp_path, mode
) -> None:
    """A row that was replaced twice still counts for each upload as it first did."""
    pipeline = small
    third = write_csv(
        tmp_path / "third.csv", with_roa(rows_of("ABC", [2001, 2002]), -4)
    )
    loads = [pipeline.given(p, on_conflict=mode) for p in (base, corrected, third)]
    before = table(pipeline, "annual_predictions")
    for published in loads:
        again = pipeline.run(published.uploads[0].batch)
        assert counts(again.uploads[0])[:4] == counts(published.uploads[0])[:4]
        assert again.figures.rows_written == 0
    assert table(pipeline, "annual_predictions") == before


@WAYS_AND_MODES
def test_rows_deleted_by_hand_come_back_once(
    pipeline: Pipeline, base, corrected, mode
) -> None:
    """Running a batch again mends a table; its counts stay what they were."""
    pipeline.given(base, on_conflict=mode)
    second = pipeline.given(corrected, on_conflict=mode)
    before = pipeline.stored()
    pipeline.query("DELETE FROM annual_predictions WHERE upload_id = 2")
    written = 1 if mode == "skip" else 3
    again = pipeline.run(second.uploads[0].batch)
    assert counts(again.uploads[0]) == counts(second.uploads[0])
    assert again.figures.rows_written == written
    assert pipeline.stored() == before
    once_more = pipeline.given_again(second.uploads[0].batch)
    assert counts(once_more.uploads[0]) == counts(second.uploads[0])
    assert once_more.figures.rows_written == 0
    assert pipeline.stored() == before


@BOTH_MODES
def test_a_table_emptied_by_hand_is_filled_by_its_batches(
    small: Pipeline, base, corrected, mode
) -> None:
    """Also where no row of its companies is left, an upload reports what it did."""
    loads = [small.load(path, on_conflict=mode) for path in (base, corrected)]
    before = small.stored()
    small.query("DELETE FROM annual_predictions")
    for published in loads:
        again = small.run(published.uploads[0].batch)
        assert counts(again.uploads[0]) == counts(published.uploads[0])
    assert small.stored() == before


def test_an_update_runs_again_into_an_emptied_table(
    pipeline: Pipeline, base, corrected
) -> None:
    """What an upload replaced, it replaced, though nothing is left to replace now."""
    pipeline.given(base)
    second = pipeline.given(corrected, on_conflict="update")
    pipeline.query("DELETE FROM annual_predictions")
    again = pipeline.run(second.uploads[0].batch).uploads[0]
    assert counts(again)[2] == counts(second.uploads[0])[2] == 2
    assert pipeline.predictions() == 7


def test_a_run_that_is_made_again_renews_only_the_time_of_its_receipt(
    small: Pipeline, base
) -> None:
    """When a file was first loaded is a fact that no later click changes."""
    pipeline = small
    report = pipeline.load(base).uploads[0]
    query = "SELECT id, first_loaded_at, last_loaded_at FROM uploads"
    ((upload, first, last),) = pipeline.query(query)
    pipeline.run(report.batch)
    ((same_upload, same_first, later),) = pipeline.query(query)
    assert (same_upload, same_first) == (upload, first)
    assert later > last
