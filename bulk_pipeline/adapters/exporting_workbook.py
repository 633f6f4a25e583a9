"""Exported rows as a workbook with one sheet, its XML made of whole columns.

A writer that takes cells one by one needs minutes for a million rows; this one needs
seconds. A text is a cell of text here, whatever it begins with: no spreadsheet takes it
for a formula, so it needs no apostrophe.
"""

import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from string import ascii_uppercase
from typing import IO

import polars as pl

_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_DECLARED = "application/vnd.openxmlformats-officedocument.spreadsheetml"
_XML = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_SHEET = "xl/worksheets/sheet1.xml"
_PARTS = {
    "[Content_Types].xml": f'<Types xmlns="{_PACKAGE}/content-types">'
    '<Default Extension="rels" '
    'ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    '<Default Extension="xml" ContentType="application/xml"/>'
    f'<Override PartName="/xl/workbook.xml" ContentType="{_DECLARED}.sheet.main+xml"/>'
    f'<Override PartName="/{_SHEET}" ContentType="{_DECLARED}.worksheet+xml"/>'
    f'<Override PartName="/xl/styles.xml" ContentType="{_DECLARED}.styles+xml"/>'
    "</Types>",
    "_rels/.rels": f'<Relationships xmlns="{_PACKAGE}/relationships">'
    f'<Relationship Id="rId1" Type="{_RELATIONS}/officeDocument" '
    'Target="xl/workbook.xml"/></Relationships>',
    "xl/workbook.xml": f'<workbook xmlns="{_MAIN}" xmlns:r="{_RELATIONS}"><sheets>'
    '<sheet name="Results" sheetId="1" r:id="rId1"/></sheets></workbook>',
    "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{_PACKAGE}/relationships">'
    f'<Relationship Id="rId1" Type="{_RELATIONS}/worksheet" '
    'Target="worksheets/sheet1.xml"/>'
    f'<Relationship Id="rId2" Type="{_RELATIONS}/styles" Target="styles.xml"/>'
    "</Relationships>",
    "xl/styles.xml": f'<styleSheet xmlns="{_MAIN}">'
    '<numFmts count="1"><numFmt numFmtId="164" formatCode="yyyy\\-mm\\-dd\\ hh:mm:ss"/>'
    "</numFmts>"
    '<fonts count="2"><font><sz val="11"/><name val="Calibri"/></font>'
    '<font><b/><sz val="11"/><name val="Calibri"/></font></fonts>'
    '<fills count="2"><fill><patternFill patternType="none"/></fill>'
    '<fill><patternFill patternType="gray125"/></fill></fills>'
    '<borders count="1"><border/></borders>'
    '<cellStyleXfs count="1"><xf/></cellStyleXfs>'
    '<cellXfs count="4"><xf/>'
    '<xf fontId="1" applyFont="1"/>'
    '<xf numFmtId="49" applyNumberFormat="1"/>'
    '<xf numFmtId="164" applyNumberFormat="1"/></cellXfs>'
    '<cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/>'
    "</cellStyles></styleSheet>",
}
"""Everything but the sheet; styles by number: plain, header, text, moment."""

_HEADER, _TEXT, _MOMENT = 1, 2, 3
_BEFORE = (
    f'<worksheet xmlns="{_MAIN}"><sheetViews><sheetView workbookViewId="0">'
    '<pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" state="frozen"/>'
    '</sheetView></sheetViews><cols><col min="1" max="{columns}" width="18" '
    'customWidth="1"/></cols><sheetData>'
)
_AFTER = "</sheetData></worksheet>"
_MICROSECONDS_A_DAY = 86_400_000_000
_DAYS_TO_1970 = 25_569  # day 1 of a spreadsheet is 1 January 1900
_LINES_AT_ONCE = 10_000
_ROW = "\0row"  # the name of no column
_NUMBER = pl.col(_ROW)
_FAST = 1  # level of compression; a better one takes longer than all the rest


@contextmanager
def workbook(path: Path) -> Iterator[Callable[[pl.DataFrame], None]]:
    """A function that adds rows to the sheet, under a header of the columns' names."""
    with zipfile.ZipFile(
        path, "w", zipfile.ZIP_DEFLATED, compresslevel=_FAST
    ) as package:
        for name, content in _PARTS.items():
            package.writestr(name, _XML + content)
        with package.open(_SHEET, "w", force_zip64=True) as raw:
            above = 0

            def write(block: pl.DataFrame) -> None:
                nonlocal above
                if not above:
                    _begin(raw, block)
                    above = 1
                _add(raw, block, above)
                above += block.height

            yield write
            raw.write(_AFTER.encode())


def _begin(sheet: IO[bytes], block: pl.DataFrame) -> None:
    """What stands before the rows, and the header."""
    texts = block.columns
    header = pl.DataFrame([texts], schema=texts, orient="row")
    before = _XML + _BEFORE.format(columns=block.width)
    sheet.write(before.encode())
    _add(sheet, header, 0, _HEADER)


def _add(sheet: IO[bytes], rows: pl.DataFrame, above: int, style: int = _TEXT) -> None:
    """Rows, each a line of the sheet, below so many others.

    Rows and cells say where they are, and nothing stands between rows: other sheets
    are as good, but our own reader takes many times as long for them.
    """
    for part in rows.iter_slices(_LINES_AT_ONCE):
        number = pl.int_range(above + 1, above + 1 + part.height).cast(pl.String)
        pairs = zip(ascii_uppercase, part.schema.items(), strict=False)
        cells = [_cell(pl.col(n), k, letter, style) for letter, (n, k) in pairs]
        line = pl.concat_str(
            pl.lit('<row r="'), _NUMBER, pl.lit('">'), *cells, pl.lit("</row>")
        )
        numbered = part.with_columns(number.alias(_ROW))
        sheet.write(numbered.select(line.str.join("")).item().encode())
        above += part.height


def _cell(value: pl.Expr, kind: pl.DataType, letter: str, style: int) -> pl.Expr:
    """The XML of a column's cells; nothing where there is no value."""
    if isinstance(kind, pl.Datetime):
        days = value.dt.timestamp("us") / _MICROSECONDS_A_DAY + _DAYS_TO_1970
        before, inner, after = f'" s="{_MOMENT}"><v>', days.cast(pl.String), "</v></c>"
    elif kind.is_numeric():
        before, inner, after = '"><v>', value.cast(pl.String), "</v></c>"
    else:
        before = f'" s="{style}" t="inlineStr"><is><t xml:space="preserve">'
        inner, after = _escaped(value.cast(pl.String)), "</t></is></c>"
    place = pl.lit(f'<c r="{letter}')
    full = pl.concat_str(place, _NUMBER, pl.lit(before), inner, pl.lit(after))
    return pl.when(value.is_null()).then(pl.lit("")).otherwise(full)


def _escaped(text: pl.Expr) -> pl.Expr:
    """Text as XML holds it, and as a workbook's readers take it."""
    # Readers take _x0041_ for a letter's code; its underscore has a code, too.
    plain = text.str.replace_all(r"_(x[0-9A-Fa-f]{4}_)", "_x005F_$1")
    # The last two are in no XML at all.
    return plain.str.replace_many(
        ["&", "<", ">", "\n", "\r", "\t", "\ufffe", "\uffff"],
        ["&amp;", "&lt;", "&gt;", "&#10;", "&#13;", "&#9;", "\ufffd", "\ufffd"],
    )
