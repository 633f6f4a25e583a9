"""Workbooks for tests: written by programs, then changed part by part."""

import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import openpyxl

from bulk_pipeline.core.notices import Notice, NoticeKind
from bulk_pipeline.core.schema import INPUT_COLUMNS

Rows = list[list[object]]
Write = Callable[..., Path]

HEADER: list[object] = [column.name for column in INPUT_COLUMNS]
SHEET = "xl/worksheets/sheet1.xml"
BOOK = "xl/workbook.xml"
STYLES = "xl/styles.xml"
TEXTS = "xl/sharedStrings.xml"
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"


def row(**cells: object) -> list[object]:
    """A row below ``HEADER`` with a text in every other cell."""
    return [cells.get(str(name), "x") for name in HEADER]


def book_of(**sheets: Rows) -> openpyxl.Workbook:
    """A workbook of named sheets."""
    book = openpyxl.Workbook()
    book.remove(book.worksheets[0])
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for cells in rows:
            sheet.append(cells)
    return book


def parts_of(path: Path) -> dict[str, bytes]:
    """The parts of a workbook by name."""
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def packed(path: Path, parts: dict[str, bytes]) -> Path:
    """A workbook of these parts."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, part in parts.items():
            archive.writestr(name, part)
    path.write_bytes(content.getvalue())
    return path


def replaced(path: Path, part: str, old: bytes, new: bytes) -> Path:
    """The workbook with a text of one of its parts replaced."""
    parts = parts_of(path)
    assert old in parts[part], parts[part]
    return packed(path, {**parts, part: parts[part].replace(old, new)})


def without(path: Path, part: str) -> Path:
    """The workbook with one part gone."""
    parts = parts_of(path)
    del parts[part]
    return packed(path, parts)


def with_texts(path: Path, xml: str) -> Path:
    """The workbook with a part of shared texts."""
    part = f'<sst xmlns="{_MAIN}">{xml}</sst>'
    return packed(path, {**parts_of(path), TEXTS: part.encode()})


def told(notices: tuple[Notice, ...], kind: NoticeKind) -> Notice:
    """The one notice of a kind."""
    (notice,) = (notice for notice in notices if notice.kind == kind)
    return notice
