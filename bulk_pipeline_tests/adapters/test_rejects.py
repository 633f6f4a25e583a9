"""Reject files: safe to open, easy to mend, and ready to be loaded again."""

import csv
from pathlib import Path

import openpyxl
import pytest

from bulk_pipeline.adapters.rejects import OWN_COLUMNS, write_reject_files
from bulk_pipeline_tests.adapters.harness import Pipeline, counts, listed
from bulk_pipeline_tests.builders import HEADER, ROW, rows_of, write_csv


def lines(path):
    """All rows of a CSV file, the header among them."""
    with Path(path).open(newline="", encoding="utf-8") as file:
        return list(csv.reader(file))


@pytest.mark.parametrize(
    "text", ["=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", '=HYPERLINK("http://x")']
)
def test_no_cell_runs_as_a_formula(small: Pipeline, tmp_path, text) -> None:
    """A reject file is opened in a spreadsheet by the one who can mend it."""
    rows = [{**ROW, "company_name": text, "reporting_year": text}]
    report = small.load(write_csv(tmp_path / "bad.csv", rows)).uploads[0]
    (row,) = listed(report)
    assert row["value"] == row["company_name"] == f"'{text}"
    for cells in lines(report.reject_file):
        assert not any(
            cell[:1] in "=+@" or cell.startswith("-2+") for cell in cells if cell
        )


def test_negative_numbers_are_no_formulas(small: Pipeline, tmp_path) -> None:
    """An apostrophe before a number would make it a text, and the row a reject."""
    rows = [{**ROW, "reporting_year": "soon", "return_on_assets": "-3.5e-2"}]
    (row,) = listed(small.load(write_csv(tmp_path / "bad.csv", rows)).uploads[0])
    assert row["return_on_assets"] == "-3.5e-2"
    assert row["net_income_margin"] == "-24.182"


def test_a_header_is_as_safe_as_a_cell(small: Pipeline, tmp_path) -> None:
    """The first row is opened like all others."""
    header = [*HEADER, "=1+1"]
    rows = [{**ROW, "reporting_year": "soon", "=1+1": "note"}]
    report = small.load(write_csv(tmp_path / "bad.csv", rows, header)).uploads[0]
    assert lines(report.reject_file)[0] == [*OWN_COLUMNS, *HEADER, "'=1+1"]


def test_rows_stand_under_the_headers_of_their_file(small: Pipeline, tmp_path) -> None:
    """Who mends the file knows their own columns, in their own order."""
    header = ["Notes", "Ticker", *HEADER[1:4], "FY", *HEADER[5:], "line", "Notes"]
    good = ["n1", "A", *list(ROW.values())[1:4], "2001", *list(ROW.values())[5:]]
    bad = ["n1", "A", *list(ROW.values())[1:4], "MMXII", *list(ROW.values())[5:]]
    path = tmp_path / "own.csv"
    with path.open("w", newline="") as file:
        csv.writer(file).writerows(
            [header, [*good, "l", "n2"], [*bad, "l", "n2"], ["too", "short"]]
        )
    report = small.load(path).uploads[0]
    assert counts(report) == (3, 1, 0, 0, 0, 2)
    written = lines(report.reject_file)
    assert written[0] == [*OWN_COLUMNS, *header]
    own = len(OWN_COLUMNS)
    assert written[1][own:] == [*bad, "l", "n2"]
    assert written[1][:2] == ["3", "rejected"]
    assert written[1][2:5:2] == ["reporting_year", "MMXII"]
    assert written[2][0] == "4"
    assert written[2][3].startswith("wrong_field_count: ")
    assert written[2][4] == "too,short"
    assert not any(written[2][own:])


def test_a_mended_reject_file_can_be_loaded(small: Pipeline, tmp_path) -> None:
    """Mending a list and sending it back is the shortest way out of a reject."""
    rows = rows_of("AB", [2001, 2002])
    rows[1]["reporting_year"] = "soon"
    rows[2]["return_on_assets"] = "n.a.?"
    report = small.load(write_csv(tmp_path / "bad.csv", rows)).uploads[0]
    assert counts(report) == (4, 2, 0, 0, 0, 2)
    mended = tmp_path / "mended.csv"
    text = Path(report.reject_file or "").read_text()
    mended.write_text(text.replace(",soon,Q4", ",2002,Q4").replace(",n.a.?\n", ",\n"))
    again = small.load(mended).uploads[0]
    assert counts(again) == (2, 2, 0, 0, 0, 0)
    (passed_over,) = (w for w in again.warnings if "passed over" in w)
    assert all(repr(name) in passed_over for name in OWN_COLUMNS)
    keys = [row[:2] for row in small.stored()]
    assert keys == [("A", 2001), ("A", 2002), ("B", 2001), ("B", 2002)]


def test_rejects_and_conflicts_stand_in_one_list_in_file_order(
    small: Pipeline, tmp_path
) -> None:
    """One list for one file: nobody opens two."""
    small.load(write_csv(tmp_path / "stored.csv", rows_of("C", [2001])))
    rows = [
        *rows_of("A", [2001]),
        {**ROW, "reporting_year": "soon"},
        {**rows_of("A", [2001])[0], "return_on_assets": "1"},
        {**ROW, "reporting_year": ""},
        {**rows_of("C", [2001])[0], "return_on_assets": "", "net_income_margin": "2"},
    ]
    report = small.load(write_csv(tmp_path / "all.csv", rows)).uploads[0]
    found = listed(report)
    assert [row["line"] for row in found] == ["3", "4", "5", "6"]
    outcomes = [row["outcome"] for row in found]
    assert outcomes == ["rejected", "duplicate_conflicting"] * 2
    assert found[3]["column"] == "net_income_margin; return_on_assets"
    assert found[3]["value"] == "2.0; missing"
    assert found[3]["kept_value"].lstrip("'") == "-24.182; 3.711"
    assert (found[3]["company_symbol"], found[3]["reporting_year"]) == ("C", "2001")


def test_a_file_with_nothing_to_list_has_no_reject_file(
    small: Pipeline, tmp_path
) -> None:
    """An empty list left over from an earlier run would say that something is bad."""
    good = write_csv(tmp_path / "good.csv", rows_of("A", [2001]))
    bad = write_csv(tmp_path / "bad.csv", [{**ROW, "reporting_year": "soon"}])
    published = small.load(good, bad)
    batch = published.uploads[0].batch
    home = small.installation.home
    by_file = {report.file: report for report in published.uploads}
    assert by_file["good.csv"].reject_file is None
    stale = home.rejects(batch) / f"{by_file['good.csv'].key}.csv"
    stale.write_text("stale")
    written = write_reject_files(home, batch)
    assert not stale.exists()
    assert list(written) == [by_file["bad.csv"].key]
    names = {path.name for path in home.rejects(batch).iterdir()}
    assert names == {path.name for path in written.values()}


def test_a_workbook_lists_what_the_csv_lists(small: Pipeline, tmp_path) -> None:
    """Whoever asks for the other format must not get another list."""
    rows = [{**ROW, "reporting_year": "=1+1", "sector": ""}]
    report = small.load(write_csv(tmp_path / "bad.csv", rows)).uploads[0]
    written = write_reject_files(small.installation.home, report.batch, ".xlsx")
    book = openpyxl.load_workbook(written[report.key])
    found = [
        ["" if cell is None else str(cell) for cell in row]
        for row in book.worksheets[0].iter_rows(values_only=True)
    ]
    assert found == lines(report.reject_file)


def test_every_reject_is_listed(make, tmp_path) -> None:
    """A list that ends after the first hundred hides the rest of the trouble."""
    small = make(ULTRA_BATCH_SIZE=100)
    rows = rows_of([f"S{number}" for number in range(5_000)], ["soon"])
    report = small.load(write_csv(tmp_path / "bad.csv", rows)).uploads[0]
    assert counts(report) == (5_000, 0, 0, 0, 0, 5_000)
    assert [row["line"] for row in listed(report)] == [str(n) for n in range(2, 5_002)]


def test_no_list_of_an_earlier_attempt_survives(small: Pipeline, tmp_path) -> None:
    """A list of rejects for a file that no longer has any sends people after ghosts."""
    rows = rows_of("AB", [2001])
    rows[0]["net_income_margin"] = "twelve"
    report = small.load(write_csv(tmp_path / "a.csv", rows)).uploads[0]
    listing = Path(report.reject_file)
    left = [listing.with_name("20990101T000000Z-gone.csv"), listing.with_name("x.xlsx")]
    half = listing.with_name(".0123456789abcdef.partial")
    for path in (*left, half):
        path.touch()
    written = write_reject_files(small.installation.home, report.batch)
    assert written == {report.key: listing}
    assert sorted(listing.parent.iterdir()) == sorted([listing, left[1]])
