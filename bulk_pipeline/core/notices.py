"""What a person should know about a file though it can be read: kind, count, sentence.

A notice is never a refusal, and never the only trace of a row that was not stored.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class NoticeKind(StrEnum):
    """What a notice is about; the code under which notices are counted."""

    GUESSED_ENCODING = "guessed_encoding"
    SHEETS_PASSED_OVER = "sheets_passed_over"
    SHEETS_JOINED = "sheets_joined"
    HIDDEN_CELLS = "hidden_cells"
    ERROR_CELLS = "error_cells"
    NUMBERS_AS_SYMBOLS = "numbers_as_symbols"
    PERCENT_CELLS = "percent_cells"
    RAGGED_LINES = "ragged_lines"
    IGNORED_COLUMNS = "ignored_columns"
    NUMBER_STYLE = "number_style"
    DATES_AS_YEARS = "dates_as_years"
    NAMES_DIFFER = "names_differ"
    PLACEHOLDERS = "placeholders"
    UNIT_DOUBT = "unit_doubt"
    CONFLICTING_DUPLICATES = "conflicting_duplicates"


@dataclass(frozen=True, slots=True)
class Notice:
    """One thing that is odd about a file.

    Attributes:
        kind: what it is about.
        count: how many cells, rows, columns or sheets; 1 where it is about the file.
        text: a sentence for the person who sent the file, with the cure if there is
            one.
    """

    kind: NoticeKind
    count: int
    text: str


def counted(notices: Iterable[Notice]) -> dict[str, int]:
    """Kind → how many cells, rows, columns or sheets, in the order of appearance."""
    found: dict[str, int] = {}
    for notice in notices:
        found[str(notice.kind)] = found.get(str(notice.kind), 0) + notice.count
    return found


def sentences(notices: Iterable[Notice]) -> tuple[str, ...]:
    """What notices say, in their order."""
    return tuple(notice.text for notice in notices)
