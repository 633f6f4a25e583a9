"""Binary workbooks of Excel 2007 and later (.xlsb).

Runs only in the child process, within its limits.
"""

import posixpath
from collections.abc import Mapping
from zipfile import ZipFile

from bulk_pipeline.adapters.readers.workbooks.book import Book, Sheet
from bulk_pipeline.adapters.readers.workbooks.cell_formats import Shown, shown_as
from bulk_pipeline.adapters.readers.workbooks.grid_book import GridBook
from bulk_pipeline.adapters.readers.workbooks.parts import Parts
from bulk_pipeline.adapters.readers.workbooks.xlsb_cells import Common, contents
from bulk_pipeline.adapters.readers.workbooks.xlsb_records import (
    NUMBER,
    records,
    refusing_damage,
    text_at,
)

Relations = Mapping[str, tuple[str, str]]
"""Sort and name of each part that the workbook refers to, by what it calls it."""

_PROPERTIES, _SHEET = 153, 156
_TEXT = 19
_FORMAT, _STYLE, _BEGIN_STYLES, _END_STYLES = 44, 47, 617, 618
_FROM_1904 = 0b1


@refusing_damage()
def open_xlsb(path: str) -> Book:
    """A binary workbook of Excel 2007 and later.

    Raises:
        Fault: it is damaged, a part of it is missing, or one declares a document type.
    """
    parts = Parts(ZipFile(path))
    relations = _relations(parts)
    listed, from_1904 = _sheets(_whole(parts, "xl/workbook.bin"), relations)
    common = Common(
        _texts(_only(parts, relations, "sharedStrings")),
        _shown(_only(parts, relations, "styles")),
        from_1904,
    )
    return GridBook(
        "xlsb", listed, lambda sheet: contents(_whole(parts, sheet.place), common)
    )


def _whole(parts: Parts, name: str) -> bytes:
    return b"".join(parts.pieces(name))


def _relations(parts: Parts) -> Relations:
    found = {}
    for entry in parts.elements("xl/_rels/workbook.bin.rels"):
        if entry.name == "Relationship":
            path = posixpath.join("/xl", entry.attributes.get("Target", ""))
            sort = entry.attributes.get("Type", "").rpartition("/")[2]
            name = posixpath.normpath(path).lstrip("/")
            found[entry.attributes.get("Id", "")] = sort, name
    return found


def _only(parts: Parts, relations: Relations, sort: str) -> bytes:
    """The one part of a sort; nothing where a workbook has none."""
    name = next((name for known, name in relations.values() if known == sort), None)
    return _whole(parts, name) if name else b""


def _sheets(workbook: bytes, relations: Relations) -> tuple[list[Sheet], bool]:
    """The worksheets, and whether days count from 1904."""
    listed = []
    from_1904 = False
    for kind, at, end in records(workbook):
        if kind == _PROPERTIES:
            from_1904 = bool(workbook[at] & _FROM_1904)
        elif kind == _SHEET:
            (state,) = NUMBER.unpack_from(workbook, at)
            relation, after = text_at(workbook, at + 2 * NUMBER.size, end)
            name, _ = text_at(workbook, after, end)
            sort, path = relations.get(relation, ("", ""))
            if sort == "worksheet":
                listed.append(Sheet(name, path, hidden=state != 0))
    return listed, from_1904


def _texts(part: bytes) -> list[str]:
    """The shared texts, by number; a byte of flags stands before each."""
    return [
        text_at(part, at + 1, end)[0]
        for kind, at, end in records(part)
        if kind == _TEXT
    ]


def _shown(part: bytes) -> list[Shown]:
    """How a cell shows its number, by the number of its style; 0 if there is none."""
    codes = {}
    formats = []
    of_cells = False
    for kind, at, end in records(part):
        if kind == _FORMAT:
            code, _ = text_at(part, at + 2, end)
            codes[int.from_bytes(part[at : at + 2], "little")] = code
        elif kind in (_BEGIN_STYLES, _END_STYLES):
            of_cells = kind == _BEGIN_STYLES
        elif kind == _STYLE and of_cells:
            formats.append(int.from_bytes(part[at + 2 : at + 4], "little"))
    shown = [shown_as(codes.get(number), number) for number in formats]
    return shown or [Shown.NUMBER]
