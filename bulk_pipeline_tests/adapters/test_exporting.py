"""Laws of an export: the file is what is stored, in order, at one moment."""

import sqlite3
from pathlib import Path

import polars as pl
import pytest

from bulk_pipeline.adapters.exporting import export as exporting
from bulk_pipeline.adapters.exporting.export import Selection, export, export_rows
from bulk_pipeline.adapters.exporting.rows import blocks
from bulk_pipeline.core.errors import ConfigurationError, TransientError
from bulk_pipeline.core.export import EXPORTED
from bulk_pipeline.core.schema import INPUT_COLUMNS
from bulk_pipeline_tests.adapters.exports import STORED, ordered, read_back, values
from bulk_pipeline_tests.adapters.harness import counts, write_many
from bulk_pipeline_tests.adapters.ways import ON_SERVERS
from bulk_pipeline_tests.builders import ROW, rows_of, write_csv

SUFFIXES = (".csv", ".xlsx", ".parquet")


@pytest.fixture
def odd(tmp_path):
    """Rows with names that start like formulas, with nothing, and with long numbers."""
    rows = rows_of(["B", "A", "@C", "=D", "-E", "+F", "-7", "\U0001f600"], [2003, 2001])
    names = ["=1+1", "+cmd", "-x", "@y", '"quoted", twice', "Société <&>", "a_x0041_b"]
    for number, row in enumerate(rows):
        row["company_name"] = names[number // 2 % len(names)]
        row["reporting_quarter"] = ["Q2", "FY", "Q1"][number % 3]
        row["return_on_assets"] = "" if number % 4 == 1 else str(number / 3)
        row["sector"] = "" if number % 8 < 4 else row["sector"]
        row["market_cap"] = "" if number % 6 < 2 else row["market_cap"]
    return write_csv(tmp_path / "odd.csv", rows)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_an_export_is_what_is_stored(small, odd, tmp_path, suffix):
    """An analyst takes the file for the database: no value may change on the way."""
    small.load(odd)
    out = tmp_path / f"out{suffix}"
    rows = export_rows(small.installation, Selection(), out)

    found = read_back(out)
    texts = ("company_symbol", "company_name")
    if suffix == ".csv":
        found = found.with_columns(pl.col(*texts).str.replace(r"^'([=+\-@])", "$1"))
    assert rows == found.height == 16
    assert found.columns == list(EXPORTED)
    assert values(found) == ordered(small.query(STORED))
    assert found["updated_at"].null_count() == 0


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_an_exported_file_loaded_again_is_duplicates_only(small, odd, tmp_path, suffix):
    """Results go back and forth between people: a round trip must not add a company."""
    small.load(odd)
    out = tmp_path / f"out{suffix}"
    export_rows(small.installation, Selection(), out)
    [again] = small.load(out).uploads

    assert counts(again) == (16, 0, 0, 16, 0, 0)
    assert small.value("SELECT count(*) FROM companies") == 8
    assert "names_differ" not in again.notices


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_no_rows_are_a_file_with_a_header(small, base, tmp_path, suffix):
    """A year without accounts is an answer; a missing file would look like a fault."""
    small.load(base)
    out = tmp_path / f"out{suffix}"
    assert export_rows(small.installation, Selection(year=1999), out) == 0
    assert read_back(out).columns == list(EXPORTED)
    assert read_back(out).is_empty()


def test_a_year_is_the_rows_of_that_year(small, odd, tmp_path):
    """A report is about one year, and another year's rows would spoil its sums."""
    small.load(odd)
    out = tmp_path / "out.parquet"
    export_rows(small.installation, Selection(year=2001), out)
    assert values(read_back(out)) == [
        r for r in ordered(small.query(STORED)) if r[4] == 2001
    ]


def test_how_many_rows_are_read_at_once_changes_nothing(
    small, tmp_path, make, monkeypatch
):
    """Memory is bounded by reading in parts, and no part may be lost or come twice."""
    small.load(write_many(tmp_path / "many.csv", range(2300), range(2001, 2003)))
    out, other = tmp_path / "out.csv", tmp_path / "other.csv"
    rows = export_rows(small.installation, Selection(), out)
    monkeypatch.setattr(
        exporting, "blocks", lambda connection, wanted, _: blocks(connection, wanted, 7)
    )
    export_rows(small.installation, Selection(), other)

    assert rows == 4600
    assert out.read_bytes() == other.read_bytes()
    assert values(read_back(out)) == ordered(small.query(STORED))


def test_a_load_that_commits_meanwhile_is_not_torn_in(
    small, base, tmp_path, monkeypatch, make
):
    """Half of a load in a report is neither the old state nor the new one."""
    small.load(base)
    if not small.is_sqlite:
        pytest.skip("Without snapshots, loads and exports wait for each other.")
    before = ordered(small.query(STORED))
    more = write_many(tmp_path / "more.csv", range(3), range(2001, 2003))

    def with_a_load(*arguments):
        """The rows, and a load once the transaction has been begun."""
        found = blocks(*arguments)
        first = next(found)
        small.load(more)
        yield first
        yield from found

    monkeypatch.setattr(exporting, "blocks", with_a_load)
    export_rows(small.installation, Selection(), tmp_path / "out.parquet")
    assert values(read_back(tmp_path / "out.parquet")) == before
    assert small.predictions() == len(before) + 6


@pytest.mark.parametrize("pipeline", ON_SERVERS, indirect=True)
def test_without_snapshots_a_load_and_an_export_wait_for_each_other(
    pipeline, make, base, tmp_path, monkeypatch
):
    """A server that shows a transaction what others commit meanwhile would tear it."""
    pipeline.load(base)
    hurried = make(
        home="hurried", BULK_PIPELINE_BUSY_SECONDS="0.2", BULK_PIPELINE_RETRIES="1"
    )
    more = write_many(tmp_path / "more.csv", range(3), range(2001, 2003))
    scores = hurried.score(hurried.read(hurried.land(more).key))

    def with_others(*arguments):
        """The rows, while another export goes on and a load has to wait."""
        monkeypatch.setattr(exporting, "blocks", blocks)
        assert export_rows(pipeline.installation, Selection(), tmp_path / "2.csv") == 6
        with pytest.raises(TransientError):
            hurried.publish(scores)
        yield from blocks(*arguments)

    monkeypatch.setattr(exporting, "blocks", with_others)
    assert export_rows(pipeline.installation, Selection(), tmp_path / "1.csv") == 6
    hurried.publish(scores)
    assert export_rows(pipeline.installation, Selection(), tmp_path / "3.csv") == 12

    def during_a_load(connection):
        """A load holds the write lock, and an export of the hurried gives up."""
        del connection
        with pytest.raises(TransientError, match="A load held the database"):
            export_rows(hurried.installation, Selection(), tmp_path / "4.csv")

    pipeline.installation.database.writing(during_a_load)
    assert not (tmp_path / "4.csv").exists()


def test_what_fails_leaves_no_file_and_keeps_the_old_one(
    on_sqlite, base, tmp_path, monkeypatch
):
    """A short file is taken for a whole one by everybody who did not see the error."""
    on_sqlite.load(base)
    out = tmp_path / "out.csv"
    out.write_text("old")

    def failing(*arguments):
        """The first rows, and then an error as of a full disk."""
        yield next(blocks(*arguments))
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(exporting, "blocks", failing)
    with pytest.raises(OSError, match="No space"):
        export_rows(on_sqlite.installation, Selection(), out, replace=True)
    assert out.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir() if "partial" in p.name] == []


@pytest.mark.parametrize("name", ["out.txt", "nowhere/out.csv", "taken.csv"])
def test_a_place_that_cannot_be_is_refused_before_the_database_is_asked(
    on_sqlite, tmp_path, name
):
    """Minutes of reading must not end with a name that could never be."""
    (tmp_path / "taken.csv").write_text("old")
    with pytest.raises(ConfigurationError):
        export(on_sqlite.installation, Selection(), tmp_path / name)
    assert not on_sqlite.installation.home.database.exists()


def test_more_rows_than_a_sheet_holds_are_refused_by_the_names_that_work(
    on_sqlite, base, tmp_path, monkeypatch
):
    """A sheet that is cut off at its last line looks whole."""
    on_sqlite.load(base)
    monkeypatch.setattr("bulk_pipeline.adapters.exporting.files.MOST_XLSX_ROWS", 5)
    with pytest.raises(ConfigurationError, match=r"\.csv or \.parquet"):
        export(on_sqlite.installation, Selection(), tmp_path / "out.xlsx")
    assert not (tmp_path / "out.xlsx").exists()
    export(on_sqlite.installation, Selection(year=2001), tmp_path / "out.xlsx")


def test_a_csv_export_holds_no_formula(on_sqlite, odd, tmp_path):
    """A name from a supplier must not run on the machine of whoever opens the file."""
    on_sqlite.load(odd)
    out = tmp_path / "out.csv"
    export_rows(on_sqlite.installation, Selection(), out)
    cells = pl.read_csv(out, infer_schema=False)
    for column in ("company_symbol", "company_name", "sector", "model"):
        starts = cells[column].drop_nulls().str.head(1)
        risky = cells[column].drop_nulls().filter(starts.is_in(["=", "+", "@", "-"]))
        assert set(risky) <= {"-7"}


def test_the_columns_of_an_input_file_come_first():
    """Whoever edits the export and sends it back must find what the reader wants."""
    names = [column.name for column in INPUT_COLUMNS]
    assert list(EXPORTED)[: len(names)] == names


def test_a_database_that_another_program_wrote_to_is_exported_as_it_is(
    on_sqlite, base, tmp_path
):
    """An operator who mends a value by hand must find it in the file, to the bit."""
    on_sqlite.load(base)
    with sqlite3.connect(on_sqlite.installation.home.database) as database:
        database.execute("UPDATE annual_predictions SET total_debt_to_ebitda = 5e-324")
        database.execute("UPDATE companies SET market_cap = 3 WHERE symbol = 'A'")
    out = tmp_path / "out.csv"
    export_rows(on_sqlite.installation, Selection(), out)
    assert set(read_back(out)["total_debt_to_ebitda"]) == {5e-324}
    assert values(read_back(out)) == ordered(on_sqlite.query(STORED))
    assert float(ROW["market_cap"]) in read_back(out)["market_cap"]
    assert Path(out).exists()
