"""The rows and cells of a block of a sheet: where each stands and what it holds.

A block is plain if every byte of it is accounted for: rows and cells with their places
and the attributes that programs write, in the order in which they write them, with a
value or an inline text and nothing between. Runs only in the child process.
"""

import re
from dataclasses import dataclass

import numpy as np

from bulk_pipeline.adapters.readers.workbooks.plain.words import (
    MASKS,
    WIDTH,
    Block,
    Numbers,
    Packed,
    Truths,
    begins,
    bytes_before,
    letter,
    need,
    numbers,
    word,
)

_ROW, _ROW_END, _CELL = b'<row r="', b"</row>", b'<c r="'
_REST = re.compile(
    rb"(?: (?:spans|ht|customHeight|s|customFormat|thickTop|thickBot|outlineLevel|"
    rb'collapsed|ph|[A-Za-z0-9]+:dyDescent)="[^"<&]*")*(?:/?>|></row>)'
)
"""What stands in the tag of a row that can be seen, but for its number."""

_RESTS = 1_000
"""Kinds of rows in a block; heights may differ from row to row."""

_LETTERS = 26


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of a block.

    Attributes:
        number: of each, as the file has it, so from 1.
        place: its digits and the quote after them, in a word.
        width: how many bytes that is.
        rests: what stands in their tags after that, and in blank rows beyond.
        tags_in_rests: how many tags begin in all these rests.
    """

    number: Numbers
    place: Packed
    width: Numbers
    rests: frozenset[bytes]
    tags_in_rests: int


@dataclass(frozen=True, slots=True)
class Places:
    """The cells of a block, blank ones among them, in their order.

    Attributes:
        row: which row of the block each is in.
        column: from 0.
        attributes: where those after its place begin.
        stop: where the cell ends.
        tags: how many tags of the block do not belong to a cell.
    """

    row: Numbers
    column: Numbers
    attributes: Numbers
    stop: Numbers
    tags: int


def placed(block: Block) -> tuple[Rows, Places]:
    """The rows and cells of a block of whole rows.

    Raises:
        NotPlain: it holds anything else, or a cell whose place is not in its row.
    """
    at = _tags(block)
    heads = block.words(at)
    is_row = letter(heads, 1) == ord("r")
    need(len(at) > 0 and at[0] == 0 and is_row[0])
    is_cell = ~is_row
    need((heads[is_row] == word(_ROW)).all() and begins(heads[is_cell], _CELL).all())
    stops = np.append(at[1:], block.size)
    row_follows = np.append(is_row[1:], [True])
    rows = _rows(block, at[is_row], stops[is_row], row_follows[is_row])
    last = row_follows[is_cell]
    stop = stops[is_cell]
    stop[last] -= len(_ROW_END)
    need(block.stands(_ROW_END, stop[last]).all())
    row = np.cumsum(is_row)[is_cell] - 1
    column, attributes = _places(block, rows, at[is_cell], row)
    tags = len(rows.number) + np.count_nonzero(last) + rows.tags_in_rests
    return rows, Places(row, column, attributes, stop, int(tags))


def _tags(block: Block) -> Numbers:
    """Where tags begin whose names begin as those of rows and cells do."""
    found = np.zeros(len(block.codes), np.bool_)
    following = block.codes[1:]
    np.equal(following, ord("c"), out=found[:-1])
    found[:-1] |= following == ord("r")
    found &= block.opening
    eights = found.view(np.uint64)
    filled = np.flatnonzero(eights)
    marks = eights[filled]
    need((np.bitwise_count(marks) == 1).all())
    places: Numbers = filled * WIDTH + (np.bitwise_count(marks - np.uint64(1)) >> 3)
    return places


def _rows(block: Block, at: Numbers, stops: Numbers, is_blank: Truths) -> Rows:
    """Rows by where their tags begin and where the next cell or row does."""
    digits_at = at + len(_ROW)
    place = block.words(digits_at)
    digits = bytes_before(place, ord('"'))
    need((digits > 0).all())
    number = numbers(place, digits)
    need((np.diff(number) > 0).all())
    rest_at = digits_at + digits + 1
    rests, tags = set[bytes](), 0
    for blank in (False, True):
        chosen = is_blank == blank
        texts, counts = block.distinct(rest_at[chosen], stops[chosen], _RESTS)
        endings = (b"/>", b"></row>") if blank else (b">",)
        for text, count in zip(texts, counts, strict=True):
            need(text.endswith(endings) and (blank or not text.endswith(b"/>")))
            need(_REST.fullmatch(text) is not None)
            tags += text.count(b"<") * count
        rests.update(texts)
    width = digits + 1
    return Rows(number, place & MASKS[width], width, frozenset(rests), tags)


def _places(
    block: Block, rows: Rows, at: Numbers, row: Numbers
) -> tuple[Numbers, Numbers]:
    """The column of each cell, and where its place ends."""
    letters_at = at + len(_CELL)
    place = block.words(letters_at)
    first = letter(place, 0)
    need(((first >= ord("A")) & (first <= ord("Z"))).all())
    column = first.astype(np.int64) - ord("A")
    letters = np.ones(len(at), np.int64)
    goes_on = np.ones(len(at), np.bool_)
    for position in (1, 2):
        further = letter(place, position)
        goes_on &= further >= ord("A")
        if not goes_on.any():
            break
        value = further[goes_on].astype(np.int64) - ord("A")
        need((value < _LETTERS).all())
        column[goes_on] = (column[goes_on] + 1) * _LETTERS + value
        letters += goes_on
    digits_at = letters_at + letters
    width = rows.width[row]
    need((block.words(digits_at) & MASKS[width] == rows.place[row]).all())
    in_order = (np.diff(row) > 0) | (np.diff(column) > 0)
    need(in_order.all())
    return column, digits_at + width
