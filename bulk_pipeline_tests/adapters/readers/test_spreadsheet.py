"""Workbooks of any format: told by their content, parsed apart, within limits."""

import re
import tempfile
from pathlib import Path

import openpyxl
import pytest
import xlwt

from bulk_pipeline.adapters.limits import Limits
from bulk_pipeline.adapters.readers import open_text
from bulk_pipeline.adapters.readers.workbooks import spreadsheet
from bulk_pipeline.adapters.readers.workbooks.spreadsheet import open_spreadsheet
from bulk_pipeline.core.errors import TransientError, UnreadableFile
from bulk_pipeline_tests.adapters.readers import ods_files, xlsb_files
from bulk_pipeline_tests.adapters.readers.opened import rows_of
from bulk_pipeline_tests.adapters.readers.workbooks import Rows, Write

SMALL: Rows = [["symbol", "year"], ["A", 2012]]
LIMITS = Limits()


def write_xls(path: Path) -> None:
    """A workbook as Excel wrote them until 2003."""
    book = xlwt.Workbook()
    sheet = book.add_sheet("Data")
    for number, cells in enumerate(SMALL):
        for column, cell in enumerate(cells):
            sheet.write(number, column, cell)
    book.save(str(path))


def write_xlsx(path: Path) -> None:
    """A workbook as Excel writes them since."""
    book = openpyxl.Workbook()
    for cells in SMALL:
        book.active.append(cells)
    book.save(path)


def write_xlsb(path: Path) -> None:
    """The same in binary parts."""
    xlsb_files.Book({"Data": xlsb_files.of_rows(SMALL)}).write(path)


def write_ods(path: Path) -> None:
    """A workbook of LibreOffice."""
    ods_files.write_ods(path, ods_files.of_rows(SMALL))


WRITERS = {"xlsx": write_xlsx, "xls": write_xls, "xlsb": write_xlsb, "ods": write_ods}


@pytest.mark.parametrize("suffix", ["csv", "xls", "xlsx"])
@pytest.mark.parametrize("kind", WRITERS)
@pytest.mark.usefixtures("in_process")
def test_the_content_tells_the_format(tmp_path: Path, kind: str, suffix: str) -> None:
    """People rename files, and a parser that believes the name gives up."""
    path = tmp_path / f"dropped.{suffix}"
    WRITERS[kind](path)
    source = open_text(path)
    assert source.encoding == kind
    assert rows_of(source)[:2] == ([("A", "2012")], [2])


@pytest.mark.parametrize("kind", WRITERS)
def test_each_format_is_parsed_in_a_process_of_its_own(
    tmp_path: Path, kind: str
) -> None:
    """What it needs to run must be there without the environment of the parent."""
    path = tmp_path / "dropped"
    WRITERS[kind](path)
    assert rows_of(open_spreadsheet(path, LIMITS))[0] == [("A", "2012")]


@pytest.mark.usefixtures("in_process")
def test_messages_call_a_workbook_by_the_name_that_people_know(write: Write) -> None:
    """One that was unpacked from an archive lies under another name."""
    path = write(Data=[])
    with pytest.raises(UnreadableFile, match=r"^accounts\.zip: no visible sheet"):
        open_spreadsheet(path, LIMITS, name="accounts.zip")


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


@pytest.mark.usefixtures("in_process")
def test_a_header_alone_is_a_table_without_rows(write: Write) -> None:
    """An empty export is no fault of the file."""
    assert rows_of(open_text(write(Data=[["symbol", "year"]]))) == ([], [], [])


def test_nothing_is_left_behind(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A long-lived process would fill the disk with parsed rows."""
    left = tmp_path / "left"
    left.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(left))
    assert rows_of(open_text(write(Data=SMALL)))[0]
    with pytest.raises(UnreadableFile):
        open_text(write(Data=[]))
    assert list(left.iterdir()) == []


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        (Limits(child_seconds=0), "more than 0 seconds"),
        (Limits(child_cpu_seconds=0), "more than 0 seconds of processor time"),
        (Limits(child_memory_bytes=200 << 20), "more than 209,715,200 bytes of memory"),
    ],
)
def test_a_workbook_beyond_time_or_memory_is_refused(
    write: Write, limits: Limits, message: str
) -> None:
    """One file must not keep the others waiting, nor take the machine."""
    with pytest.raises(UnreadableFile, match=f"within the limits: it takes {message}"):
        open_text(write(Data=SMALL), limits=limits)


def test_a_child_that_cannot_start_says_why_and_no_path(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A broken installation must not be blamed on the size of the file."""
    monkeypatch.setattr(spreadsheet, "_CHILD", "no_such_module")
    with pytest.raises(UnreadableFile, match=r"cannot be read \(.*no_such_m") as caught:
        open_text(write(Data=SMALL))
    assert "/" not in str(caught.value)


@pytest.mark.parametrize(
    ("code", "said", "error", "message"),
    [
        (-11, "", UnreadableFile, r"\(SIGSEGV\)"),
        (-9, "", UnreadableFile, "more than 4,294,967,296 bytes of memory"),
        (1, "x\nOSError: No space left on device", TransientError, "set TMPDIR"),
        (1, "x\nPanic: at '/a/b.rs'", UnreadableFile, r"\(Panic: at 'b\.rs'\)"),
    ],
)
def test_every_end_of_the_child_has_a_sentence(
    code: int, said: str, error: type[Exception], message: str
) -> None:
    """A trace of the program's stack tells its reader nothing to do."""
    refusal = spreadsheet._failure(code, said, "dropped.csv", LIMITS)
    assert isinstance(refusal, error)
    assert re.match(rf"dropped\.csv: .*{message}", str(refusal))
