"""What every format of workbooks must make of the same cells."""

from collections.abc import Sequence

from hypothesis import strategies as st

from bulk_pipeline.adapters.readers.workbooks.book import Book

Rows = Sequence[Sequence[object]]

_LETTERS = st.characters(exclude_categories=["Cs", "Cc"])
_CELLS = (
    st.none()
    | st.booleans()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.integers(-(10**15), 10**15)
    | st.text(_LETTERS, max_size=9)
    | st.sampled_from(["0700", "TRUE", "1E5", "NA", "0.10", " x ", "é\U0001f600"])
)
TABLES = st.lists(st.lists(_CELLS, max_size=5), max_size=5)


def lines(book: Book, name: str = "Data") -> list[tuple[str, ...]]:
    """The texts of a sheet, row by row."""
    sheet = next(sheet for sheet in book.sheets() if sheet.name == name)
    columns = [column.to_pylist() for column in book.texts(sheet)]
    return list(zip(*columns, strict=True))


def check_table(book: Book, rows: Rows) -> None:
    """Each cell of the sheet "Data" has the text that means its value."""
    found = {
        (row, column): text
        for row, line in enumerate(lines(book))
        for column, text in enumerate(line)
        if text
    }
    for row, values in enumerate(rows):
        for column, value in enumerate(values):
            _check_cell(found.pop((row, column), ""), value)
    assert found == {}


def _check_cell(text: str, value: object) -> None:
    """A text means a value, and a number has no digit too many."""
    if isinstance(value, bool):
        assert text == str(value).lower()
    elif isinstance(value, int | float):
        assert float(text) == value
        assert not text.endswith(".0")
        assert len(text.removeprefix("-")) <= max(len(repr(abs(float(value)))), 21)
    else:
        assert text == (value or "")
