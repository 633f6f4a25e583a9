"""Which of point and comma stands before the decimals: settled for a whole file.

A cell such as ``1,234`` does not tell alone. Cells that are a number one way only are
evidence; without any, the convention of the file's delimiter decides, or nobody does.
"""

from dataclasses import dataclass, replace
from enum import StrEnum

import polars as pl

from bulk_pipeline.core.errors import UnreadableFile
from bulk_pipeline.core.number_forms import bare, exchanged, figures, numbers
from bulk_pipeline.core.schema import MARKET_CAP, PERCENT_RATIOS, RATIOS

_SHOWN_CHARACTERS = 40


class NumberStyle(StrEnum):
    """What stands before the decimals; the other mark groups thousands."""

    POINT = "point"
    COMMA = "comma"


@dataclass(frozen=True, slots=True)
class Sightings:
    """Cells of one kind; two sightings add up.

    Attributes:
        count: how many.
        line: where the first of them stands; 0 if there is none.
        column: in which column.
        text: the cell, trimmed; a long one is cut.
    """

    count: int = 0
    line: int = 0
    column: str = ""
    text: str = ""

    def __add__(self, other: "Sightings") -> "Sightings":
        earlier = other.count and (not self.count or other.line < self.line)
        return replace(other if earlier else self, count=self.count + other.count)


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the cells of a file say about its style; two of them add up.

    Attributes:
        point: numbers with a decimal point only: ``1.5``, ``1,234.5``, ``1,234,567``.
        comma: numbers with a decimal comma only: ``1,5``, ``1.234,5``, ``1.234.567``.
        open_point: numbers either way, such as ``24.111``.
        open_comma: numbers either way, such as ``24,111``.
    """

    point: Sightings = Sightings()
    comma: Sightings = Sightings()
    open_point: Sightings = Sightings()
    open_comma: Sightings = Sightings()

    def __add__(self, other: "Evidence") -> "Evidence":
        return Evidence(
            self.point + other.point,
            self.comma + other.comma,
            self.open_point + other.open_point,
            self.open_comma + other.open_comma,
        )


def tally(texts: pl.Series, lines: pl.Series, column: str) -> Evidence:
    """What the cells of a column say.

    Args:
        texts: String of length n, never null.
        lines: Int64 of length n: where each cell stands.
        column: name of the column; a percent sign may stand where its unit is percent.
    """
    marked = texts.str.contains("[.,]")
    texts = texts.filter(marked)
    found = figures(bare(texts), percent=column in PERCENT_RATIOS)
    under_point = numbers(found).is_not_null()
    under_comma = numbers(exchanged(found)).is_not_null()
    with_point = found.str.contains(".", literal=True)
    cells = pl.DataFrame({"line": lines.filter(marked), "text": texts})
    kinds = (
        under_point & ~under_comma,
        under_comma & ~under_point,
        under_point & under_comma & with_point,
        under_point & under_comma & ~with_point,
    )
    return Evidence(*(_sightings(cells.filter(kind), column) for kind in kinds))


def _sightings(cells: pl.DataFrame, column: str) -> Sightings:
    """Cells of one kind, in the order of their lines."""
    if cells.is_empty():
        return Sightings()
    text = cells["text"][0].strip()[:_SHOWN_CHARACTERS]
    return Sightings(cells.height, cells["line"][0], column, text)


def numeric_evidence(texts: pl.DataFrame) -> Evidence:
    """What all numeric columns of a chunk say; ``texts`` is what ``clean`` takes."""
    names = [name for name in (MARKET_CAP.name, *RATIOS) if name in texts.columns]
    said = (tally(texts[name], texts["line"], name) for name in names)
    return sum(said, Evidence())


def settle(evidence: Evidence, *, delimiter: str) -> NumberStyle:
    """The style of a file.

    Args:
        evidence: of all its cells.
        delimiter: what separates its cells; "" in a file that types them, where a
            number with a point and no comma has a decimal point for certain.

    Raises:
        UnreadableFile: cells contradict each other or nothing settles them; shows
            both readings. The message has no file name.
    """
    point, comma, open_comma = evidence.point, evidence.comma, evidence.open_comma
    if not delimiter:
        point += evidence.open_point
    if point.count and comma.count:
        raise UnreadableFile(_contradiction(point, comma, typed=not delimiter))
    # Decimals are written more often than thousands are grouped. Where they are not,
    # the few cells that tell are likelier slips than all the others.
    if comma.count and comma.count + open_comma.count < evidence.open_point.count:
        raise UnreadableFile(_outnumbered(comma, evidence.open_point))
    if point.count and point.count + evidence.open_point.count < open_comma.count:
        raise UnreadableFile(_outnumbered(point, open_comma))
    if comma.count:
        return NumberStyle.COMMA
    if point.count or not open_comma.count:
        return NumberStyle.POINT
    # Programs that separate cells by a semicolon do it because a comma stands in
    # numbers; those that write decimals with a comma do not separate cells by it.
    if delimiter == ";" and not evidence.open_point.count:
        return NumberStyle.COMMA
    if delimiter == "," and evidence.open_point.count:
        return NumberStyle.POINT
    shown = open_comma.text
    raise UnreadableFile(
        f"{_place(open_comma)}: {shown!r} is {shown.replace(',', '')} or "
        f"{shown.replace(',', '.')}; nothing in the file settles it. Set "
        "BULK_PIPELINE_DECIMAL=comma or =point."
    )


def _contradiction(point: Sightings, comma: Sightings, *, typed: bool) -> str:
    first = f"{_place(point)}: {point.text!r} is a number with a decimal point only"
    second = f"{_place(comma)}: {comma.text!r} is one with a decimal comma only"
    cure = "Turn text cells into numbers" if typed else "Write all numbers one way"
    return (
        f"{first}, and {second}. {cure}, or set BULK_PIPELINE_DECIMAL=point or "
        "=comma: cells that do not fit are then rejected one by one."
    )


def _outnumbered(few: Sightings, many: Sightings) -> str:
    mark, decimal = (",", "comma") if "," in many.text else (".", "point")
    other = "point" if decimal == "comma" else "comma"
    return (
        f"{_place(few)}: {few.text!r} is a number with a decimal {other} only, which "
        f"makes {many.text.replace(mark, '')} of {many.text!r} "
        f"({_place(many)}) and {many.count - 1:,} more. Correct the one or the others, "
        f"or set BULK_PIPELINE_DECIMAL={decimal} or ={other}: cells that do not fit "
        "are then rejected one by one."
    )


def _place(found: Sightings) -> str:
    return f"line {found.line:,}, column {found.column}"
