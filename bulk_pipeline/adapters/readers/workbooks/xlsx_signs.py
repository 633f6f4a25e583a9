"""A first look at the bytes of an .xlsx sheet: whether its cells need a closer one.

Runs only in the child process, within its limits.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from bulk_pipeline.adapters.readers.workbooks.book import Fault
from bulk_pipeline.adapters.readers.workbooks.parts import parse, safe_parser

_OVERLAP = 64
_FEW = 20
"""Styles; to search for more of them takes longer than to look at each cell."""
# A pattern that begins with one letter or a choice of them is searched fast.
_DIGITS = re.compile(rb"\.(?:\d{10}|(?<=\d{7}\.)\d)")
_EXPONENT = re.compile(rb"[eE](?<=\d.)[-+]?\d")
_FORMULA = re.compile(rb"<(?:\w+:)?f[\s/>]")
_HIDDEN = re.compile(rb"hidden=[\"'][1t]")
_BROKEN = re.compile(rb"<(?:\w+:)?v[\s>][^<]*<!")


@dataclass(frozen=True, slots=True)
class Signs:
    """What a sheet may hold.

    Attributes:
        long_numbers: a number with many digits or an exponent.
        cells: something for which every cell must be looked at: a formula, a hidden
            row or column, a style that shows per cent.
    """

    long_numbers: bool
    cells: bool


def signs(pieces: Iterable[bytes], percent_styles: frozenset[str]) -> Signs:
    """Look through a sheet.

    Raises:
        Fault: it declares a document type, or has a comment within a value, which the
            parser of the workbook takes for its end.
        ExpatError: it is damaged; the parser of the workbook would read part of it.
    """
    few = len(percent_styles) <= _FEW
    styles = "|".join(percent_styles) if few and percent_styles else "none"
    percent = re.compile(rf"s=[\"'](?:{styles})[\"']".encode())
    long_numbers = False
    cells = "0" in percent_styles or not few
    tail = b""

    def looked_at() -> Iterable[bytes]:
        nonlocal long_numbers, cells, tail
        for piece in pieces:
            window = tail + piece
            tail = window[-_OVERLAP:]
            long_numbers = long_numbers or bool(_DIGITS.search(window))
            long_numbers = long_numbers or bool(_EXPONENT.search(window))
            cells = cells or _has_formula(window) or bool(_HIDDEN.search(window))
            cells = cells or bool(percent.search(window))
            if b"<!" in window and _BROKEN.search(window):
                raise Fault(
                    ": a value is broken up by a comment in the file's XML. Open the "
                    "workbook in Excel and save it anew."
                )
            yield piece

    parse(safe_parser(), looked_at())
    return Signs(long_numbers, cells)


def _has_formula(window: bytes) -> bool:
    """Whether a formula begins here; to find a text is faster than a pattern."""
    return (b"<f" in window or b":f" in window) and bool(_FORMULA.search(window))
