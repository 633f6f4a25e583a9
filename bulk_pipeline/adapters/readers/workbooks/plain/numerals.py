"""Numbers as they stand in a sheet: which are their own shortest text, and which not.

Runs only in the child process.
"""

import numpy as np
import polars as pl
import pyarrow as pa

from bulk_pipeline.adapters.readers.workbooks.plain.words import (
    WIDTH,
    Block,
    Numbers,
    Packed,
    Truths,
    aligned,
    are_digits,
    first_of,
    letter,
)

_WRITTEN = r"^-?[0-9]{1,15}(?:\.[0-9]{1,20})?(?:[eE][-+]?[0-9]{1,3})?$"

_SMALL, _LARGE, _WHOLE = 1e-4, 1e6, 1e15
"""Bounds within which the shortest digits, written without an exponent, are what
``fast_cells`` gives: of all numbers, and of whole ones."""

_MOST_DIGITS, _MOST_DECIMALS, _MOST_WHOLE = 15, 9, 10
"""Digits of a number in all, behind its point, and before it if it has one."""

_POINT_TO_ZERO = np.uint64(ord(".") ^ ord("0"))


def are_themselves(block: Block, start: Numbers, end: Numbers) -> Truths:
    """Which numbers read back the same and have no digit too many.

    These have at most fifteen digits, which a double always keeps, and of those at
    most nine are decimals.
    """
    is_negative = block.codes[start] == ord("-")
    start = start + is_negative
    width = end - start
    found = np.zeros(len(start), np.bool_)
    short = np.flatnonzero((width > 0) & (width <= WIDTH))
    text = aligned(block.words(start[short]), width[short])
    point, is_number = _number(text)
    found[short] = is_number & _ends_well(text, point != 0)
    long = np.flatnonzero((width > WIDTH) & (width <= _MOST_DIGITS + 1))
    if len(long):
        found[long] = _are_themselves(block, start[long], end[long])
    first, second = block.codes[start], block.codes[start + 1]
    zero = (first == ord("0")) & (width > 1) & (second != ord("."))
    found &= ~zero & (first != ord("."))
    return found


def _number(text: Packed) -> tuple[Packed, Truths]:
    """The first point of each word, and whether all else is digits."""
    point = first_of(text, ord("."))
    return point, are_digits(text ^ (point >> np.uint64(7)) * _POINT_TO_ZERO)


def _ends_well(text: Packed, has_point: Truths) -> Truths:
    """Whether the last letter is no zero behind a point, nor the point."""
    last = letter(text, WIDTH - 1)
    found: Truths = ~has_point | (last != ord("0")) & (last != ord("."))
    return found


def _are_themselves(block: Block, start: Numbers, end: Numbers) -> Truths:
    """The same of nine to sixteen letters without a sign."""
    width = end - start
    text = block.words(end - WIDTH)
    point, is_number = _number(text)
    point_before, is_number_before = _number(aligned(block.words(start), width - WIDTH))
    is_before = point_before != 0
    decimals = _after(point) + (WIDTH + _after(point_before)) * is_before
    has_point = is_before | (point != 0)
    whole = width - has_point - decimals
    found: Truths = is_number & is_number_before & ~(is_before & (point != 0))
    found &= (width - has_point <= _MOST_DIGITS) & (decimals <= _MOST_DECIMALS)
    found &= ~has_point | (whole <= _MOST_WHOLE)
    return found & _ends_well(text, has_point)


def _after(point: Packed) -> Numbers:
    """How many bytes of words stand after a point in them; 0 without one."""
    before = np.bitwise_count(point - (point != 0)).astype(np.int64) >> 3
    return np.where(point == 0, 0, WIDTH - 1 - before)


def shortest(texts: pa.Array) -> tuple[pa.Array, Truths]:
    """The shortest texts of numbers, and which of them are known to be that."""
    written = pl.Series(texts)
    number = written.cast(pl.Float64, strict=False)
    size = number.abs()
    known = size.is_between(_SMALL, _LARGE, closed="left")
    known |= (number.floor() == number) & (size < _WHOLE)
    known &= ~((number == 0) & written.str.starts_with("-"))
    known &= written.str.contains(_WRITTEN)
    known = known.fill_null(value=False)
    short = number.cast(pl.String).str.strip_suffix(".0").fill_null("")
    return short.to_arrow().cast(pa.string()), known.to_numpy()
