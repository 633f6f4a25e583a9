"""What can be asked to be withdrawn, and what is refused with its reason."""

import pytest

from bulk_pipeline.adapters.withdrawing import withdraw
from bulk_pipeline.core.errors import PermanentError
from bulk_pipeline_tests.adapters.harness import Pipeline
from bulk_pipeline_tests.adapters.withdrawals import (
    ROWS,
    file_of,
    loaded,
)


def test_a_batch_is_withdrawn_whole_newest_first(small: Pipeline, tmp_path) -> None:
    """Files that were dropped together are often wrong together."""
    files = [file_of(tmp_path, name, ROWS[name]) for name in ("a.csv", "b.csv")]
    empty = tmp_path / "none.csv"
    empty.write_text("company_symbol\n")
    batch = small.load(*files, empty, on_conflict="update").uploads[0].batch

    done = withdraw(small.installation, [batch])
    assert [(u.file, u.state) for u in done] == [
        ("b.csv", "withdrawn"),
        ("a.csv", "withdrawn"),
        ("none.csv", "failed"),
    ]
    assert "Nothing to withdraw" in done[-1].message
    assert small.predictions() == 0


def test_a_repeated_upload_has_nothing_to_withdraw(small: Pipeline, tmp_path) -> None:
    """The rows belong to the upload that it repeats, which the answer names."""
    first = loaded(small, tmp_path, "a.csv")["a.csv"]
    second = loaded(small, tmp_path, "a.csv")["a.csv"]

    (done,) = withdraw(small.installation, [second.key])
    assert done.state == "repeated"
    assert "Nothing to withdraw" in done.message
    assert first.key in done.message
    assert small.predictions() == 3


def test_an_unknown_key_is_named_and_nothing_is_withdrawn(
    small: Pipeline, tmp_path
) -> None:
    """A typing mistake must not leave half of a list withdrawn."""
    report = loaded(small, tmp_path, "a.csv")["a.csv"]
    with pytest.raises(PermanentError, match="'20990101T000000Z-none'"):
        withdraw(small.installation, [report.key, "20990101T000000Z-none"])
    assert small.predictions() == 3


def test_an_unfinished_upload_is_not_withdrawn(small: Pipeline, tmp_path) -> None:
    """Its rows would come a moment after somebody was told that none are left."""
    batch = small.land(file_of(tmp_path, "a.csv", ROWS["a.csv"]))
    with pytest.raises(PermanentError, match=r"\(a\.csv\) is claimed"):
        withdraw(small.installation, [batch.uploads[0].key])


def test_rows_in_another_database_are_not_called_withdrawn(
    small: Pipeline, tmp_path, make
) -> None:
    """Whoever forgot ``--database`` must not believe that the rows are gone."""
    report = loaded(small, tmp_path, "a.csv")["a.csv"]
    other = make(DATABASE_URL=f"sqlite:///{tmp_path / 'other.db'}")
    with pytest.raises(PermanentError, match="--database"):
        withdraw(other.installation, [report.key])
