"""Laws of the export of an upload: a score for every row of its file."""

import shutil

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bulk_pipeline.adapters.chunks import mapped_frame
from bulk_pipeline.adapters.exporting.export import Selection, export
from bulk_pipeline.adapters.exporting.keys import keys_in
from bulk_pipeline.adapters.withdrawing import withdraw
from bulk_pipeline.core.errors import PermanentError
from bulk_pipeline.core.export import STORED_BY
from bulk_pipeline_tests.adapters.exports import read_back, values
from bulk_pipeline_tests.adapters.harness import Pipeline, installation_in
from bulk_pipeline_tests.builders import rows_of, write_csv

THIS, ANOTHER = "this upload", "another upload"


def exported(pipeline, key, folder, year=None):
    """The export of a key and what was said of it."""
    out = folder / "exported.parquet"
    done = export(pipeline.installation, Selection(key, year), out, replace=True)
    return done, read_back(out)


def keys(frame):
    """Symbol and year of each row, in the order of the file."""
    return frame.select("company_symbol", "reporting_year").rows()


def test_every_row_of_the_file_comes_back_with_a_score(
    small, base, corrected, tmp_path
):
    """Whoever sent seven rows wants seven scores, whoever had stored six of them."""
    small.load(base)
    [upload] = small.load(corrected).uploads
    done, rows = exported(small, upload.key, tmp_path)

    assert (upload.inserted, upload.duplicates) == (1, 6)
    assert keys(rows) == [(s, y) for s in "ABC" for y in (2001, 2002)] + [("D", 2001)]
    assert rows[STORED_BY].to_list() == [ANOTHER] * 6 + [THIS]
    assert (done.rows, done.others, done.notes) == (7, 6, ())
    assert rows["probability"].null_count() == 0


def test_rows_of_others_are_not_among_them(small, base, tmp_path):
    """A file of one team must not hand out the accounts that another team sent."""
    small.load(base)
    rows = [*rows_of("B", [2002, 2003]), *rows_of("Z", [2001])]
    [mine] = small.load(write_csv(tmp_path / "mine.csv", rows)).uploads
    done, found = exported(small, mine.key, tmp_path)
    assert keys(found) == [("B", 2002), ("B", 2003), ("Z", 2001)]
    assert done.others == 1
    done, found = exported(small, mine.key, tmp_path, year=2002)
    assert keys(found) == [("B", 2002)]


def test_rejected_and_repeated_rows_of_a_file_have_no_second_score(on_sqlite, tmp_path):
    """A key has one score: a row twice in the export would be counted twice."""
    rows = [*rows_of("A", [2001]), *rows_of("A", [2001]), *rows_of("A", [2002])]
    rows[2]["reporting_year"] = "two"
    [upload] = on_sqlite.load(write_csv(tmp_path / "one.csv", rows)).uploads
    assert (upload.inserted, upload.duplicates, upload.rejected) == (1, 1, 1)
    assert keys(exported(on_sqlite, upload.key, tmp_path)[1]) == [("A", 2001)]


def test_of_a_retired_batch_only_its_own_rows_are_left_and_that_is_said(
    small, base, corrected, tmp_path
):
    """Files are kept for some weeks; what is missing later must not look complete."""
    small.load(base)
    [upload] = small.load(corrected).uploads
    shutil.rmtree(small.installation.home.chunks(upload.batch))
    done, rows = exported(small, upload.key, tmp_path)
    assert keys(rows) == [("D", 2001)]
    assert rows[STORED_BY].to_list() == [THIS]
    [note] = done.notes
    assert "not among them" in note


def test_rows_that_were_withdrawn_by_another_are_told_of(
    small, base, corrected, tmp_path
):
    """Six scores of seven, without a word, are taken for all that there were."""
    [first] = small.load(base).uploads
    [upload] = small.load(corrected).uploads
    withdraw(small.installation, [first.key])
    done, rows = exported(small, upload.key, tmp_path)
    assert keys(rows) == [("D", 2001)]
    [note] = done.notes
    assert "Of 6 rows of its file nothing is stored any more" in note


def test_no_row_at_all_is_told_of(small, base, tmp_path):
    """A header alone may be an answer, or a year that was mistyped."""
    [upload] = small.load(base).uploads
    done, rows = exported(small, upload.key, tmp_path, year=1990)
    assert rows.is_empty()
    assert done.notes == ("No such row is stored: the file holds its header alone.",)


@pytest.mark.parametrize("look", [1, 2])
def test_chunks_that_go_meanwhile_are_as_good_as_gone(
    on_sqlite, base, corrected, monkeypatch, look
):
    """Housekeeping may retire a batch between two looks at its chunks."""
    on_sqlite.load(base)
    [upload] = on_sqlite.load(corrected).uploads
    home = on_sqlite.installation.home
    looks = []

    def retired_first(path):
        """The chunk, but this is the moment at which its batch is retired."""
        looks.append(path)
        if len(looks) == look:
            shutil.rmtree(home.chunks(upload.batch))
        return mapped_frame(path)

    monkeypatch.setattr("bulk_pipeline.adapters.chunks.mapped_frame", retired_first)
    done, rows = exported(on_sqlite, upload.key, home.root)
    assert keys(rows) == [("D", 2001)]
    [note] = done.notes
    assert "not among them" in note


def test_another_home_of_the_same_database_exports_what_the_upload_stored(
    small, base, make, tmp_path
):
    """An analyst at another machine knows the key from a colleague."""
    [upload] = small.load(base).uploads
    if small.is_sqlite:
        make.url = small.url
    other = make(home="other")
    done, rows = exported(other, upload.key, tmp_path)
    assert (done.rows, rows.height) == (6, 6)
    assert len(done.notes) == 1


def test_a_repeated_upload_is_the_one_that_it_repeats(small, base, tmp_path):
    """The same file dropped twice has the same scores, not none."""
    [first] = small.load(base).uploads
    [again] = small.load(base).uploads
    assert again.state == "repeated"
    done, rows = exported(small, again.key, tmp_path)
    assert values(rows) == values(exported(small, first.key, tmp_path)[1])
    assert first.key in done.notes[0]


def test_a_batch_is_all_its_uploads(small, tmp_path):
    """A folder of files is one batch: nobody wants to ask five hundred times."""
    files = [
        write_csv(tmp_path / f"{s}.csv", rows_of([s, "X"], [2001])) for s in ("B", "A")
    ]
    uploads = small.load(*files).uploads
    rows = exported(small, uploads[0].batch, tmp_path)[1]
    assert keys(rows) == [("A", 2001), ("B", 2001), ("X", 2001)]
    assert set(rows[STORED_BY]) == {"this batch"}
    _, one = exported(small, uploads[1].key, tmp_path)
    assert keys(one) == [("A", 2001), ("X", 2001)]
    assert one[STORED_BY].to_list() == [THIS, ANOTHER]


def test_failed_files_of_a_batch_are_named_and_the_others_exported(
    on_sqlite, base, tmp_path
):
    """One bad file of many must not keep the scores of the others from anybody."""
    bad = tmp_path / "bad.csv"
    bad.write_text("nothing,of,ours\n1,2,3\n")
    uploads = on_sqlite.load(base, bad).uploads
    done, _ = exported(on_sqlite, uploads[0].batch, tmp_path)
    assert done.rows == 6
    assert "bad.csv is left out" in done.notes[0]
    failed = next(u for u in uploads if u.state == "failed")
    with pytest.raises(PermanentError, match=f"(?s)failed.*retry {failed.key}"):
        exported(on_sqlite, failed.key, tmp_path)


def test_an_unknown_key_is_said_to_be_unknown(on_sqlite, base, tmp_path):
    """A mistyped key must not give an empty file."""
    on_sqlite.load(base)
    with pytest.raises(PermanentError, match="no upload or batch 'nobody'"):
        exported(on_sqlite, "nobody", tmp_path)
    assert not (tmp_path / "exported.parquet").exists()


def test_an_upload_that_has_not_ended_is_not_exported(on_sqlite, base, tmp_path):
    """Its rows come all at once, later: until then the file would be empty."""
    batch = on_sqlite.land(base)
    with pytest.raises(PermanentError, match=r"claimed.*Wait until"):
        exported(on_sqlite, batch.key, tmp_path)


def test_a_withdrawn_upload_has_nothing_to_export(small, base, tmp_path):
    """Withdrawn scores were wrong; they must not leave in a file."""
    [upload] = small.load(base).uploads
    withdraw(small.installation, [upload.key])
    with pytest.raises(PermanentError, match=r"[Ww]ithdrawn"):
        exported(small, upload.key, tmp_path)


def test_rows_that_another_upload_has_replaced_since_are_exported_as_they_are_now(
    small, base, corrected, tmp_path
):
    """A score is asked for today, and today's value is the one that counts."""
    [first] = small.load(base).uploads
    small.load(corrected, on_conflict="update")
    done, rows = exported(small, first.key, tmp_path)
    assert done.rows == 6
    assert rows[STORED_BY].to_list() == [THIS] * 2 + [ANOTHER] * 2 + [THIS] * 2
    assert rows["return_on_assets"].to_list()[2:4] == [9.5, 9.5]


@settings(max_examples=12, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(["A", "B", "@", "Ä", "ZZ"]), st.integers(1990, 1994)),
        min_size=1,
        max_size=12,
    ),
    st.integers(1, 4),
    st.integers(1, 3),
)
def test_the_keys_of_a_file_are_found_whatever_parts_they_are_read_in(
    tmp_path_factory, chosen, rows_per_chunk, symbols_at_once
):
    """A key that is lost at the edge of a chunk or a part is a row without a score."""
    folder = tmp_path_factory.mktemp("keys")
    made = installation_in(folder / "home", ULTRA_BATCH_SIZE=rows_per_chunk)
    pipeline = Pipeline(made)
    rows = [row for symbol, year in chosen for row in rows_of([symbol], [year])]
    chunks = pipeline.read(pipeline.land(write_csv(folder / "k.csv", rows)).key)
    found = keys_in([(chunks.directory.parent, [0])])
    parts = list(found.parts(symbols_at_once))
    pipeline.close()

    seen = [
        (part.symbols[company], 1900 + period // 8)
        for part in parts
        for company, period in part.periods.rows()
    ]
    assert seen == sorted(set(chosen))
