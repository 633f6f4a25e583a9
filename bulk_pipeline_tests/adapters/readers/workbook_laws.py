"""What holds of any bytes that are dropped as a workbook, found by a fuzzer or not."""

import re
import time
from collections.abc import Iterator
from contextlib import ExitStack, chdir, contextmanager
from pathlib import Path
from unittest import mock

import pyarrow as pa

from bulk_pipeline.adapters.limits import Limits
from bulk_pipeline.adapters.readers import open_text
from bulk_pipeline.adapters.readers.workbooks import (
    ods_table,
    spreadsheet,
    spreadsheet_child,
    xlsb_cells,
    xlsx,
)
from bulk_pipeline.adapters.readers.workbooks.book import Book, Fault
from bulk_pipeline.adapters.readers.workbooks.choosing import chosen
from bulk_pipeline.adapters.readers.workbooks.fast_cells import FastCells
from bulk_pipeline.adapters.readers.workbooks.joining import rows_of
from bulk_pipeline.adapters.readers.workbooks.kind import workbook_kind
from bulk_pipeline.adapters.readers.workbooks.plain.aside import Aside
from bulk_pipeline.adapters.readers.workbooks.sheet_notices import notices
from bulk_pipeline.core.errors import UnreadableFile
from bulk_pipeline_tests.adapters.readers.forks import Forks
from bulk_pipeline_tests.adapters.readers.text_laws import check_chunk, told

LIMITS = Limits(
    file_bytes=1 << 20,
    rows=10_000,
    columns=50,
    child_seconds=20,
    child_cpu_seconds=20,
    child_memory_bytes=1 << 30,
    unpacked_bytes=4 << 20,
)
_SECONDS = 25
_NAME_OF_ERROR = re.compile(r"\((\w+\.)*\w*(Error|Exception|Exit|Interrupt)\b")


def check_workbook(path: Path, forks: Forks) -> None:
    """A workbook is a table or a clear refusal, within its time and its memory.

    No refusal names an error of Python, of which nobody knows the cure.
    """
    forks.peak_bytes = 0
    started = time.monotonic()
    with mock.patch.object(spreadsheet, "FORKS", forks):
        refusal = _refusal(path)
    assert time.monotonic() - started < _SECONDS
    assert forks.peak_bytes < LIMITS.child_memory_bytes
    assert not _NAME_OF_ERROR.search(refusal), refusal


def _refusal(path: Path) -> str:
    """Why a workbook is refused; "" if it is a table."""
    try:
        source = open_text(path, limits=LIMITS)
        for chunk in source.chunks():
            check_chunk(chunk, source)
    except UnreadableFile as refusal:
        return told(path, refusal)
    return ""


def odd_error(path: Path) -> Exception | None:
    """What parsing raises in this process though nobody expects it.

    Only what is written in Python runs here, for that cannot end the process.
    """
    try:
        kind = workbook_kind(path, path.name, LIMITS)
        with _confined(), chdir(path.parent):  # copies are put where it runs
            _look_through(spreadsheet_child._book(str(path), kind))
    except (UnreadableFile, Fault, *spreadsheet_child._DAMAGED):
        return None
    except Exception as error:  # noqa: BLE001 (any is a find)
        return error
    return None


def _look_through(book: Book) -> None:
    """Ask all that is asked of a book."""
    for sheet in book.sheets():
        book.texts(sheet)
        dict(book.finding(sheet).number_cells)
    list(notices(rows_of(book, chosen(book, LIMITS, "all")), book.sheets()))


def _blank_aside(_aside: Aside, cells: pa.Array, **_frame: object) -> FastCells:
    """As if another reader found every cell blank."""
    return FastCells([pa.repeat(pa.scalar(""), len(cells))], 0, "")


@contextmanager
def _confined() -> Iterator[None]:
    """No compiled parser, and sheets so small that they cannot fill the memory."""
    size = {"_MOST_ROWS": 1 << 10, "_MOST_COLUMNS": 1 << 8}
    with ExitStack() as stack:
        for change in (
            mock.patch.object(xlsx.fastexcel, "read_excel"),
            mock.patch.object(xlsx, "fast_cells", return_value=FastCells([], 0, "")),
            mock.patch.object(Aside, "read", _blank_aside),
            mock.patch.multiple(xlsb_cells, **size),
            mock.patch.multiple(ods_table, **size, _MOST_CELLS=1 << 14),
        ):
            stack.enter_context(change)
        yield
