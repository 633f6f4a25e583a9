"""Workbooks of which a fuzzer writes one part and a known program wrote the others."""

import io
import zipfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import xlsxwriter
import xlwt

from bulk_pipeline_tests.adapters.readers import ods_files, xlsb_files

PLACES = (
    ("xlsx", "xl/worksheets/sheet1.xml"),
    ("xlsx", "xl/sharedStrings.xml"),
    ("xlsx", "xl/styles.xml"),
    ("xlsx", "xl/workbook.xml"),
    ("xlsx", "xl/_rels/workbook.xml.rels"),
    ("ods", "content.xml"),
    ("ods", "styles.xml"),
    ("ods", "META-INF/manifest.xml"),
    ("xlsb", "xl/worksheets/s0.bin"),
    ("xlsb", "xl/sharedStrings.bin"),
    ("xlsb", "xl/styles.bin"),
    ("xlsb", "xl/workbook.bin"),
    ("xlsb", "xl/_rels/workbook.bin.rels"),
    ("xls", ""),
)
"""Formats and the parts that are replaced; the whole file is the part ""."""

_WHOLE = ""
_HEADER = (
    "symbol",
    "name",
    "year",
    "long-term debt / total capital (%)",
    "total debt / ebitda",
    "net income margin (%)",
    "ebit / interest expense",
    "return on assets (%)",
)
_ROW = ("A", "Acme", 2012, 24.111, 1.5, -3, 1234, 0)


def patched(data: bytes) -> bytes:
    """The workbook that some bytes stand for.

    The first says which part of which workbook is replaced, the others are the part.
    """
    kind, place = PLACES[data[0] % len(PLACES)]
    if place == _WHOLE:
        return data[1:]
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, part in (parts(kind) | {place: data[1:]}).items():
            archive.writestr(zipfile.ZipInfo(name), part)
    return packed.getvalue()


@cache
def parts(kind: str) -> Mapping[str, bytes]:
    """The parts of a workbook that can be read."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "workbook"
        _WRITERS[kind](path)
        if kind == "xls":
            return {_WHOLE: path.read_bytes()}
        with zipfile.ZipFile(path) as archive:
            return {name: archive.read(name) for name in archive.namelist()}


def _write_xlsx(path: Path) -> None:
    """Texts, numbers, looks, formulas with values, a hidden row and a hidden sheet."""
    with xlsxwriter.Workbook(path) as book:
        percent = book.add_format({"num_format": "0.0%"})
        day = book.add_format({"num_format": "yyyy-mm-dd"})
        sheet = book.add_worksheet("Data")
        sheet.write_row(0, 0, _HEADER)
        sheet.write_row(1, 0, _ROW)
        sheet.write_row(2, 0, ("007", "Bölt & Co"))
        sheet.write(2, 2, 41274, day)
        sheet.write(2, 3, 0.05, percent)
        sheet.write_formula(2, 4, "=1/3", value=1 / 3)
        sheet.write_formula(2, 5, "=1/0", value="#DIV/0!")
        sheet.write(2, 6, True)  # noqa: FBT003 (its API)
        sheet.set_row(2, None, None, {"hidden": True})
        book.add_worksheet("Notes").hide()


def _write_xlsb(path: Path) -> None:
    """The same, record by record."""
    of = xlsb_files
    texts = (*_HEADER, *_ROW[:2])
    header = of.row(0, *(of.shared(i, i) for i in range(len(_HEADER))))
    typed = of.row(
        1,
        *(of.shared(column, len(_HEADER) + column) for column in range(2)),
        of.rk(2, 2012 << 2 | 2),
        *(of.real(column, _ROW[column]) for column in range(3, len(_ROW))),
    )
    other = of.row(
        2,
        of.inline(0, "007"),
        of.short(17, of.text("Bölt")),
        of.real(2, 41274, 2),
        of.real(3, 0.05, 1),
        of.formula(9, 4, b"\0" * 8),
        of.error(5),
        of.boolean(6, value=True),
        hidden=True,
    )
    columns = of.column_info(6, 7, hidden=True)
    of.Book(
        {"Data": of.sheet(header, typed, other, columns=columns), "Notes": of.sheet()},
        states={"Notes": 1},
        texts=texts,
        formats=(0, "0.0%", 14),
    ).write(path)


def _write_ods(path: Path) -> None:
    """The same, as LibreOffice writes it."""
    of = ods_files
    percent = (
        '<number:percentage-style style:name="N1"/><style:style style:name="c1" '
        'style:family="table-cell" style:data-style-name="N1"/>'
    )
    other = of.row(
        of.text("007"),
        of.cell("B<text:s/>ölt", office_value__type="string"),
        of.date("2012-12-31"),
        of.number(0.05, table_style__name="c1"),
        of.number(1 / 3, table_formula="of:=1/3"),
        of.cell("#DIV/0!", table_formula="of:=1/0"),
        of.boolean(value=True),
        table_visibility="collapse",
    )
    of.write_ods(
        path,
        of.table(
            of.column(table_number__columns__repeated=8),
            of.row(*map(of.text, _HEADER)),
            of.row(*map(of.text, _ROW[:2]), *map(of.number, _ROW[2:])),
            other,
            of.row(of.cell(), table_number__rows__repeated=9),
        ),
        of.table(name="Notes"),
        styles=percent,
        shared_styles=percent.replace("c1", "Default"),
    )


def _write_xls(path: Path) -> None:
    """The same without a formula, which its writer cannot calculate."""
    book = xlwt.Workbook()
    sheet = book.add_sheet("Data")
    for row, cells in enumerate((_HEADER, _ROW)):
        for column, value in enumerate(cells):
            sheet.write(row, column, value)
    sheet.write(2, 0, "007")
    sheet.write(2, 2, 41274, xlwt.easyxf(num_format_str="yyyy-mm-dd"))
    sheet.write(2, 3, 0.05, xlwt.easyxf(num_format_str="0.0%"))
    sheet.write(2, 4, True)  # noqa: FBT003 (its API)
    sheet.row(2).hidden = True
    book.save(str(path))


_WRITERS = {
    "xlsx": _write_xlsx,
    "xlsb": _write_xlsb,
    "ods": _write_ods,
    "xls": _write_xls,
}
