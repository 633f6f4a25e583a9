"""Faults that a fuzzer found in the readers, each by its name."""

from pathlib import Path

import pytest

from bulk_pipeline.adapters.readers.workbooks.book import Fault
from bulk_pipeline.adapters.readers.workbooks.xlsb import open_xlsb
from bulk_pipeline_tests.adapters.readers.xlsb_files import (
    Book,
    cell,
    inline,
    real,
    row,
    shared,
    sheet,
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where a test puts its file; the name says nothing about the content."""
    return tmp_path / "dropped.csv"


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(sheet(row(0, shared(0, 1))), id="no such text"),
        pytest.param(sheet(row(0, real(0, 1.5, 1))), id="no such style"),
        pytest.param(sheet(row(0, inline(0, "a"))) + b"\x81", id="a kind cut short"),
        pytest.param(sheet(row(0)) + cell(5, 0, b"\0"), id="a number cut short"),
    ],
)
def test_a_binary_sheet_that_is_damaged_is_called_so(path: Path, data: bytes) -> None:
    """People read "IndexError: list index out of range" and could only ask us."""
    book = open_xlsb(str(Book({"Data": data}, texts=["a"]).write(path)))
    with pytest.raises(Fault, match="the workbook is damaged"):
        book.texts(book.sheets()[0])
