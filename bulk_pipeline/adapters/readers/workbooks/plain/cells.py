"""What the cells of a block hold: the attributes of each, and where its value stands.

Runs only in the child process.
"""

from dataclasses import dataclass, fields
from typing import Self

import numpy as np
import numpy.typing as npt

from bulk_pipeline.adapters.readers.workbooks.plain.tags import Places
from bulk_pipeline.adapters.readers.workbooks.plain.words import (
    WIDTH,
    Block,
    Numbers,
    Truths,
    begins,
    bytes_before,
    letter,
    need,
    numbers,
)

BLANK, NUMBER, SHARED, INLINE, TRUTH, OTHER = range(6)
"""Nothing, a number, the number of a shared text, a text, true or false, the rest."""

Kinds = npt.NDArray[np.int8]

NO_STYLE = -1

_STYLE, _TYPE = b' s="', b' t="'
_MOST_STYLE_DIGITS = 5
_TYPES = {
    b's">': SHARED,
    b'n">': NUMBER,
    b'b">': TRUTH,
    b'e">': OTHER,
    b'str">': OTHER,
    b"inlineSt": INLINE,
}
_INLINE_END = b'r">'
_VALUE, _VALUE_END = b"<v>", b"</v></c>"
_TEXT, _KEPT_TEXT = b"<is><t>", b'<is><t xml:space="preserve">'
_TEXT_END = b"</t></is></c>"
_VALUE_TAGS, _TEXT_TAGS = 4, 6


@dataclass(frozen=True, slots=True)
class Cells:
    """The cells of a block that hold something, in their order.

    Attributes:
        row: which row of the block each is in.
        column: from 0.
        attributes: where the attributes after its place begin.
        stop: where the cell ends.
        kind: what it holds.
        style: number of its style; -1 without one.
        start: where its value begins.
        end: where its value ends.
    """

    row: Numbers
    column: Numbers
    attributes: Numbers
    stop: Numbers
    kind: Kinds
    style: Numbers
    start: Numbers
    end: Numbers

    def chosen(self, which: Truths) -> Self:
        """Some of the cells."""
        return type(self)(*(getattr(self, f.name)[which] for f in fields(self)))


def held(block: Block, places: Places) -> Cells:
    """What the cells of a block hold.

    Raises:
        NotPlain: one holds anything else, or a tag of the block is none of theirs.
    """
    start, end = places.attributes.copy(), places.stop.copy()
    style = _styles(block, start)
    kind = _kinds(block, start)
    blank = np.flatnonzero(kind == BLANK)
    need((start[blank] == end[blank]).all())
    texts = np.flatnonzero(kind == INLINE)
    values = np.flatnonzero((kind != BLANK) & (kind != INLINE))
    kind[_texts(block, start, end, texts)] = OTHER
    _values(block, start, end, values)
    tags = len(blank) + _TEXT_TAGS * len(texts) + _VALUE_TAGS * len(values)
    need(tags + places.tags == np.count_nonzero(block.opening))
    cells = Cells(
        places.row,
        places.column,
        places.attributes,
        places.stop,
        kind,
        style,
        start,
        end,
    )
    return cells.chosen(kind != BLANK) if len(blank) else cells


def _styles(block: Block, at: Numbers) -> Numbers:
    """The style of each cell; moves to what comes after it."""
    style = np.full(len(at), NO_STYLE, np.int64)
    styled = np.flatnonzero(block.stands(_STYLE, at))
    if len(styled):
        text = block.words(at[styled] + len(_STYLE))
        digits = bytes_before(text, ord('"'))
        need(((digits > 0) & (digits <= _MOST_STYLE_DIGITS)).all())
        style[styled] = numbers(text, digits)
        at[styled] += len(_STYLE) + digits + 1
    return style


def _kinds(block: Block, at: Numbers) -> Kinds:
    """What each cell holds; moves to what comes after its tag."""
    text = block.words(at)
    kind = np.full(len(at), NUMBER, np.int8)
    has_type = begins(text, _TYPE)
    typed = np.flatnonzero(has_type)
    kind[typed] = _types(block, at, typed)
    untyped = np.flatnonzero(~has_type)
    end = letter(text[untyped], 0)
    closed = end == ord("/")
    need((closed | (end == ord(">"))).all())
    need((letter(text[untyped[closed]], 1) == ord(">")).all())
    at[untyped] += 1 + closed
    kind[untyped[closed]] = BLANK
    return kind


def _types(block: Block, at: Numbers, typed: Numbers) -> Kinds:
    """What the cells with a type hold; moves to what comes after their tags."""
    at[typed] += len(_TYPE)
    text = block.words(at[typed])
    kind = np.full(len(typed), BLANK, np.int8)
    step = np.zeros(len(typed), np.int64)
    for name, meaning in _TYPES.items():
        found = begins(text, name)
        kind[found], step[found] = meaning, len(name)
    need((step > 0).all())
    at[typed] += step
    texts = typed[kind == INLINE]
    need(block.stands(_INLINE_END, at[texts]).all())
    at[texts] += len(_INLINE_END)
    return kind


def _values(block: Block, start: Numbers, end: Numbers, cells: Numbers) -> None:
    """Move from the content of cells to the value within."""
    begin, stop = start[cells], end[cells]
    need(block.stands(_VALUE, begin).all())
    begin += len(_VALUE)
    stop -= len(_VALUE_END)
    need(block.stands(_VALUE_END, stop).all())
    need((begin < stop).all())
    start[cells], end[cells] = begin, stop


def _texts(block: Block, start: Numbers, end: Numbers, cells: Numbers) -> Numbers:
    """Move from the content of cells to the text within; which keep white space."""
    begin, stop = start[cells], end[cells]
    keeps = ~block.stands(_TEXT, begin)
    need(_stand(block, _KEPT_TEXT, begin[keeps]).all())
    begin += len(_TEXT)
    begin[keeps] += len(_KEPT_TEXT) - len(_TEXT)
    stop -= len(_TEXT_END)
    need(_stand(block, _TEXT_END, stop).all())
    need((begin <= stop).all())
    start[cells], end[cells] = begin, stop
    return cells[keeps]


def _stand(block: Block, text: bytes, places: Numbers) -> Truths:
    """Where a text of any length stands at a place."""
    found = np.ones(len(places), np.bool_)
    for begin in range(0, len(text), WIDTH):
        found &= block.stands(text[begin : begin + WIDTH], places + begin)
    return found
