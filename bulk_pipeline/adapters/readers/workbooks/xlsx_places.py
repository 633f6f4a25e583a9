"""Places of cells: numbers for what people call ``B7``."""

import re

from bulk_pipeline.adapters.readers.workbooks.book import Fault

_PLACE = re.compile(r"([A-Za-z]{1,3})([1-9][0-9]{0,6})")
_LETTERS = 26


def position(place: str) -> tuple[int, int]:
    """Row and column, from 0, of a cell: 6 and 1 for ``B7``.

    Raises:
        Fault: no cell is called so.
    """
    found = _PLACE.fullmatch(place)
    if found is None:
        raise Fault(
            ": the workbook is damaged, for it has a cell without a place. Open it in "
            "Excel and save it anew."
        )
    return int(found[2]) - 1, column_number(found[1])


def column_number(letters: str) -> int:
    """The number, from 0, of a column: 1 for ``B``."""
    number = 0
    for letter in letters.upper():
        number = number * _LETTERS + ord(letter) - ord("A") + 1
    return number - 1
