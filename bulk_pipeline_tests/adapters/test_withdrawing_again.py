"""What was withdrawn stays so: batches run again, copies, files that are sent anew."""

import pytest

from bulk_pipeline.core.errors import PermanentError
from bulk_pipeline_tests.adapters.harness import Pipeline, counts
from bulk_pipeline_tests.adapters.withdrawals import (
    ROWS,
    STATE,
    file_of,
    loaded,
    taken,
)


@pytest.mark.parametrize("force", [False, True], ids=["", "forced"])
def test_a_batch_that_is_materialised_again_stays_withdrawn(
    small: Pipeline, tmp_path, force
) -> None:
    """A back-fill over all partitions must not undo a withdrawal in silence."""
    path = file_of(tmp_path, "a.csv", ROWS["a.csv"])
    report = small.load(path, force=force).uploads[0]
    taken(small, report.key)
    again = small.run(report.batch)

    assert again.figures.rows_written == small.predictions() == 0
    assert again.uploads[0].state == "withdrawn"
    assert "Withdrawn on" in again.uploads[0].message
    (entry,) = small.installation.journal.uploads()
    assert entry.state == "withdrawn"
    assert taken(small, report.key) == [("a.csv", 0, 0)]


def test_a_copy_that_was_there_brings_nothing_back(small: Pipeline, tmp_path) -> None:
    """A file sent twice by mistake would undo its withdrawal in a back-fill."""
    path = file_of(tmp_path, "a.csv", ROWS["a.csv"])
    copy = file_of(tmp_path, "copy.csv", ROWS["a.csv"])
    report, _ = small.load(path, copy).uploads
    elsewhere = small.load(copy).uploads[0]
    taken(small, report.key)
    again = [*small.run(report.batch).uploads, *small.run(elsewhere.batch).uploads]

    assert [upload.state for upload in again] == ["withdrawn", "repeated", "repeated"]
    assert all(report.key in upload.message for upload in again[1:])
    assert "withdrawn" in again[2].message
    assert small.predictions() == 0


def test_the_rest_of_a_batch_is_loaded_again(pipeline: Pipeline, tmp_path) -> None:
    """One withdrawn file must not take the others of its batch along."""
    files = [file_of(tmp_path, name, ROWS[name]) for name in ("a.csv", "b.csv")]
    first, second = pipeline.given(*files, on_conflict="update").uploads
    taken(pipeline, first.key)
    pipeline.query("DELETE FROM annual_predictions")
    again = pipeline.run(first.batch)

    assert [upload.state for upload in again.uploads] == ["withdrawn", "loaded"]
    assert counts(again.uploads[1]) == counts(second)
    assert [row[0] for row in pipeline.stored()] == ["K", "L", "N"]


def test_the_file_loads_anew_as_a_new_upload(small: Pipeline, tmp_path, alone) -> None:
    """Withdrawing by mistake is mended by sending the file again."""
    reports = loaded(small, tmp_path, "a.csv", "b.csv")
    taken(small, reports["b.csv"].key)
    anew = loaded(small, tmp_path, "b.csv")["b.csv"]

    assert anew.state == "loaded"
    assert counts(anew) == counts(reports["b.csv"])
    assert small.query(STATE) == alone(("a.csv", "b.csv"))
    assert small.run(reports["b.csv"].batch).uploads[0].state == "withdrawn"
    repeated = loaded(small, tmp_path, "b.csv")["b.csv"]
    assert repeated.state == "repeated"
    assert anew.key in repeated.message
    taken(small, anew.key)
    assert small.query(STATE) == alone(("a.csv",))


def test_an_upload_withdrawn_while_it_is_loaded_is_refused(
    pipeline: Pipeline, tmp_path
) -> None:
    """Reading takes minutes; what is withdrawn meanwhile must not come back."""
    report = pipeline.given(file_of(tmp_path, "a.csv", ROWS["a.csv"])).uploads[0]
    scores = pipeline.score(pipeline.read(report.batch))
    taken(pipeline, report.key)
    with pytest.raises(
        PermanentError, match=rf"a\.csv \(upload {report.key}\) was wit"
    ):
        pipeline.publish(scores)
    assert pipeline.predictions() == 0
    assert pipeline.given_again(report.batch).uploads[0].state == "withdrawn"


def test_duplicates_elsewhere_are_stored_only_when_asked_for(
    small: Pipeline, tmp_path
) -> None:
    """Rows that another upload brought too are not guessed back into the table."""
    first = small.load(file_of(tmp_path, "a.csv", [("K", 1)])).uploads[0]
    second = small.load(file_of(tmp_path, "b.csv", [("K", 1), ("L", 1)])).uploads[0]
    assert counts(second)[1:4] == (1, 0, 1)
    taken(small, first.key)
    assert [row[0] for row in small.stored()] == ["L"]

    again = small.run(second.batch)
    assert again.figures.rows_written == 1
    assert counts(again.uploads[0])[1:4] == (2, 0, 0)
    assert [row[0] for row in small.stored()] == ["K", "L"]
    assert counts(small.run(second.batch).uploads[0])[1:4] == (2, 0, 0)
