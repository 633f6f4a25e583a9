"""Number formats, and the texts of numbers: the same for every kind of workbook."""

import pytest

from bulk_pipeline.adapters.readers.workbooks.cell_formats import Shown, shown_as
from bulk_pipeline.adapters.readers.workbooks.grid import cell_name


@pytest.mark.parametrize(
    ("code", "shown"),
    [
        ("General", Shown.NUMBER),
        ("0.00E+00", Shown.NUMBER),
        ('_-* #,##0.00\\ _d_-;"days" 0', Shown.NUMBER),
        ('#,##0 [$USD-409] "%"', Shown.NUMBER),
        ("0\\%", Shown.NUMBER),
        ("0.0%", Shown.PERCENT),
        ('0%;[Red]-0%;"-"', Shown.PERCENT),
        ('0;-0;0"', Shown.NUMBER),
        ("dd.mm.yyyy", Shown.DATE),
        ("[$-407]MMMM", Shown.DATE),
        ("[h]:mm", Shown.DATE),
    ],
)
def test_a_format_is_told_by_what_it_does_not_quote(code: str, shown: Shown) -> None:
    """A unit in quotes must not make a ratio a date, nor a quoted sign a per cent."""
    assert shown_as(code, 164) is shown


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        (0, Shown.NUMBER),
        (4, Shown.NUMBER),
        (9, Shown.PERCENT),
        (10, Shown.PERCENT),
        (14, Shown.DATE),
        (22, Shown.DATE),
        (49, Shown.NUMBER),
    ],
)
def test_a_format_without_a_code_is_told_by_its_number(
    number: int, shown: Shown
) -> None:
    """Excel writes no codes for the formats that it has by itself."""
    assert shown_as(None, number) is shown


def test_cells_have_the_names_that_people_use() -> None:
    """A message that names the wrong cell sends a person to search in vain."""
    places = [(0, 0), (6, 1), (0, 25), (0, 26), (1048575, 16383)]
    names = ["A1", "B7", "Z1", "AA1", "XFD1048576"]
    assert [cell_name(row, column) for row, column in places] == names
