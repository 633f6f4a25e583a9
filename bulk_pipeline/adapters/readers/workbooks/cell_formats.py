"""How workbooks show numbers: as per cent, as a date; and the exact text of each.

The same for every format that stores a number and the code of its look.
"""

import datetime as dt
import math
import re
from enum import Enum

_NO_FORMAT = re.compile(r'"[^"]*"?|[\\_*].|\[(?!(?:h+|m+|s+)\])[^\]]*\]', re.IGNORECASE)
_DATE_LETTERS = re.compile("[dmyhs]", re.IGNORECASE)
_PERCENTS = frozenset({9, 10, 67, 68})
_DATES = frozenset(
    {*range(14, 23), *range(27, 37), *range(45, 48), *range(50, 59), *range(71, 82)}
)
"""Numbers of formats that need no code, ECMA-376 part 1, 18.8.30."""

_WHOLE = 1e21
"""Numbers below it are written without an exponent if they are whole."""

_LEAP_DAY = 60
"""Day of 1900-02-29, which Excel counts and no calendar has."""

_DAY = 86_400_000
"""Milliseconds; Excel shows no more of a time."""


class Shown(Enum):
    """What a number format makes of a number."""

    NUMBER = "number"
    PERCENT = "percent"
    DATE = "date"


def shown_as(code: str | None, number: int) -> Shown:
    """What a number format makes of a number.

    Args:
        code: such as ``0.00%``; None if the file has none for the format's number.
        number: by which cells refer to the format.
    """
    if code is None:
        if number in _PERCENTS:
            return Shown.PERCENT
        return Shown.DATE if number in _DATES else Shown.NUMBER
    letters = _NO_FORMAT.sub("", code)
    if "%" in letters:
        return Shown.PERCENT
    return Shown.DATE if _DATE_LETTERS.search(letters) else Shown.NUMBER


def number_text(number: float) -> str:
    """The shortest text that reads back the same, without ``.0``."""
    if number.is_integer() and abs(number) < _WHOLE:
        return str(int(number))
    return repr(number)


def shown_text(number: float, shown: Shown, *, from_1904: bool) -> str:
    """The text of a number, or of the date that it is."""
    if shown is Shown.DATE:
        return date_text(number, from_1904=from_1904)
    return number_text(number)


def date_text(days: float, *, from_1904: bool) -> str:
    """The date of a day's number, as ``2012-12-31 00:00:00``.

    The number itself if that is no date: before the first day of the workbook, or
    after the year 9999.
    """
    if not 0 <= days < math.inf:
        return number_text(days)
    first = dt.datetime(1904, 1, 1) if from_1904 else dt.datetime(1899, 12, 31)  # noqa: DTZ001
    whole, part = divmod(days, 1)
    skipped = not from_1904 and whole >= _LEAP_DAY
    try:
        moment = first + dt.timedelta(whole - skipped, milliseconds=round(part * _DAY))
    except OverflowError:
        return number_text(days)
    return moment.isoformat(" ", "milliseconds" if moment.microsecond else "seconds")
