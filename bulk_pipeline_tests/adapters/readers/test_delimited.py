"""Delimited text: every cell as it stands, every row at its line, or a refusal."""

import bz2
import csv
import gzip
import io
import lzma
import os
from collections.abc import Callable
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from bulk_pipeline.adapters.limits import Limits
from bulk_pipeline.adapters.readers import RaggedLine, open_text
from bulk_pipeline.core.errors import UnreadableFile
from bulk_pipeline_tests.adapters.readers.opened import (
    Rows,
    read,
    refusal,
    rows_of,
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where a test puts its file; the name says nothing about the content."""
    return tmp_path / "dropped.dat"


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|", ":"])
def test_the_delimiter_is_the_one_that_finds_our_columns(
    path: Path, delimiter: str
) -> None:
    """Commas in the cells would mislead a guess made from them."""
    name = "Acme. Ltd. Co" if delimiter == "," else "Acme, Ltd, Co"
    rows = [("symbol", "name", "year"), ("A", name, "2012")]
    source = read(path, "\n".join(map(delimiter.join, rows)).encode())
    assert source.header == rows[0]
    assert rows_of(source)[0] == rows[1:]


def test_title_rows_above_the_header_are_passed_over(path: Path) -> None:
    """Suppliers put a title and a date above their table."""
    content = b'Accounts 2012\n"a\nb",c\n\nsymbol;name;year\nA;Acme;2012\n'
    source = read(path, content)
    assert (source.header, source.header_line) == (("symbol", "name", "year"), 5)
    assert rows_of(source)[:2] == ([("A", "Acme", "2012")], [6])


def test_a_header_that_is_not_ours_is_the_first_row_with_text(path: Path) -> None:
    """The caller then names the columns that are missing, next to those found."""
    source = read(path, b"\n ,\nfoo,bar\n1,2\n")
    assert (source.header, source.header_line) == (("foo", "bar"), 3)


@pytest.mark.parametrize("content", [b"symbol,year\n", b"symbol,year", b"symbol\r\n"])
def test_a_header_alone_is_a_table_without_rows(path: Path, content: bytes) -> None:
    """An empty export is no fault of the file."""
    assert list(read(path, content).chunks()) == []


def test_a_byte_order_mark_is_no_part_of_the_header(path: Path) -> None:
    """Excel writes one; with it the first column would be unknown."""
    source = read(path, b"\xef\xbb\xbfsymbol,year\nA,2012\n")
    assert source.header[0] == "symbol"
    assert rows_of(source)[:2] == ([("A", "2012")], [2])


@pytest.mark.parametrize("block_bytes", [8, 1 << 20])
def test_a_mark_inside_the_file_is_kept(path: Path, block_bytes: int) -> None:
    """The parser drops one at the start of every block that it is given."""
    content = "symbol,year\nA,2012\n\ufeffB,2013\n".encode()
    source = read(path, content, block_bytes=block_bytes)
    assert rows_of(source)[0][1] == ("\ufeffB", "2013")


def test_repeated_header_texts_stay_as_they_are(path: Path) -> None:
    """The caller refuses two columns that mean the same; it must see both."""
    source = read(path, b"symbol,year,year\nA,1,2\n")
    (chunk,) = source.chunks()
    assert chunk.table.column_names == ["symbol", "year", "year"]
    assert rows_of(source)[0] == [("A", "1", "2")]


def test_header_texts_keep_their_blanks(path: Path) -> None:
    """Reports name a column as the file does; to match it is for the caller."""
    source = read(path, b' symbol\t, ,"year "\nA,x,1\n')
    assert source.header == (" symbol\t", " ", "year ")
    assert rows_of(source)[0] == [("A", "x", "1")]


def test_nothing_is_read_as_a_number_or_a_null(path: Path) -> None:
    """NA, TRUE, 1E5 and 0700 are symbols of companies."""
    cells = [("NA", "0700"), ("null", "TRUE"), ("1E5", "1e400"), (" x ", "#N/A")]
    content = "symbol,year\n" + "".join(f"{a},{b}\n" for a, b in cells)
    assert rows_of(read(path, content.encode()))[0] == cells


def test_lines_of_the_wrong_width_are_reported_and_never_shifted(path: Path) -> None:
    """A padded or shifted row would score one company with another's figures."""
    content = b'symbol,year\nA,1\nB\n"C\n",2,3\nD,4\n "\n'
    rows, lines, ragged = rows_of(read(path, content))
    assert rows == [("A", "1"), ("D", "4")]
    assert lines == [2, 6]
    assert ragged == [
        RaggedLine(3, "B", 2, 1),
        RaggedLine(4, '"C\n",2,3', 2, 3),
        RaggedLine(7, ' "', 2, 1),
    ]


def test_blank_rows_are_no_rows_and_still_count_as_lines(path: Path) -> None:
    """Spreadsheets export thousands of them; a message must name the right line."""
    content = b"symbol,year\n\nA,1\n,\n \n ,\t\n,,,\r\nB,2\n\n"
    assert rows_of(read(path, content)) == ([("A", "1"), ("B", "2")], [3, 8], [])


def test_blank_lines_of_one_column_are_no_rows(path: Path) -> None:
    """The parser takes a blank line for an empty cell there."""
    assert rows_of(read(path, b"symbol\nA\n\nB"))[:2] == ([("A",), ("B",)], [2, 4])


def test_a_quote_inside_an_unquoted_cell_is_a_letter(path: Path) -> None:
    """Inches stand in names; such a quote must not swallow the rows below."""
    content = b'symbol,name\nA,5" pipe\nB,a"b"c\nC,"x,""y"""\nD,z\n'
    rows, lines, ragged = rows_of(read(path, content))
    assert rows == [("A", '5" pipe'), ("B", 'a"b"c'), ("C", 'x,"y"'), ("D", "z")]
    assert (lines, ragged) == ([2, 3, 4, 5], [])


@pytest.mark.parametrize(
    ("content", "line", "what"),
    [
        (b'symbol,year\nA,1\n"B"x,2\n', 3, "text after a closing quote"),
        (b'symbol,year\nA,1\n"B" ,2\n', 3, "text after a closing quote"),
        (b'symbol,year\n"A\n",1\n"B,2\nC,3\n', 4, "never closed"),
        (b"symbol,year\nA,1\nB\rx,2\n", 3, "line ends are mixed"),
        (b"symbol,year\nA,1\r\r\n", 2, "line ends are mixed"),
        (b"symbol,year\n" + b"A,1\n" * 9_999 + b"B,\0\n", 10_001, "NUL"),
    ],
)
def test_what_the_parser_would_alter_is_refused_by_line(
    path: Path, content: bytes, line: int, what: str
) -> None:
    """A cell that comes back different, without a word, is the worst outcome."""
    message = refusal(path, content)
    assert message.startswith(f"dropped.dat, line {line:,}:")
    assert what in message


@pytest.mark.parametrize("block_bytes", [64, 4096, 8 << 20])
@pytest.mark.parametrize("fault", [b'"B"x,2\n', b"B\r,2\n", b"\0,2\n"])
def test_faults_far_below_the_header_name_their_line(
    path: Path, fault: bytes, block_bytes: int
) -> None:
    """The first bytes look fine; the line number must survive the blocks."""
    content = b"symbol,year\n" + b"A,1\n" * 300_000 + fault + b"C,3\n"
    if block_bytes == 64:
        content = b"symbol,year\n" + b"A,1\n" * 3_000 + fault + b"C,3\n"
    line = content.count(b"A") + 2
    message = refusal(path, content, block_bytes=block_bytes, line_bytes=1000)
    assert f"line {line:,}:" in message


def test_a_quote_left_open_names_the_line_where_it_opens(path: Path) -> None:
    """The fault shows only at the end of the file, megabytes below its cause."""
    content = b'symbol,year\nA,1\n"B,2\n' + b"C,3\n" * 1_000
    assert "line 3: a row of more than 500 bytes" in refusal(
        path, content, block_bytes=256, line_bytes=500
    )
    assert "line 3: a quote that is never closed" in refusal(path, content)


@pytest.mark.parametrize("quote", [b"", b'"'])
@pytest.mark.parametrize("block_bytes", [64, 1 << 20])
def test_a_row_that_is_too_long_is_refused(
    path: Path, quote: bytes, block_bytes: int
) -> None:
    """One endless line would take the memory of the whole machine."""
    row = quote + b"x" * 2_000 + quote + b",1\n"
    content = b"symbol,year\nA,1\n" + row + b"B,2\n"
    message = refusal(path, content, block_bytes=block_bytes, line_bytes=1_000)
    assert "line 3: a row of more than 1,000 bytes" in message


def test_a_cell_that_is_too_long_is_refused(path: Path) -> None:
    """Two stray quotes can make one cell of a hundred rows."""
    content = b'symbol,year\nA,1\n"' + b"B\n" * 100 + b'",2\n'
    message = refusal(path, content, cell_chars=100)
    assert "line 3: a cell of more than 100 characters" in message
    fits = "symbol,year\n" + "é" * 100 + ",1\n"
    assert len(rows_of(read(path, fits.encode(), cell_chars=100))[0]) == 1


def test_the_bytes_read_tell_how_far_the_file_has_come(path: Path) -> None:
    """A person watches the progress of a long load."""
    content = b"symbol,year\n" + b"A,1\n" * 1_000
    source = read(path, content, block_bytes=500)
    sizes = [chunk.bytes_read for chunk in source.chunks()]
    assert len(sizes) > 5
    assert sum(sizes) == source.total_bytes - len(b"symbol,year\n")


def test_the_rows_may_be_asked_for_again(path: Path) -> None:
    """A retry reads the same source twice; a reader left halfway must not hang."""
    source = read(path, b"symbol,year\n" + b"A,1\n" * 1_000, block_bytes=64)
    halfway = source.chunks()
    next(halfway)
    halfway.close()
    assert rows_of(source) == rows_of(source)


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"", "empty"),
        (b"\n \n\n", "no header"),
        (b'"title\nsymbol,year\nA,1\n', "no header"),
        (b"x" * 3_000, "more than 1,000 bytes"),
        (b",".join([b"year"] * 20) + b"\n", "20 columns"),
        (b"a\0b", "NUL"),
        (b"symbol,year\n" * 1_000, "Split the file"),
    ],
)
def test_a_file_that_is_no_table_is_refused_by_name(
    path: Path, content: bytes, what: str
) -> None:
    """The person who dropped the file must know which one and what to do."""
    message = refusal(path, content, line_bytes=1_000, columns=10, file_bytes=10_000)
    assert what in message


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"\x28\xb5\x2f\xfd\0", "packed by zstd"),
        (b"7z\xbc\xaf\x27\x1c\0", "packed by 7-Zip"),
        (b"Rar!\x1a\x07\0", "packed by RAR"),
        (b"symbol.csv".ljust(257, b"\0") + b"ustar\0", "a tar archive"),
        (b"\x09\x00\x04\x00\x02\x00\x10\x00", "older than Excel 5"),
        (b"\x09\x04\x06\x00\x00\x04\x10\x00", "older than Excel 5"),
        (b"\x09\x08\x10\x00\x00\x06\x05\x00", "older than Excel 5"),
        (b"ARROW1\0\0", "Arrow"),
        (b"ORC\x0a\x0b\0", "ORC"),
        (b"SQLite format 3\0", "SQLite"),
        (b"%PDF-1.7\n", "PDF"),
        (b"<html>\n<table>", "HTML"),
        (b"\n  <!DOCTYPE html>", "HTML"),
        (b"<TABLE border=1><tr>", "HTML"),
        ("<html>".encode("utf-16"), "HTML"),
        (b"<!-- made by a bank --><table>", "HTML"),
        (b'\xef\xbb\xbf<?xml version="1.0"?><Workbook>', "XML"),
        (b"MIME-Version: 1.0\n", "a web archive"),
        (b"{\\rtf1\\ansi}", "RTF"),
        (b'{"symbol": "A"}\n', "JSON"),
        (b'[\n  {"symbol": "A"}]', "JSON"),
        (b'[["symbol", "year"]]', "JSON"),
    ],
)
def test_a_kind_that_is_not_read_is_named_with_a_cure(
    path: Path, content: bytes, what: str
) -> None:
    """Banks call web pages .xls; "no header" would send people astray."""
    message = refusal(path, content)
    assert what in message
    assert message.count(". ") == 1


@pytest.mark.parametrize(
    "header",
    ["[symbol],[year]", "<TICKER>,<DATE>", "ORC,year", "{symbol},year", "BZh,year"],
)
def test_a_header_with_odd_letters_is_still_a_header(path: Path, header: str) -> None:
    """Databases and traders write brackets around names."""
    source = read(path, f"{header}\nA,2012\n".encode())
    assert source.header == tuple(header.split(","))
    assert rows_of(source)[0] == [("A", "2012")]


def test_a_file_that_changes_while_it_is_read_is_refused(path: Path) -> None:
    """Half of the rows would be from one file and half from another."""
    source = read(path, b"symbol,year\n" + b"A,1\n" * 1_000, block_bytes=64)
    chunks = source.chunks()
    next(chunks)
    with path.open("ab") as file:
        file.write(b"B,2\n")
    with pytest.raises(UnreadableFile, match=r"^dropped\.dat: the file changed"):
        list(chunks)
    with pytest.raises(UnreadableFile, match=r"^dropped\.dat: the file changed"):
        rows_of(source)
    path.unlink()
    with pytest.raises(UnreadableFile, match=r"^dropped\.dat: No such file"):
        rows_of(source)


def test_a_pipe_or_a_missing_file_is_refused_at_once(tmp_path: Path) -> None:
    """To open a pipe that nobody writes to would hang the run for ever."""
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UnreadableFile, match=r"^pipe: no regular file"):
        open_text(tmp_path / "pipe")
    with pytest.raises(UnreadableFile, match=r"^gone: No such file"):
        open_text(tmp_path / "gone")


TEXTS = st.text(
    st.one_of(
        st.sampled_from(list(',;\t|:"\n\r \u00a0\ufeffé\U0001f600x0')),
        st.characters(codec="utf-8", exclude_characters="\0"),
    ),
    max_size=8,
)
TABLES = st.integers(2, 4).flatmap(
    lambda width: st.lists(
        st.tuples(*[TEXTS] * width).filter(lambda row: "".join(row).strip()),
        min_size=1,
        max_size=40,
    )
)
STYLES = st.tuples(
    st.sampled_from(",;\t|:"),
    st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL, csv.QUOTE_NONNUMERIC]),
    st.sampled_from(["\n", "\r\n", "\r"]),
)
ENCODINGS = {
    "utf-8": "utf-8",
    "utf-8-sig": "utf-8",
    "utf-16": "utf-16-le",
    "utf-16-le": "utf-16-le",
    "utf-16-be": "utf-16-be",
    "utf-32": "utf-32-le",
}


def zipped(content: bytes) -> bytes:
    """An archive of one table."""
    with io.BytesIO() as file:
        with ZipFile(file, "w", ZIP_DEFLATED) as archive:
            archive.writestr("accounts/table.csv", content)
        return file.getvalue()


PACKERS = (bytes, gzip.compress, bz2.compress, lzma.compress, zipped)


@settings(max_examples=150, deadline=None)
@given(
    rows=TABLES,
    style=STYLES,
    wrapping=st.tuples(st.sampled_from(list(ENCODINGS)), st.sampled_from(PACKERS)),
    block_bytes=st.sampled_from([1, 64, 200, 1 << 20]),
)
def test_what_a_writer_wrote_comes_back_with_its_lines(
    tmp_path_factory: pytest.TempPathFactory,
    rows: Rows,
    style: tuple[str, int, str],
    wrapping: tuple[str, Callable[[bytes], bytes]],
    block_bytes: int,
) -> None:
    """Neither the blocks nor the encoding nor the packing may show in what is read."""
    delimiter, quoting, end = style
    encoding, pack = wrapping
    # csv.writer leaves a line end bare where it does not end lines
    bare = {"\n": "\r", "\r": "\n", "\r\n": ""}[end]
    letters = "".join(map("".join, rows))
    assume(quoting != csv.QUOTE_MINIMAL or not bare or bare not in letters)
    header = ("symbol", "name", "year", "sector")[: len(rows[0])]
    text, lines = io.StringIO(newline=""), []
    writer = csv.writer(text, delimiter=delimiter, quoting=quoting, lineterminator=end)
    for row in (header, *rows):
        lines.append(text.getvalue().count(end[-1]) + 1)
        writer.writerow(row)
    path = tmp_path_factory.getbasetemp() / "written.csv"
    path.write_bytes(pack(text.getvalue().encode(encoding)))
    source = open_text(path, limits=Limits(block_bytes=block_bytes))
    assert (source.header, source.encoding) == (header, ENCODINGS[encoding])
    assert rows_of(source) == (rows, lines[1:], [])
    assert sum(chunk.bytes_read for chunk in source.chunks()) <= source.total_bytes


@settings(max_examples=150, deadline=None)
@given(
    rows=st.lists(st.text(st.sampled_from('a,"\n\r é'), max_size=12), max_size=30),
    block_bytes=st.sampled_from([1, 16, 64]),
)
def test_small_blocks_and_one_large_block_agree_on_any_text(
    tmp_path_factory: pytest.TempPathFactory, rows: list[str], block_bytes: int
) -> None:
    """Hand-made files break every rule; the outcome must not hang on the cuts."""
    path = tmp_path_factory.getbasetemp() / "broken.csv"
    path.write_text("symbol,year\n" + "\n".join(rows), encoding="utf-8", newline="")
    outcomes = []
    for size in (block_bytes, 1 << 20):
        try:
            outcome = rows_of(open_text(path, limits=Limits(block_bytes=size)))
        except UnreadableFile:
            outcome = None
        outcomes.append(outcome)
    assert outcomes[0] == outcomes[1]
