"""Texts that stand in cells: which of them are as they stand.

Runs only in the child process.
"""

import numpy as np
import polars as pl
import pyarrow as pa

from bulk_pipeline.adapters.readers.workbooks.plain.words import (
    Block,
    Numbers,
    Truths,
    need,
)

_ENTITIES = {"&amp;": "&", "&lt;": "<", "&gt;": ">", "&quot;": '"', "&apos;": "'"}
_LIKE_NUMBER = r"^-?[0-9]{7,}(?:\.|[0-9]{15})"
"""Texts that ``fast_cells`` takes for long numbers where a sheet holds such numbers."""

_LONG = 17
"""Letters of the shortest of them."""

_LEADS = np.zeros(256, np.bool_)
_LEADS[[0xC2, 0xE1, 0xE2, 0xE3]] = True
"""Bytes with which white space of Unicode beyond ASCII begins, in UTF-8."""

_ASCII = 0x7F

_SPACES = _LEADS.copy()
_SPACES[: ord(" ") + 1] = True


def split(block: Block, start: Numbers, end: Numbers) -> tuple[Numbers, Numbers]:
    """Which texts are read aside, and which of the others hold entities.

    Read aside are those that are blank, have white space at an end, or an escape.

    Raises:
        NotPlain: one holds another entity, or looks like a long number.
    """
    _refuse_long_numbers(block, start, end)
    aside = (start == end) | _SPACES[block.codes[start]]
    last = block.codes[end - 1]
    aside |= last <= ord(" ")
    if (last > _ASCII).any():
        aside |= _LEADS[block.codes[end - 2]] | _LEADS[block.codes[end - 3]]
    if b"_" in block.data and b"_x" in block.data:
        places = np.flatnonzero(block.codes == ord("_"))
        aside |= _hold(places[block.stands(b"_x", places)], start, end)
    if b"&" not in block.data:
        return np.flatnonzero(aside), np.empty(0, np.int64)
    places = np.flatnonzero(block.codes == ord("&"))
    is_known = np.zeros(len(places), np.bool_)
    for entity in _ENTITIES:
        is_known |= block.stands(entity.encode(), places)
    need(is_known.all())
    escaped = _hold(places, start, end) & ~aside
    return np.flatnonzero(aside), np.flatnonzero(escaped)


def _hold(places: Numbers, start: Numbers, end: Numbers) -> Truths:
    """Which texts have one of the places within."""
    text = np.searchsorted(start, places, "right") - 1
    found = np.zeros(len(start), np.bool_)
    found[text[(text >= 0) & (places < end[text])]] = True
    return found


def _refuse_long_numbers(block: Block, start: Numbers, end: Numbers) -> None:
    first = block.codes[start]
    is_digit = (first - np.uint8(ord("0"))) <= ord("9") - ord("0")
    long = np.flatnonzero((end - start >= _LONG) & (is_digit | (first == ord("-"))))
    if len(long):
        refuse_like_numbers(block.texts(start[long], end[long]))


def refuse_like_numbers(texts: pa.Array) -> None:
    """Go on only without texts that look like long numbers.

    Raises:
        NotPlain: there is one.
    """
    need(not pl.Series(texts).str.contains(_LIKE_NUMBER).any())


def unescaped(texts: pa.Array) -> pa.Array:
    """Texts with the characters that their entities stand for."""
    found = pl.Series(texts).str.replace_many(_ENTITIES)
    return found.to_arrow().cast(pa.string())
