"""Cells of .xlsx workbooks: the text that means the same, to the last digit."""

import datetime as dt
import re
import tempfile
from pathlib import Path

import openpyxl
import pytest
import xlsxwriter
from hypothesis import given, settings

from bulk_pipeline.adapters.readers import open_text
from bulk_pipeline.adapters.readers.workbooks.xlsx import open_xlsx
from bulk_pipeline.core.errors import UnreadableFile
from bulk_pipeline_tests.adapters.readers import cells
from bulk_pipeline_tests.adapters.readers.opened import rows_of
from bulk_pipeline_tests.adapters.readers.workbooks import (
    BOOK,
    SHEET,
    STYLES,
    Rows,
    Write,
    packed,
    parts_of,
    replaced,
    with_texts,
)

pytestmark = pytest.mark.usefixtures("in_process")

NUMBER = b'<c r="B2" t="n"><v>7777</v></c>'
"""The cell of a year as openpyxl writes it."""


@pytest.fixture
def stored(write: Write):
    """The text of a cell that a program stored so."""

    def text(xml: str) -> str:
        path = write(Data=[["symbol", "year", "x"], ["A", 7777, "x"]])
        replaced(path, SHEET, NUMBER, xml.encode())
        return rows_of(open_text(path))[0][0][1]

    return text


@pytest.fixture
def shown(write: Write):
    """The text of a number that is shown in a format."""

    def text(number: float, code: str, *, from_1904: bool = False) -> str:
        path = write(Data=[["symbol", "year"], ["A", 0]])
        book = openpyxl.load_workbook(path.rename(path.with_suffix(".xlsx")))
        book.active["B2"].number_format = code
        book.active["B2"].value = number
        if from_1904:
            book.epoch = openpyxl.utils.datetime.CALENDAR_MAC_1904
        book.save(path)
        return rows_of(open_text(path))[0][0][1]

    return text


def test_cells_become_the_text_that_means_the_same(write: Write) -> None:
    """A year of 2012.0 is refused later, and a rounded ratio scores differently."""
    rows: Rows = [
        [2012, 24.111],
        ["0700", "TRUE"],
        ["0.10", " x\ny "],
        [True, dt.datetime(2020, 12, 31)],  # noqa: DTZ001 (a cell has no zone)
        [-0.5, 100000000],
        ["1e5", "é\U0001f600"],
        ["#N/A", "NA"],
    ]
    path = write(Data=[["symbol", "year"], *rows])
    assert rows_of(open_text(path))[0] == [
        ("2012", "24.111"),
        ("0700", "TRUE"),
        ("0.10", " x\ny "),
        ("true", "2020-12-31 00:00:00"),
        ("-0.5", "100000000"),
        ("1e5", "é\U0001f600"),
        ("", "NA"),
    ]


@pytest.mark.parametrize(
    ("number", "text"),
    [
        ("0.30000000000000004", "0.30000000000000004"),
        ("24.111000000000001", "24.111"),
        ("0.33333333333333331", "0.3333333333333333"),
        ("1E-12", "1e-12"),
        ("1.5E-7", "0.00000015"),
        ("1234567890.12", "1234567890.12"),
        ("-123456789.1", "-123456789.1"),
        ("5E-324", "5e-324"),
        ("1E+20", "100000000000000000000"),
        ("1E300", "1e+300"),
        ("123456789.1234567", "123456789.1234567"),
    ],
)
def test_numbers_keep_every_digit(stored, number: str, text: str) -> None:
    """The parser's own text has nine decimals, so 1E-12 is 0."""
    assert stored(f'<c r="B2"><v>{number}</v></c>') == text


def test_a_text_that_looks_like_a_number_stays_as_it_is(write: Write) -> None:
    """Beside a number of many digits, texts are read a second time as numbers."""
    path = write(Data=[["symbol", "year"], ["0.1234567890123456789", 1 / 3], ["1e5"]])
    texts = [symbol for symbol, _ in rows_of(open_text(path))[0]]
    assert texts == ["0.1234567890123456789", "1e5"]


@pytest.mark.parametrize(
    ("xml", "text"),
    [
        ('<c r="B2" t="inlineStr"><is><t>  A </t></is></c>', "A"),
        (
            '<c r="B2" t="inlineStr"><is><r><t>ri</t></r><r><t>ch</t></r></is></c>',
            "rich",
        ),
        ('<c r="B2" t="inlineStr"><is><t>a_x000D_\nb_x0041_</t></is></c>', "a\r\nbA"),
        ('<c r="B2" t="inlineStr"><is><t>_x005F_x0041_</t></is></c>', "_x0041_"),
        ('<c r="B2" t="str"><f>x</f><v> A &amp; B </v></c>', " A & B "),
        ('<c r="B2" t="str"><f>x</f><v>_x0041_</v></c>', "_x0041_"),
        ('<c r="B2" t="str"><f>x</f><v>0700</v></c>', "0700"),
        ('<c r="B2" t="b"><v>0</v></c>', "false"),
        ('<c t="b"><v>1</v></c>', "true"),
        ('<c r="B2" t="d"><v>2012-12-31</v></c>', "2012-12-31"),
        ('<c r="B2" t="d"><v>2012-12-31T10:20:30Z</v></c>', "2012-12-31T10:20:30Z"),
        ('<c r="B2" t="e"><v>#DIV/0!</v></c>', ""),
        ('<c r="B2" s="0"/>', ""),
        ('<c r="B2"><v></v></c>', ""),
    ],
)
def test_every_way_to_store_a_cell_is_known(stored, xml: str, text: str) -> None:
    """Programs store the same cell in many ways."""
    assert stored(xml) == text


@pytest.mark.parametrize(
    ("xml", "text"),
    [
        ("<t>A &amp; B&#233;</t>", "A & Bé"),
        ('<t xml:space="preserve"> A </t>', " A "),
        ("<r><t>A</t></r><r><rPr><b/></rPr><t>B</t></r>", "AB"),
        ('<t>A</t><rPh sb="0" eb="1"><t>spoken</t></rPh>', "A"),
        ("<t/>", ""),
    ],
)
def test_shared_texts_are_whole(write: Write, xml: str, text: str) -> None:
    """A name in two colours is one name, and how it is spoken is none of it."""
    path = write(Data=[["symbol", "year", "x"], ["A", 7777, "x"]])
    replaced(path, SHEET, NUMBER, b'<c r="B2" t="s"><v>0</v></c>')
    with_texts(path, f"<si>{xml}</si>")
    assert rows_of(open_text(path))[0][0][1] == text


@pytest.mark.parametrize(
    "code",
    [
        "yyyy-mm-dd",
        "mmm-yy",
        "[$-409]d-mmm-yyyy",
        "yyyy",
        '"FY"yyyy',
        'yyyy"%"',
        "[h]:mm",
    ],
)
@pytest.mark.parametrize(("number", "from_1904"), [(41274, False), (39812, True)])
def test_a_date_is_its_date_in_both_systems(
    shown, code: str, number: int, *, from_1904: bool
) -> None:
    """41274 shown as 2012 is a date, and four years off in the other system."""
    assert shown(number, code, from_1904=from_1904) == "2012-12-31 00:00:00"


@pytest.mark.parametrize("flag", [b"1", b"true"])
def test_the_date_system_is_known_however_it_is_written(
    write: Write, flag: bytes
) -> None:
    """Programs write a truth in both ways."""
    path = write(Data=[["symbol", "year"], ["A", dt.date(2012, 12, 31)]])
    replaced(path, BOOK, b"<workbookPr />", b'<workbookPr date1904="%s"/>' % flag)
    assert rows_of(open_text(path))[0] == [("A", "2017-01-01 00:00:00")]


def test_a_date_shown_with_a_percent_sign_is_that_date(shown) -> None:
    """There is no hundredfold of a day."""
    assert shown(41274, "yyyy%") == "2012-12-31 00:00:00"


@pytest.mark.parametrize(
    "code", ["0", "General", "[Red]0.00", '0.0"days"', r"\d0", "[$€-2] #,##0.00", "0_d"]
)
def test_letters_in_a_format_make_no_date(shown, code: str) -> None:
    """A number of days or an amount in euro would become a day in history."""
    assert shown(41274, code) == "41274"


def test_a_date_that_no_calendar_has_is_refused_by_its_cell(shown) -> None:
    """The parser gives nothing for it, so a number would become a missing ratio."""
    with pytest.raises(UnreadableFile, match="sheet 'Data', cell B2: a date that no"):
        shown(10_000_000_000, "yyyy-mm-dd")


def test_the_strict_variant_is_read(write: Write) -> None:
    """Excel offers it among its formats, with other names for everything."""
    path = write(Data=[["symbol", "year"], ["A", 1]])
    transitional = b"http://schemas.openxmlformats.org/"
    pairs = (
        (transitional + b"spreadsheetml/2006/main", b"spreadsheetml/main"),
        (transitional + b"officeDocument/2006/", b"officeDocument/"),
    )
    parts = parts_of(path)
    for old, new in pairs:
        strict = b"http://purl.oclc.org/ooxml/" + new
        parts = {name: part.replace(old, strict) for name, part in parts.items()}
    assert rows_of(open_text(packed(path, parts)))[0] == [("A", "1")]


def test_prefixes_and_odd_names_of_parts_do_not_matter(write: Write) -> None:
    """Some programs write x:c for c, and name their parts as on Windows."""
    path = write(Data=[["symbol", "year"], ["A", 0.05]])
    book = openpyxl.load_workbook(path.rename(path.with_suffix(".xlsx")))
    book.active["B2"].number_format = "0%"
    book.save(path)
    parts = parts_of(path)
    for name in (SHEET, BOOK, STYLES):
        prefixed = re.sub(rb"<(/?)(\w)", rb"<\1x:\2", parts[name])
        parts[name] = prefixed.replace(b"xmlns=", b"xmlns:x=")
    renamed = {name.replace("/", "\\").upper(): part for name, part in parts.items()}
    assert rows_of(open_text(packed(path, renamed)))[0] == [("A", "5%")]


def kept(rows: cells.Rows) -> cells.Rows:
    """The cells as these programs store them: numbers with sixteen digits."""
    return [
        [float(f"{v:.16g}") if isinstance(v, float) else v for v in values]
        for values in rows
    ]


@settings(max_examples=60, deadline=None)
@given(cells.TABLES)
def test_any_cells_of_openpyxl_come_back(rows: cells.Rows) -> None:
    """What comes back is what was put in, or a ratio is another one."""
    book = openpyxl.Workbook()
    book.active.title = "Data"
    for number, values in enumerate(rows, start=1):
        for column, value in enumerate(values, start=1):
            cell = book.active.cell(number, column, value)
            if isinstance(value, str):
                cell.data_type = "s"  # else "=1" is a formula and "#N/A" an error
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "book.xlsx")
        book.save(path)
        cells.check_table(open_xlsx(path), kept(rows))


@settings(max_examples=60, deadline=None)
@given(cells.TABLES)
def test_any_cells_of_xlsxwriter_come_back(rows: cells.Rows) -> None:
    """Another program, which keeps its texts in a part of their own."""
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "book.xlsx")
        with xlsxwriter.Workbook(path) as book:
            sheet = book.add_worksheet("Data")
            for number, values in enumerate(rows):
                for column, value in enumerate(values):
                    if isinstance(value, str):
                        sheet.write_string(number, column, value)
                    else:
                        sheet.write(number, column, value)
        cells.check_table(open_xlsx(path), kept(rows))
