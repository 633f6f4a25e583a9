"""Line ends: line feeds, both, or carriage returns alone; a mixture is refused."""

from pathlib import Path

import pytest

from bulk_pipeline.adapters.readers import RaggedLine
from bulk_pipeline_tests.adapters.readers.opened import read, refusal, rows_of


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where a test puts its file; the name says nothing about the content."""
    return tmp_path / "dropped.dat"


@pytest.mark.parametrize("block_bytes", [1, 7, 1 << 20])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_each_line_end_gives_the_same_rows_at_the_same_lines(
    path: Path, end: str, encoding: str, block_bytes: int
) -> None:
    """Old Mac programs end lines so; elsewhere such a file has a header and no row."""
    lines = ("Accounts", "", "symbol,name", "A,Nestlé", "", "B", " , ", 'C,"x"', "D,y")
    source = read(path, end.join(lines).encode(encoding), block_bytes=block_bytes)
    assert (source.header, source.header_line) == (("symbol", "name"), 3)
    assert rows_of(source) == (
        [("A", "Nestlé"), ("C", "x"), ("D", "y")],
        [4, 8, 9],
        [RaggedLine(6, "B", 2, 1)],
    )


@pytest.mark.parametrize("block_bytes", [1, 7, 1 << 20])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_line_ends_in_quoted_cells_come_back_as_they_are(
    path: Path, end: str, block_bytes: int
) -> None:
    """To read carriage returns as line ends must not touch those inside cells."""
    cells = ["a\nb", "a\rb", "a\r\nb", "\n\r", "\r\r\n\n", '"\r"', ""]
    quoted = [f'''"{cell.replace('"', '""')}"''' for cell in cells]
    text = end.join(f"{cell},1" for cell in ("symbol", *quoted)) + end
    source = read(path, text.encode(), block_bytes=block_bytes)
    rows, _, ragged = rows_of(source)
    assert (source.header, ragged) == (("symbol", "1"), [])
    assert [row[0] for row in rows] == cells


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_line_ends_in_a_header_and_above_it_come_back_as_they_are(
    path: Path, end: str
) -> None:
    """Excel wraps headers; the first line end of the file may be inside a cell."""
    text = end.join(
        ['"a title\nof ""two""\r lines"', '"symbol","the\r\nrest",year', "A,1,2"]
    )
    source = read(path, text.encode())
    assert source.header == ("symbol", "the\r\nrest", "year")
    assert rows_of(source)[0] == [("A", "1", "2")]


def test_ragged_lines_come_back_as_they_are(path: Path) -> None:
    """The reject file shows the row as the person finds it."""
    source = read(path, b'symbol,year\r"A\n",1,2\rB,1\r')
    assert rows_of(source)[2] == [RaggedLine(2, '"A\n",1,2', 2, 3)]


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b"symbol,year\nA,1\rB,2\nC,3\n", 2),
        (b"symbol,year\r\nA,1\rB,2\r\n", 2),
        (b"symbol,year\rA,1\rB,2\nC,3\r", 3),
        (b"symbol,year\rA,1\r\nB,2\r\n", 3),
        (b"symbol,year\nA,1\nB,2\r", 3),
        (b"title\nsymbol,year\rA,1\r", 2),
        (b"title\rsymbol,year\nA,1\n", 2),
        (b'symbol,year\r"A\r",1\n', 3),
    ],
)
@pytest.mark.parametrize("block_bytes", [1, 1 << 20])
def test_a_mixture_of_line_ends_is_refused_by_line(
    path: Path, content: bytes, line: int, block_bytes: int
) -> None:
    """Files that were glued together hide rows in the cells of others."""
    message = refusal(path, content, block_bytes=block_bytes)
    assert f"line {line}: line ends are mixed" in message
    assert "Save it as CSV UTF-8" in message


@pytest.mark.parametrize("content", [b"symbol,year\r", b"\r\rsymbol,year", b"symbol\r"])
def test_a_header_alone_is_a_table_without_rows(path: Path, content: bytes) -> None:
    """An empty export is no fault of the file."""
    source = read(path, content)
    assert source.header[0] == "symbol"
    assert list(source.chunks()) == []


@pytest.mark.parametrize(
    ("content", "line", "what"),
    [
        (b"symbol,year\rA,1\r\0,2\r", 3, "NUL"),
        (b'symbol,year\rA,1\r"B\n"x,2\r', 3, "text after a closing quote"),
        (b'symbol,year\r"A\r\n",1\r"B,2\r', 4, "never closed"),
        (
            b'symbol,name\r"A\n\n",x\rB,Caf\xe9 \xc3\xa9t\xe9\r' + b"C,\xc3\xa9\r",
            3,
            "0xe9",
        ),
    ],
)
def test_faults_name_the_line_that_carriage_returns_count(
    path: Path, content: bytes, line: int, what: str
) -> None:
    """All of it is one line to a program that counts line feeds."""
    message = refusal(path, content)
    assert f"line {line}:" in message
    assert what in message
