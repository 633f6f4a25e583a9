"""Records of an .xls workbook, for what xlrd does not tell: formulas never calculated.

A record is two bytes of kind, two of length, and that many bytes, [MS-XLS] 2.1.4.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from mmap import mmap

from bulk_pipeline.adapters.readers.workbooks.grid import cell_name

_BOF, _EOF = 0x0809, 0x000A
_BOUND_SHEET, _RECALC_ID, _FORMULA = 0x0085, 0x01C1, 0x0006
_HEAD = struct.Struct("<HH")
_BOUND = struct.Struct("<IBB")
_CELL = struct.Struct("<HHHQHIHBB")
_ZEROS = (0, 1 << 63)
_EMPTY_TEXT = 0xFFFF_0000_0000_0003
_CALCULATE = 0b11
_ATTRIBUTE, _SEMI = 0x19, 0x01


@dataclass(frozen=True, slots=True)
class Outline:
    """What the globals say.

    Attributes:
        sheets: of each worksheet in order where its records begin, and whether it is
            hidden.
        calculated: whether the program that wrote the workbook says that it has
            calculated it. Excel 2000 and later, and LibreOffice, do.
    """

    sheets: list[tuple[int, bool]]
    calculated: bool


def outline(stream: bytes | mmap, base: int) -> Outline:
    """Read the globals, which begin at ``base``."""
    sheets = []
    calculated = False
    for kind, at in _records(stream, base):
        calculated = calculated or kind == _RECALC_ID
        if kind == _BOUND_SHEET:
            position, state, sort = _BOUND.unpack_from(stream, at)
            if sort == 0:  # not a macro sheet, a chart or a module
                sheets.append((base + position, bool(state & 0b11)))
    return Outline(sheets, calculated)


def formula_without_value(stream: bytes | mmap, base: int, *, calculated: bool) -> str:
    """The first formula of a sheet that no program has calculated, or "".

    Libraries that cannot calculate store 0 and ask for a calculation, or store an
    empty text; both may be results as well. So they are believed where another
    formula that asks has a result, and where the formula changes by itself, such as
    one with NOW, for then Excel asks too.
    """
    first = ""
    for kind, at in _records(stream, base):
        if kind != _FORMULA:
            continue
        row, column, _, value, flags, _, _, token, bits = _CELL.unpack_from(stream, at)
        asks = flags & _CALCULATE
        volatile = token == _ATTRIBUTE and bits & _SEMI
        if volatile or (calculated and not asks):
            continue
        if value == _EMPTY_TEXT or (asks and value in _ZEROS):
            first = first or cell_name(row, column)
        elif value not in _ZEROS:
            return ""
    return first


def _records(stream: bytes | mmap, at: int) -> Iterator[tuple[int, int]]:
    """Kind and place of each record, to the end of what begins here."""
    depth = 0
    while True:
        kind, length = _HEAD.unpack_from(stream, at)
        yield kind, at + _HEAD.size
        depth += (kind == _BOF) - (kind == _EOF)
        if depth <= 0:
            return
        at += _HEAD.size + length
