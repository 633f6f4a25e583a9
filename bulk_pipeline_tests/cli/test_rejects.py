"""Laws of ``bulk-pipeline rejects``: what it counts, copies and refuses."""

import json
from pathlib import Path

import openpyxl
import pytest

from bulk_pipeline.adapters.journal import UploadReport
from bulk_pipeline.adapters.reject_files import read_rejects
from bulk_pipeline.core.cleaning import REASONS
from bulk_pipeline.core.errors import ConfigurationError, PermanentError
from bulk_pipeline_tests.builders import ROW, rows_of, write_csv
from bulk_pipeline_tests.cli.command import bulk_pipeline, results
from bulk_pipeline_tests.cli.test_commands import call
from bulk_pipeline_tests.cli.test_withdraw import loaded

GOOD = rows_of(["AA", "0700"], [2001])
BAD = [
    {**ROW, "reporting_year": "soon"},
    {**ROW, "reporting_year": "=1+1"},
    {**ROW, "company_symbol": ""},
]
CONFLICT = {**GOOD[0], "return_on_assets": "1"}


@pytest.fixture
def upload(tmp_path: Path) -> UploadReport:
    """An upload with rejects of two kinds and a duplicate in conflict."""
    path = write_csv(tmp_path / "accounts.csv", [*GOOD, *BAD, CONFLICT])
    (found,) = loaded(path)
    return found


def test_counts_come_with_their_reasons(upload: UploadReport) -> None:
    """The one who mends the file knows no codes."""
    said = call("rejects", upload.key)

    assert f"accounts.csv: loaded (upload {upload.key})" in said
    assert f"not_a_year: 2. {REASONS['not_a_year']}" in said
    assert f"blank: 1. {REASONS['blank']}" in said
    assert "conflicting: 1. Another row" in said
    assert said.index("not_a_year") < said.index("blank")
    assert f"reject file: {upload.reject_file} (4 rows)" in said
    assert "copy" not in said


def test_json_is_one_object(upload: UploadReport, tmp_path: Path) -> None:
    """Programs read this: a stray line on standard output breaks them."""
    out = tmp_path / "copy.csv"
    done = bulk_pipeline("rejects", upload.key, "--json", "--out", out)

    (found,) = results(done)
    counts = {count["reason"]: count["rows"] for count in found["reasons"]}
    assert counts == {"not_a_year": 2, "blank": 1, "conflicting": 1}
    assert (found["key"], found["rows"]) == (upload.key, 4)
    assert (found["reject_file"], found["copy"]) == (upload.reject_file, str(out))


@pytest.mark.parametrize("suffix", [".csv", ".xlsx", ".XLSX"])
def test_a_copy_holds_every_row_of_the_list(
    upload: UploadReport, tmp_path: Path, suffix
) -> None:
    """Who mends the copy must not miss a row."""
    out = tmp_path / f"copy{suffix}"
    assert f"copy: {out}" in call("rejects", upload.key, "--out", out)

    listed = read_rejects(Path(upload.reject_file or ""))
    if suffix == ".csv":
        assert out.read_bytes() == Path(upload.reject_file or "").read_bytes()
        return
    rows = openpyxl.load_workbook(out).worksheets[0].iter_rows(values_only=True)
    texts = [tuple("" if c is None else str(c) for c in row) for row in rows]
    assert texts == listed.fill_null("").rows()
    assert "'=1+1" in texts[2]


def test_a_mended_copy_can_be_loaded(upload: UploadReport, tmp_path: Path) -> None:
    """Mending a list and sending it back is the shortest way out of a reject."""
    out = tmp_path / "mend.xlsx"
    call("rejects", upload.key, "--out", out)
    book = openpyxl.load_workbook(out)
    sheet = book.worksheets[0]
    place = {cell.value: cell.column for cell in sheet[1]}
    for line, year in ((2, 2013), (3, "2014")):
        sheet.cell(line, place["reporting_year"]).value = year
    sheet.cell(4, place["company_symbol"]).value = "0700"
    sheet.delete_rows(5)
    book.save(out)

    assert "3 rows read = 3 inserted + 0 updated" in call("ingest", out)


def test_a_batch_gives_one_copy_per_upload_into_a_directory(tmp_path: Path) -> None:
    """Files that came together are sent back together, each to its sender."""
    files = [
        write_csv(tmp_path / f"{name}.csv", rows)
        for name, rows in (("one", BAD), ("none", GOOD), ("two", BAD[1:]))
    ]
    uploads = {upload.file: upload for upload in loaded(*files)}
    out = tmp_path / "to" / "send"
    said = call("rejects", uploads["one.csv"].batch, "--out", out)

    names = {f"{uploads[name].key}.xlsx" for name in ("one.csv", "two.csv")}
    assert {path.name for path in out.iterdir()} == names
    assert all(str(out / name) in said for name in names)
    assert "none.csv: loaded" in said


def test_an_upload_without_rejects_says_so(tmp_path: Path) -> None:
    """Silence would leave open whether somebody looked."""
    (good,) = loaded(write_csv(tmp_path / "good.csv", GOOD))
    out = tmp_path / "copy.xlsx"
    said = call("rejects", good.key, "--out", out)

    assert "good.csv: loaded" in said
    assert "No row is listed as rejected." in said
    assert not out.exists()
    (found,) = json.loads(call("rejects", good.key, "--json"))["uploads"]
    assert (found["rows"], found["reject_file"], found["reasons"]) == (0, None, [])


def test_a_file_that_was_refused_as_a_whole_says_why(tmp_path: Path) -> None:
    """No list of rows is no proof that the rows are stored."""
    bad = tmp_path / "bad.csv"
    bad.write_text("company_symbol,reporting_year\nAA,2001\n")
    (refused,) = loaded(bad)
    said = call("rejects", refused.key)

    assert "bad.csv: failed" in said
    assert "return_on_assets" in said


def test_a_home_that_was_moved_still_finds_its_lists(
    upload: UploadReport, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The journal remembers where the home was, not where it is."""
    moved = home.rename(home.with_name("moved"))
    monkeypatch.setenv("BULK_PIPELINE_HOME", str(moved))

    assert f"reject file: {moved}" in call("rejects", upload.key)


def test_an_unknown_key_is_named_and_gives_exit_code_1(upload: UploadReport) -> None:
    """A script must not take a typing mistake for a file without rejects."""
    unknown = bulk_pipeline("rejects", f"{upload.key}0", "--json")

    assert (unknown.returncode, unknown.stdout) == (1, "")
    assert f"'{upload.key}0'" in unknown.stderr
    assert "bulk-pipeline uploads" in unknown.stderr


def test_a_list_that_is_gone_is_no_empty_list(upload: UploadReport) -> None:
    """Whoever tidied up the folder must not be told that all rows were good."""
    Path(upload.reject_file or "").unlink()
    with pytest.raises(PermanentError, match=f"{upload.key}.* is gone.*rejected_rows"):
        call("rejects", upload.key)


def test_a_place_that_cannot_hold_the_copy_gives_exit_code_2(
    upload: UploadReport, tmp_path: Path
) -> None:
    """Half a day of mending lies in a file of the same name."""
    mended = tmp_path / "mended.xlsx"
    mended.write_text("half a day")
    there = bulk_pipeline("rejects", upload.key, "--out", mended)
    other = bulk_pipeline("rejects", upload.key, "--out", tmp_path / "list.ods")

    assert (there.returncode, other.returncode) == (2, 2)
    assert "--force" in there.stderr
    assert mended.read_text() == "half a day"
    assert "list.csv" in other.stderr
    call("rejects", upload.key, "--out", mended, "--force")
    assert openpyxl.load_workbook(mended).sheetnames == ["Rejects"]


@pytest.mark.parametrize("name", ["there.txt", "list.xlsx"])
def test_a_batch_is_not_written_into_one_file(tmp_path: Path, name) -> None:
    """The lists of two files under one name would be nobody's list."""
    files = [write_csv(tmp_path / f"{n}.csv", BAD[n:]) for n in range(2)]
    (first, _) = loaded(*files)
    (tmp_path / "there.txt").write_text("mine")
    with pytest.raises(ConfigurationError, match=f"{name} is no directory"):
        call("rejects", first.batch, "--out", tmp_path / name)
    assert (tmp_path / "there.txt").read_text() == "mine"
