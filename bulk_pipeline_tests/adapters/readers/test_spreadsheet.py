"""Workbooks: exact text, the sheet's own row numbers, and no way to end the process."""

import contextlib
import datetime as dt
import io
import subprocess
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import openpyxl
import pytest

from bulk_pipeline.adapters.readers import (
    Limits,
    open_text,
    spreadsheet,
    spreadsheet_child,
)
from bulk_pipeline.core.errors import UnreadableFile
from bulk_pipeline.core.schema import INPUT_COLUMNS
from bulk_pipeline_tests.adapters.readers.test_delimited import rows_of

Rows = list[list[object]]
HEADER: list[object] = [column.name for column in INPUT_COLUMNS]
Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes a workbook of named sheets; the file's name says nothing."""

    def written(**sheets: Rows) -> Path:
        book = openpyxl.Workbook()
        book.remove(book.worksheets[0])
        for name, rows in sheets.items():
            sheet = book.create_sheet(name)
            for row in rows:
                sheet.append(row)
        book.save(tmp_path / "dropped.csv")
        return tmp_path / "dropped.csv"

    return written


@pytest.fixture
def in_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Parses where the test runs, without limits: faster, and coverage sees it."""

    def run(command: tuple[str, ...], *, cwd: Path, **_: object) -> object:
        with contextlib.chdir(cwd):
            spreadsheet_child.main(*command[-2:])
        return subprocess.CompletedProcess(command, 0, b"", b"")

    monkeypatch.setattr(spreadsheet_child.resource, "setrlimit", lambda *_: None)
    monkeypatch.setattr(spreadsheet.subprocess, "run", run)


def replaced(path: Path, part: str, old: bytes, new: bytes) -> Path:
    """The workbook with a text of one of its parts replaced."""
    packed = io.BytesIO()
    with zipfile.ZipFile(path) as before, zipfile.ZipFile(packed, "w") as after:
        for name in before.namelist():
            content = before.read(name)
            changed = content.replace(old, new) if name == part else content
            assert name != part or changed != content
            after.writestr(name, changed)
    path.write_bytes(packed.getvalue())
    return path


SHEET = "xl/worksheets/sheet1.xml"


@pytest.mark.usefixtures("in_process")
def test_cells_become_the_text_that_means_the_same(write: Write) -> None:
    """A year of 2012.0 is refused later, and a rounded ratio scores differently."""
    cells: Rows = [
        [2012, 24.111],
        ["0700", "TRUE"],
        ["0.10", " x\ny "],
        [True, dt.datetime(2020, 12, 31)],  # noqa: DTZ001
        [-0.5, 100000000],
        ["1e5", "é\U0001f600"],
        ["#N/A", "NA"],
    ]
    path = write(Data=[["symbol", "year"], *cells])
    assert rows_of(open_text(path))[0] == [
        ("2012", "24.111"),
        ("0700", "TRUE"),
        ("0.10", " x\ny "),
        ("true", "2020-12-31 00:00:00"),
        ("-0.5", "100000000"),
        ("1e5", "é\U0001f600"),
        ("", "NA"),
    ]


@pytest.mark.usefixtures("in_process")
@pytest.mark.parametrize(
    ("stored", "text"),
    [
        (b"0.30000000000000004", "0.30000000000000004"),
        (b"24.111000000000001", "24.111"),
        (b"0.33333333333333331", "0.3333333333333333"),
        (b"1E-12", "1e-12"),
        (b"5E-324", "5e-324"),
        (b"1E+20", "100000000000000000000"),
    ],
)
def test_numbers_keep_every_digit(write: Write, stored: bytes, text: str) -> None:
    """The parser's own text has nine decimals, so 1E-12 is 0."""
    path = write(Data=[["symbol", "year"], ["0.123456789012345678", 7777]])
    replaced(path, SHEET, b"<v>7777</v>", b"<v>" + stored + b"</v>")
    assert rows_of(open_text(path))[0] == [("0.123456789012345678", text)]


@pytest.mark.usefixtures("in_process")
def test_lines_are_the_rows_of_the_sheet(write: Write) -> None:
    """A person looks a message up by the row number that Excel shows."""
    rows: Rows = [[], ["Accounts"], [], ["symbol", "year"], ["A", 1], [], ["B", 2], []]
    source = open_text(write(Data=rows))
    assert (source.header, source.header_line) == (("symbol", "year"), 4)
    assert rows_of(source) == ([("A", "1"), ("B", "2")], [5, 7], [])


@pytest.mark.usefixtures("in_process")
def test_chunks_are_small_and_their_bytes_add_up(write: Write) -> None:
    """The parsed rows are taken up piece by piece and never as a whole."""
    path = write(Data=[["symbol", "year"], *[["A", i] for i in range(10)]])
    source = open_text(path, limits=Limits(chunk_rows=4))
    chunks = list(source.chunks())
    assert [chunk.table.num_rows for chunk in chunks] == [4, 4, 2]
    assert sum(chunk.bytes_read for chunk in chunks) == source.total_bytes
    assert rows_of(source)[1] == list(range(2, 12))


def test_a_header_alone_is_a_table_without_rows(write: Write) -> None:
    """An empty export is no fault of the file."""
    assert rows_of(open_text(write(Data=[["symbol", "year"]]))) == ([], [], [])


@pytest.mark.usefixtures("in_process")
def test_the_sheet_with_our_header_is_read_and_the_others_are_named(
    write: Write,
) -> None:
    """The first sheet is often a cover; rows left unread must not go unsaid."""
    path = write(Notes=[["about", "x"]], Data=[["symbol", "year"], ["A", 1]])
    source = open_text(path)
    assert rows_of(source)[0] == [("A", "1")]
    (notice,) = source.notices
    assert notice.text == "Only the sheet 'Data' is read, not 'Notes'."


@pytest.mark.usefixtures("in_process")
def test_two_sheets_that_match_alike_are_refused(write: Write) -> None:
    """To choose one in silence would lose the rows of the other."""
    row: list[object] = ["x"] * len(HEADER)
    path = write(Old=[HEADER, row], New=[HEADER, row], Notes=[["x"]])
    with pytest.raises(UnreadableFile, match="sheets 'Old', 'New' all hold a table"):
        open_text(path)


@pytest.mark.usefixtures("in_process")
def test_hidden_sheets_are_passed_over(write: Write) -> None:
    """A person cannot see what would be read there."""
    path = write(Data=[["symbol", "year"], ["A", 1]], Cache=[HEADER, HEADER])
    hide = b'sheetId="2" state="hidden"'
    replaced(path, "xl/workbook.xml", b'sheetId="2" state="visible"', hide)
    assert rows_of(open_text(path))[0] == [("A", "1")]
    replaced(
        path,
        "xl/workbook.xml",
        b'state="visible" r:id="rId1"',
        b'state="veryHidden" r:id="rId1"',
    )
    with pytest.raises(UnreadableFile, match="no visible sheet"):
        open_text(path)


@pytest.mark.usefixtures("in_process")
def test_a_formula_without_a_value_is_refused_by_its_cell(write: Write) -> None:
    """A program wrote it and nothing calculated it: it would read as missing."""
    path = write(Data=[["symbol", "year"], ["A", "=2011+1"]])
    message = r"^dropped\.csv, sheet 'Data', cell B2: a formula.*Excel and save"
    with pytest.raises(UnreadableFile, match=message):
        open_text(path)
    replaced(path, SHEET, b"<v />", b"<v>2012</v>")
    assert rows_of(open_text(path))[0] == [("A", "2012")]


@pytest.mark.usefixtures("in_process")
def test_a_formula_that_gives_an_empty_text_has_a_value(write: Write) -> None:
    """Excel stores it so: a ratio that a formula left blank is a missing ratio."""
    path = write(Data=[["symbol", "year", "name"], ["A", '=""', "x"]])
    replaced(path, SHEET, b'<c r="B2">', b'<c r="B2" t="str">')
    assert rows_of(open_text(path))[0] == [("A", "", "x")]


def test_a_sheet_that_claims_every_cell_ends_only_the_child(write: Write) -> None:
    """Five kilobytes with a cell in the last corner abort a process that reads it."""
    book_path = write(Data=[["symbol", "year"], ["A", 7777]])
    replaced(book_path, SHEET, b'r="B2"', b'r="XFD1048576"')
    with pytest.raises(UnreadableFile, match="cannot be read within the limits"):
        open_text(book_path)


@pytest.mark.parametrize(
    "limits", [Limits(child_seconds=0), Limits(child_memory_bytes=300 << 20)]
)
def test_a_workbook_beyond_time_or_memory_is_refused(
    write: Write, limits: Limits
) -> None:
    """One file must not keep the others waiting, nor take the machine."""
    path = write(Data=[["symbol", "year"], *[["A" * 99, i] for i in range(999)]])
    with pytest.raises(UnreadableFile, match=r"within the limits|bytes of memory"):
        open_text(path, limits=limits)


@pytest.mark.parametrize(
    "limits", [Limits(unpacked_bytes=100_000), Limits(unpacked_ratio=100)]
)
def test_an_archive_that_unpacks_to_too_much_is_refused(
    tmp_path: Path, limits: Limits
) -> None:
    """310 kilobytes can unpack to gigabytes."""
    path = tmp_path / "bomb.xlsx"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/workbook.xml", bytes(65 << 20))
    with pytest.raises(UnreadableFile, match=r"^bomb\.xlsx: the workbook unpacks to"):
        open_text(path, limits=limits)


@pytest.mark.usefixtures("in_process")
def test_a_damaged_workbook_is_refused(write: Write) -> None:
    """A half-copied file must not be read as a short one."""
    path = write(Data=[["symbol", "year"], ["A", 1]])
    whole = path.read_bytes()
    path.write_bytes(whole[:-30])
    with pytest.raises(UnreadableFile, match=r"^dropped\.csv: .*damaged or cut short"):
        open_text(path)
    path.write_bytes(whole)
    replaced(path, SHEET, b"</row>", b"</wor>")
    with pytest.raises(UnreadableFile, match=r"^dropped\.csv: the workbook .*Excel"):
        open_text(path)


def test_an_archive_that_is_no_workbook_is_refused(tmp_path: Path) -> None:
    """Other archives are no tables, whatever they are called."""
    path = tmp_path / "dropped.xlsx"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("content.xml", "x")
    with pytest.raises(UnreadableFile, match=r"no \.xlsx workbook"):
        open_text(path)


@pytest.mark.usefixtures("in_process")
def test_a_sheet_that_is_too_wide_is_refused(write: Write) -> None:
    """Each column costs memory in every chunk."""
    path = write(Data=[["symbol", "year", *"abcdefghi"]])
    with pytest.raises(UnreadableFile, match="11 columns; at most 10"):
        open_text(path, limits=Limits(columns=10))


def test_nothing_is_left_behind(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A long-lived process would fill the disk with parsed rows."""
    left = tmp_path / "left"
    left.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(left))
    assert rows_of(open_text(write(Data=[["symbol", "year"], ["A", 1]])))[0]
    with pytest.raises(UnreadableFile):
        open_text(write(Data=[]))
    assert list(left.iterdir()) == []


def test_a_child_that_cannot_start_says_why(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A broken installation must not be blamed on the size of the file."""
    monkeypatch.setattr(spreadsheet, "_CHILD", "no_such_module")
    with pytest.raises(UnreadableFile, match=r"cannot be read \(.*no_such_module"):
        open_text(write(Data=[["symbol", "year"]]))
