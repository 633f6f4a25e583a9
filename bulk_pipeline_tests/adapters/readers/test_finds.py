"""Faults that a fuzzer found in the readers, each by its name."""

import struct
from pathlib import Path

import pytest

from bulk_pipeline.adapters.readers.workbooks.book import Fault
from bulk_pipeline.adapters.readers.workbooks.xls import open_xls
from bulk_pipeline.adapters.readers.workbooks.xlsb import open_xlsb
from bulk_pipeline_tests.adapters.readers.patched import parts
from bulk_pipeline_tests.adapters.readers.xlsb_files import (
    Book,
    cell,
    inline,
    real,
    row,
    shared,
    sheet,
)

_FOLDER_SECTOR, _SECTOR_BYTES = 0x30, 512
_ENTRY_BYTES, _LEFT = 128, 0x44


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


def test_a_workbook_whose_folder_runs_in_a_circle_is_damaged(path: Path) -> None:
    """People read "maximum recursion depth exceeded" of xlrd."""
    content = bytearray(parts("xls")[""])
    (sector,) = struct.unpack_from("<I", content, _FOLDER_SECTOR)
    workbook = (sector + 1) * _SECTOR_BYTES + _ENTRY_BYTES  # after the root
    struct.pack_into("<I", content, workbook + _LEFT, 1)  # is its own left neighbour
    path.write_bytes(content)
    with pytest.raises(Fault, match="the workbook is damaged"):
        open_xls(str(path))
