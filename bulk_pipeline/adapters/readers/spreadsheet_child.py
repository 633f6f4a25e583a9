"""The process that parses one workbook and ends: ``python -m ... WORKBOOK LIMITS``.

It writes two files where it is started: the rows as ``rows.arrow``, in batches,
line numbers first, and ``outcome.json`` with the header or the fault.
"""

import json
import resource
import sys
from dataclasses import asdict
from pathlib import Path
from xml.parsers.expat import ExpatError
from zipfile import ZipFile

import fastexcel
import numpy as np
import pyarrow as pa

from bulk_pipeline.adapters.readers.base import Limits, without_blank_rows
from bulk_pipeline.adapters.readers.sheet import (
    Fault,
    best_sheet,
    exact,
    filled,
    loaded,
)
from bulk_pipeline.adapters.readers.workbook import scan, sheets
from bulk_pipeline.core.notices import Notice, NoticeKind


def main(workbook: str, options: str) -> None:
    """Parse a workbook within limits; the outcome is a file, never an exception."""
    limits = Limits(**json.loads(options))
    _confine(resource.RLIMIT_AS, limits.child_memory_bytes)
    _confine(resource.RLIMIT_CPU, limits.child_cpu_seconds)
    _confine(resource.RLIMIT_CORE, 0)
    try:
        outcome = _read(workbook, limits)
    except Fault as fault:
        outcome = {"fault": str(fault)}
    except (fastexcel.FastExcelError, ExpatError):
        # fastexcel also says "corrupt" where unpacking ran out of memory
        outcome = {
            "fault": ": the workbook is damaged, or takes more than "
            f"{limits.child_memory_bytes:,} bytes of memory. Open and save it in "
            "Excel, or save it as CSV UTF-8."
        }
    Path("outcome.json").write_text(json.dumps(outcome), encoding="utf-8")


def _confine(what: int, limit: int) -> None:
    """Lower a limit of this process, never above what it was given."""
    _, hard = resource.getrlimit(what)
    limit = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
    resource.setrlimit(what, (limit, limit))


def _read(workbook: str, limits: Limits) -> dict[str, object]:
    with ZipFile(workbook) as archive:
        listed = sheets(archive)
        reader = fastexcel.read_excel(workbook)
        best, passed_over = best_sheet(reader, listed, limits)
        finding = scan(archive, best.sheet.part)
    if finding.formula_without_value:
        raise Fault(
            f", sheet {best.sheet.name!r}, cell {finding.formula_without_value}: a "
            "formula without a value. Open the workbook in Excel and save it."
        )
    texts = [filled(column) for column in best.rows.columns]
    if finding.has_long_numbers:
        floats = loaded(reader, best.sheet.name, "float")
        pairs = zip(best.rows.columns, floats.columns, strict=True)
        texts = [filled(exact(text, number)) for text, number in pairs]
    names = [str(position) for position in range(len(texts))]
    table = pa.Table.from_arrays(texts, names=names).slice(best.position + 1)
    first = best.position + 2
    lines = pa.array(np.arange(first, first + table.num_rows))
    table, lines = without_blank_rows(table, lines)
    table = table.add_column(0, "line", lines).combine_chunks()
    with pa.ipc.new_file("rows.arrow", table.schema) as file:
        file.write_table(table, max_chunksize=limits.chunk_rows)
    notices = []
    if passed_over:
        others = ", ".join(map(repr, passed_over))
        said = f"Only the sheet {best.sheet.name!r} is read, not {others}."
        kind = NoticeKind.SHEETS_PASSED_OVER
        notices = [asdict(Notice(kind, len(passed_over), said))]
    return {
        "header": best.header,
        "header_line": best.position + 1,
        "notices": notices,
        "rows": table.num_rows,
    }


if __name__ == "__main__":
    main(*sys.argv[1:])
