"""Faults that files of public test suites found in the readers.

Each file is built here; none of those files is copied.
"""

import datetime as dt
import io
import re
import struct
from pathlib import Path

import pytest
import xlwt

from bulk_pipeline.adapters.readers import open_text
from bulk_pipeline.core.errors import UnreadableFile
from bulk_pipeline_tests.adapters.readers.opened import read, refusal, rows_of
from bulk_pipeline_tests.adapters.readers.workbooks import (
    BOOK,
    Write,
    packed,
    parts_of,
    replaced,
)

EXTENSION = (
    b'<extLst><ext uri="{140A7094-0E35-4892-8432-C4D2E57EDEB5}" xmlns:x15='
    b'"http://schemas.microsoft.com/office/spreadsheetml/2010/11/main">'
    b'<x15:workbookPr chartTrackingRefBase="1"/></ext></extLst></workbook>'
)
"""What Excel 2013 and later write at the end of nearly every workbook."""

LINKS = "xl/_rels/workbook.xml.rels"
RELATION = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
MACRO_SHEET = (
    b'<xm:macrosheet xmlns:xm="http://schemas.microsoft.com/office/excel/2006/main" '
    b'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData/>'
    b"</xm:macrosheet>"
)
PYTHON = re.compile(r"\w(Error|Exception|\.error)\b|Traceback|seen\[")
"""What no analyst should read in a message."""

NAME = "\u65e5\u672c\u96fb\u6c17"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where a test puts its file; the name says nothing about the content."""
    return tmp_path / "dropped.csv"


def old_workbook() -> bytes:
    """An .xls workbook of two columns and 200 rows below the header."""
    book = xlwt.Workbook()
    sheet = book.add_sheet("Data")
    rows = [("symbol", "year"), *((f"A{number}", 2012) for number in range(200))]
    for place, (symbol, year) in enumerate(rows):
        sheet.write(place, 0, symbol)
        sheet.write(place, 1, year)
    content = io.BytesIO()
    book.save(content)
    return content.getvalue()


@pytest.mark.usefixtures("in_process")
def test_settings_of_extensions_do_not_change_the_date_system(write: Write) -> None:
    """Every date of a workbook from a Mac was 1,462 days off, without a word.

    The parser takes x15:workbookPr, which says nothing of dates, for the workbookPr
    that does. Workbooks of csvkit and agate-excel, saved by Excel for Mac.
    """
    path = write(Data=[["symbol", "year"], ["A", dt.date(2012, 12, 31)]])
    replaced(path, BOOK, b"<workbookPr />", b'<workbookPr date1904="1"/>')
    replaced(path, BOOK, b"</workbook>", EXTENSION)
    assert rows_of(open_text(path))[0] == [("A", "2017-01-01 00:00:00")]


@pytest.mark.usefixtures("in_process")
def test_a_sheet_of_old_macros_does_not_hide_the_table(write: Write) -> None:
    """A sound .xlsm was called damaged, and to save it anew did not help.

    Excel 4 macro sheets are a part of their own beside the worksheets (oletools).
    """
    path = write(Data=[["symbol", "year"], ["A", 2012]])
    sheet = f'<sheet xmlns:r="{RELATION}" name="M" sheetId="9" r:id="rId99"/></sheets>'
    link = (
        '<Relationship Id="rId99" Target="macrosheets/sheet1.xml" Type="http://schemas.'
        'microsoft.com/office/2006/relationships/xlMacrosheet"/></Relationships>'
    )
    replaced(path, BOOK, b"</sheets>", sheet.encode())
    replaced(path, LINKS, b"</Relationships>", link.encode())
    packed(path, {**parts_of(path), "xl/macrosheets/sheet1.xml": MACRO_SHEET})
    assert rows_of(open_text(path))[0] == [("A", "2012")]


@pytest.mark.parametrize("size", [600, 3000, 12_288, 13_224])
def test_an_old_workbook_that_is_cut_short_is_called_so(path: Path, size: int) -> None:
    """People read "IndexError: array index out of range" and could only ask us."""
    content = old_workbook()
    assert size < len(content)
    assert not PYTHON.search(refusal(path, content[:size]))


def test_an_old_workbook_whose_sectors_are_claimed_twice_is_read(path: Path) -> None:
    """Price lists of a trading system are such; Excel and others open them.

    They were refused with "CompDocError: Workbook corruption: seen[2] == 4", a fault
    of the empty stream of short streams, which holds nothing of the table (excelrd).
    """
    content = bytearray(old_workbook())
    (directory,) = struct.unpack_from("<i", content, 48)
    root = 512 * (directory + 1)
    assert content[root:].startswith("Root Entry".encode("utf-16-le"))
    struct.pack_into("<iI", content, root + 116, 0, 64)
    rows, *_ = rows_of(read(path, bytes(content)))
    assert rows == [(f"A{number}", "2012") for number in range(200)]


@pytest.mark.parametrize(
    ("text", "header"),
    [
        ("a|sum(b, c)|d, e\n1|2|3\n", ("a", "sum(b, c)", "d, e")),
        ("['x', 'y']\tb\n1\t2\n", ("['x', 'y']", "b")),
    ],
)
def test_of_delimiters_that_fit_the_header_alike_the_one_of_the_rows_counts(
    path: Path, text: str, header: tuple[str, ...]
) -> None:
    """A comma in a header cell won, and every row was left out (duckdb, Orange)."""
    source = read(path, text.encode())
    assert source.header == header
    rows, _, ragged = rows_of(source)
    assert (len(rows), ragged) == (1, [])


def test_a_line_break_in_a_quoted_header_is_read_whatever_the_columns_are(
    path: Path,
) -> None:
    """The lists of Italian communes have one; it was said that there is no header.

    Quotes and line ends match, and a header of ours is read so (frictionless, csvkit).
    """
    source = read(path, b'region;"code\n(new)";province\n1;2;3\n')
    assert source.header == ("region", "code\n(new)", "province")
    rows, lines, _ = rows_of(source)
    assert (rows, lines) == ([("1", "2", "3")], [3])


def test_a_quote_that_is_closed_by_the_next_one_is_reported_where_it_opens(
    path: Path,
) -> None:
    """Of a price list, line 103 was blamed, which is sound; the quote is in line 35."""
    text = 'symbol;name\nA;"ACME\nB;BETA\nC;"GAMMA"\nD;DELTA\n'
    assert "line 2" in refusal(path, text.encode())


def test_text_that_switches_its_letters_by_escapes_is_never_garbled(
    path: Path,
) -> None:
    """Mail programs of Japan write ISO-2022-JP, which is ASCII byte by byte.

    Names came as ``$BF|K`` and the like between escapes, as UTF-8 and without a
    word (faust-cchardet). Right, guessed with a warning, or refused: all will do.
    """
    content = f"symbol,name\n6701,{NAME}\n".encode("iso2022_jp")
    try:
        source = read(path, content)
        rows, *_ = rows_of(source)
    except UnreadableFile:
        return
    assert rows == [("6701", NAME)] or source.notices


def test_escapes_of_korean_are_not_taken_for_japanese(path: Path) -> None:
    """The Japanese decoder passes them, and leaves shift-out and bare letters.

    A name came as ``4B`` between control characters (faust-cchardet, ISO-2022-KR).
    """
    name = "\uc0bc\uc131\uc804\uc790"
    content = f"symbol,name\n5930,{name}\n".encode("iso2022_kr")
    try:
        rows, *_ = rows_of(read(path, content))
    except UnreadableFile:
        return
    assert rows == [("5930", name)]
