"""The process that parses one workbook and ends: ``python -m ... WORKBOOK OPTIONS``.

It writes two files where it is started: the rows as ``rows.arrow``, in batches,
line numbers first, and ``outcome.json`` with the header or the fault.
"""

import importlib
import json
import resource
import sys
import zlib
from dataclasses import asdict
from pathlib import Path
from xml.parsers.expat import ExpatError
from zipfile import BadZipFile

import fastexcel
import pyarrow as pa

from bulk_pipeline.adapters.limits import Limits
from bulk_pipeline.adapters.readers.workbooks.book import Book, Fault
from bulk_pipeline.adapters.readers.workbooks.choosing import chosen
from bulk_pipeline.adapters.readers.workbooks.joining import rows_of
from bulk_pipeline.adapters.readers.workbooks.sheet_notices import notices

_WORKBOOKS = "bulk_pipeline.adapters.readers.workbooks"
_DAMAGED = (fastexcel.FastExcelError, ExpatError, BadZipFile, EOFError, zlib.error)
_REASON_CHARS = 100


def main(workbook: str, options: str) -> None:
    """Parse a workbook within limits; the outcome is a file, never an exception.

    Args:
        workbook: path of the file.
        options: JSON: ``kind`` of the workbook, ``sheets`` (one or all), ``limits``.
    """
    wanted = json.loads(options)
    limits = Limits(**wanted["limits"])
    _confine(resource.RLIMIT_AS, limits.child_memory_bytes)
    _confine(resource.RLIMIT_CPU, limits.child_cpu_seconds)
    _confine(resource.RLIMIT_CORE, 0)
    outcome: dict[str, object]
    try:
        outcome = _read(_book(workbook, wanted["kind"]), limits, wanted["sheets"])
    except Fault as fault:
        outcome = {"fault": str(fault)}
    except _DAMAGED as error:
        outcome = {"fault": _damage(error, limits)}
    Path("outcome.json").write_text(json.dumps(outcome), encoding="utf-8")


def _confine(what: int, limit: int) -> None:
    """Lower a limit of this process, never above what it was given.

    The system names the limit (SIGXCPU) only below the one that it enforces.
    """
    _, given = resource.getrlimit(what)
    hard = limit + 1 if given == resource.RLIM_INFINITY else min(limit + 1, given)
    resource.setrlimit(what, (min(limit, hard), hard))


def _book(workbook: str, kind: str) -> Book:
    """The open workbook; only the modules of its format are loaded."""
    module = importlib.import_module(f"{_WORKBOOKS}.{kind}")
    book: Book = getattr(module, f"open_{kind}")(workbook)
    return book


def _damage(error: Exception, limits: Limits) -> str:
    """What is said of a workbook whose parser gave up."""
    reason = str(error).partition("\n")[0].rpartition("error: ")[2]
    said = f" ({reason[:_REASON_CHARS]})" if reason else ""
    if "corrupt" in reason:
        # fastexcel says so too where unpacking ran out of memory
        said += f", or takes more than {limits.child_memory_bytes:,} bytes of memory"
    return (
        f": the workbook is damaged{said}. Copy it again, or open it in Excel and save "
        "it anew."
    )


def _read(book: Book, limits: Limits, sheets: str) -> dict[str, object]:
    candidates = chosen(book, limits, sheets)
    read = rows_of(book, candidates)
    table = pa.concat_tables([rows.table for rows in read]).combine_chunks()
    with pa.ipc.new_file("rows.arrow", table.schema) as file:
        file.write_table(table, max_chunksize=limits.chunk_rows)
    return {
        "header": candidates[0].header,
        "header_line": candidates[0].position + 1,
        "notices": [asdict(notice) for notice in notices(read, book.sheets())],
        "rows": table.num_rows,
    }


if __name__ == "__main__":
    main(*sys.argv[1:])
