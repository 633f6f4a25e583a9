"""Sheets of the plain shape: read many cells at a time, they say the same as ever."""

import tempfile
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from unittest import mock

import numpy as np
import pyarrow as pa
import pytest
import xlsxwriter
from hypothesis import given, settings
from hypothesis import strategies as st

from bulk_pipeline.adapters.readers.workbooks import parts, xlsx
from bulk_pipeline.adapters.readers.workbooks.book import Finding
from bulk_pipeline.adapters.readers.workbooks.plain import sheet as plain
from bulk_pipeline.adapters.readers.workbooks.plain.aside import Aside
from bulk_pipeline.adapters.readers.workbooks.plain.numerals import are_themselves
from bulk_pipeline.adapters.readers.workbooks.plain.words import Block
from bulk_pipeline_tests.adapters.readers.workbooks import (
    SHEET,
    packed,
    parts_of,
)
from bulk_pipeline_tests.adapters.readers.workbooks import TEXTS as TEXTS_PART

Read = tuple[list[list[str]], dict[str, object]]
Cell = tuple[str, str]

STYLES = ("General", "0.00", "0.0%", "yyyy-mm-dd", "[h]:mm", "@", "0.00E+00")
SHARED = ("Acme", "0700", " x ", "Bölt & Co", "", "a_x000D_b", "x\ny", "1.50")

_NUMBERS = """
    0 -0 0.0 -0.0 7 2012 -3 01 1.50 1. .5 +1 1E3 1.5e-05 1E-12 0.00001234 0.05
    24.109999999999999 24.110999999999997 716976594 716976594.12 7.16976594E8 2012.0
    1234567.1 123456789.123456 999999999999999 1234567890123456 123456789012345678901
    12345678901234567890123 1E21 1e400 -1E300 5e-324 abc 41274 0.1234567891
"""
_TEXTS = """
    Acme|0700| x|x |é|Société|a\u00a0|\u3000b|a_x000D_b|a_xb|a>b|"|TRUE|1.5|x\ny|x\ty|
    &amp;lt;|&amp;|a &amp; b|&quot;|&#10;||1234567.123456789|12345678901234567890123|
    \U0001f600
"""
NUMBERS = st.sampled_from(_NUMBERS.split()) | st.floats(
    allow_nan=False, allow_infinity=False
).map(repr)
TEXTS = st.sampled_from(_TEXTS.split("|"))
ATTRIBUTES = st.sampled_from(["", "", "", *(f' s="{n}"' for n in range(len(STYLES)))])


def value(kind: str, texts: st.SearchStrategy[str]) -> st.SearchStrategy[Cell]:
    """Cells of a type with a value: attributes, content."""
    said = f' t="{kind}"' if kind else ""
    return st.tuples(ATTRIBUTES, texts).map(
        lambda cell: (f"{cell[0]}{said}", f"<v>{cell[1]}</v>")
    )


def inline(opening: str) -> st.SearchStrategy[Cell]:
    """Cells with a text of their own."""
    return st.tuples(ATTRIBUTES, TEXTS).map(
        lambda cell: (f'{cell[0]} t="inlineStr"', f"<is>{opening}{cell[1]}</t></is>")
    )


CELLS = st.one_of(
    st.none(),
    value("", NUMBERS),
    value("n", NUMBERS.filter(lambda text: text != "abc")),
    value("s", st.integers(0, len(SHARED) - 1).map(str)),
    value("b", st.sampled_from("01")),
    value("e", st.sampled_from(["#DIV/0!", "#N/A", "#REF!"])),
    value("str", TEXTS.filter(bool)),
    inline("<t>"),
    inline('<t xml:space="preserve">'),
    ATTRIBUTES.map(lambda attributes: (attributes, "")),
)
ROWS = st.lists(st.none() | st.lists(CELLS, max_size=6), max_size=12)
ODD = st.sampled_from(
    [
        b"<c><v>5</v></c>",
        b"<c r='A1'><v>5</v></c>",
        b'<c r="B9" t="n"><f>1+1</f><v>2</v></c>',
        b'<c r="B9"><v>2</v> </c>',
        b'<c r="B9"><!-- </row> --><v>2</v></c>',
        b'<c r="B9" t="inlineStr"><is><t><![CDATA[</row>]]></t></is></c>',
        b'<c r="B9" t="inlineStr"><is><r><t>a</t></r><r><t>b</t></r></is></c>',
        b"</row><row hidden='1'>",
        b'</row><row r="40" hidden="1"><c r="A40"><v>1</v></c>',
        b'</row><row r="3"><c r="A3"><v>1</v></c>',
        b'<c r="XFD90" s="2"><v>1</v></c>',
        b'<x:c xmlns:x="y" r="B9"><x:v>2</x:v></x:c>',
        b'<c r="B9"><v>2</w></c>',
        b'<c r="B9"><v>2]]></v></c>',
        b'<c r="B9"><v>\x01</v></c>',
        b'<c r="B9" t="inlineStr"><is><t>\xff</t></is></c>',
        b'<c r="B9" t="inlineStr"><is><t>&amp;&none;</t></is></c>',
        b'<c r="B9" t="s"><v>99</v></c>',
        b'<c r="B9" t="d"><v>2012-12-31</v></c>',
        b'<c r="B9"></c><c r="C9"><v></v></c><c r="D9"><v/></c>',
        b'</row></sheetData><sheetData><row r="50"><c r="A50"><v>1</v></c>',
    ]
)


def column(number: int) -> str:
    """The letters of a column; every other one is beyond Z."""
    return "ABCDEF"[number] if number < 3 else f"A{'ABCDEF'[number]}"


def row(number: int, cells: list[Cell | None] | None) -> bytes:
    """A row as programs write it."""
    if cells is None:
        return b""
    xml = "".join(
        f'<c r="{column(place)}{number}"{cell[0]}>{cell[1]}</c>'
        if cell[1]
        else f'<c r="{column(place)}{number}"{cell[0]}/>'
        for place, cell in enumerate(cells)
        if cell is not None
    )
    spans = ("", ' spans="1:6"', ' ht="15" customHeight="1"')[number % 3]
    return f'<row r="{number}"{spans}>{xml}</row>'.encode()


@pytest.fixture(scope="module")
def book() -> Iterator[Path]:
    """A workbook with styles and shared texts, and a hidden column."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "book.xlsx"
        with xlsxwriter.Workbook(path) as written:
            sheet = written.add_worksheet("Data")
            for place, style in enumerate(STYLES):
                look = written.add_format({"num_format": style, "bold": place % 2})
                sheet.write(place, 0, 1.5, look)
            for place, text in enumerate(SHARED):
                sheet.write_string(place, 1, text or "empty")
            sheet.set_column(1, 1, None, None, {"hidden": True})
        yield path


def with_rows(book: Path, rows: bytes) -> Path:
    """The workbook with other rows."""
    known = parts_of(book)
    head, _, rest = known[SHEET].partition(b"<sheetData>")
    tail = rest.partition(b"</sheetData>")[2]
    known[SHEET] = head + b"<sheetData>" + rows + b"</sheetData>" + tail
    known[TEXTS_PART] = known[TEXTS_PART].replace(b"<t>empty</t>", b"<t/>")
    return packed(book.with_name("other.xlsx"), known)


def said(texts: list[pa.Array], finding: Finding) -> Read:
    """All that is said of a sheet."""
    return [column.to_pylist() for column in texts], {
        "formula": finding.formula_without_value,
        "percents": finding.percents.tolist(),
        "rows": finding.hidden_rows,
        "columns": finding.hidden_columns,
        "errors": finding.error_cells,
        "numbers": dict(finding.number_cells),
    }


@contextmanager
def cut_small(size: int) -> Iterator[None]:
    """Sheets of any size are read plainly, and cut into the smallest parts."""
    with (
        mock.patch.object(parts, "_PIECE", size),
        mock.patch.object(plain, "BLOCK_BYTES", size),
        mock.patch.object(xlsx, "LEAST_PLAIN_BYTES", 0),
    ):
        yield


def outcome(path: Path) -> Read | str:
    """What a workbook says, or how it is refused."""
    try:
        opened = xlsx.open_xlsx(str(path))
        (sheet,) = opened.sheets()
        return said(opened.texts(sheet), opened.finding(sheet))
    except BaseException as error:  # noqa: BLE001 (a panic of Rust is no Exception)
        return f"{type(error).__name__}: {error}"


def check(path: Path, size: int) -> None:
    """Both readers say the same."""
    simple = outcome(path)
    with cut_small(size):
        assert outcome(path) == simple


@given(rows=ROWS, size=st.integers(1, 900))
@settings(deadline=None)
def test_both_readers_say_the_same_of_what_programs_write(
    book: Path, rows: list[list[Cell | None] | None], size: int
) -> None:
    """Speed that changes a digit or a place is worth nothing."""
    xml = b"".join(row(number, cells) for number, cells in enumerate(rows, 1))
    check(with_rows(book, xml), size)


@given(rows=ROWS, odd=ODD, place=st.integers(0, 12), size=st.integers(1, 900))
@settings(deadline=None)
def test_both_readers_say_the_same_of_what_is_odd(
    book: Path,
    rows: list[list[Cell | None] | None],
    odd: bytes,
    place: int,
    size: int,
) -> None:
    """A file that is cut in the wrong place would lose rows without a word."""
    xml = [row(number, cells) for number, cells in enumerate(rows, 1)]
    if place < len(xml):
        xml[place] = xml[place].replace(b"</row>", odd + b"</row>")
    check(with_rows(book, b"".join(xml)), size)


@given(
    numbers=st.lists(
        NUMBERS | st.from_regex(r"-?[0-9]{1,9}\.?[0-9]{0,9}", fullmatch=True)
    )
)
@settings(deadline=None)
def test_a_number_is_left_alone_only_if_it_is_its_own_shortest_text(
    numbers: list[str],
) -> None:
    """A digit too many would make two rows of one."""
    block = Block(b"<" + b"<".join(text.encode() for text in numbers) + b"<")
    places = np.flatnonzero(block.opening)
    start, end = places[:-1] + 1, places[1:]
    for text, found in zip(numbers, are_themselves(block, start, end), strict=False):
        if found:
            assert f"{Decimal(repr(float(text))):f}".removesuffix(".0") == text


def long_sheet(book: Path, rows: int = 40_000) -> Path:
    """A workbook of more than the size from which sheets are read plainly."""
    cells: list[Cell | None] = [
        (' t="s"', "<v>0</v>"),
        (' t="inlineStr"', "<is><t>Bölt &amp; Co</t></is>"),
        ("", "<v>24.110999999999997</v>"),
        (' s="3"', "<v>0.05</v>"),
        (' t="b"', "<v>1</v>"),
    ]
    path = with_rows(book, b"".join(row(n + 1, cells) for n in range(rows)))
    with zipfile.ZipFile(path) as archive:
        assert archive.getinfo(SHEET).file_size > xlsx.LEAST_PLAIN_BYTES
    return path


@pytest.mark.parametrize("cores", [1, 2, 3])
def test_a_large_sheet_is_read_plainly_by_any_number_of_threads(
    book: Path, cores: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its rows stay in order, whoever reads which of them."""
    path = long_sheet(book)
    monkeypatch.setattr(plain, "cores", lambda: cores)
    monkeypatch.setattr(plain, "BLOCK_BYTES", 1 << 18)
    monkeypatch.setattr(xlsx, "fast_cells", None)
    texts, finding = outcome(path)
    last = [column[-1] for column in texts if column[-1]]
    assert last == ["Acme", "Bölt & Co", "24.110999999999997", "0.05", "true"]
    assert {len(column) for column in texts} == {40_000}
    assert finding["percents"] == [[place, 29] for place in range(40_000)]


def test_a_process_that_may_have_no_thread_reads_all_the_same(
    book: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each takes addresses, which a child has few of; no file is to blame for that."""

    def refuse(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(plain, "cores", lambda: 2)
    monkeypatch.setattr(threading.Thread, "start", refuse)
    monkeypatch.setattr(xlsx, "fast_cells", None)
    assert {len(column) for column in outcome(long_sheet(book))[0]} == {40_000}


def test_a_part_that_is_damaged_is_told_as_ever(book: Path) -> None:
    """A sum that is wrong is found at the end, when all cells are read."""
    path = long_sheet(book)
    content = bytearray(path.read_bytes())
    with zipfile.ZipFile(path) as archive:
        found = archive.getinfo(SHEET)
    # APPNOTE 4.3.12: the sum stands thirty bytes before the name
    place = content.rindex(SHEET.encode()) - 30
    assert content[place : place + 4] == found.CRC.to_bytes(4, "little")
    content[place] ^= 1
    path.write_bytes(content)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(xlsx, "LEAST_PLAIN_BYTES", 1 << 40)
        simple = outcome(path)
    assert outcome(path) == simple
    assert simple.startswith("BadZipFile")


def test_shared_texts_that_claim_to_be_more_are_not_given_room_twice(
    book: Path,
) -> None:
    """A claim costs its memory once, as ever, and then is found to be none."""
    known = parts_of(with_rows(book, row(1, [(' t="s"', "<v>1</v>")])))
    claimed = b'uniqueCount="%d"' % len(SHARED)
    assert claimed in known[TEXTS_PART]
    known[TEXTS_PART] = known[TEXTS_PART].replace(claimed, b'uniqueCount="999"')
    path = packed(book.with_name("other.xlsx"), known)
    with cut_small(1 << 20), mock.patch.object(plain, "Aside", wraps=Aside) as made:
        assert outcome(path)[0] == [["0700"]]
    assert made.called
