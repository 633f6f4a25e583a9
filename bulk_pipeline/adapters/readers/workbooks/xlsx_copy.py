"""A copy of an .xlsx workbook without what fastexcel trips over.

It takes ``x15:workbookPr``, which Excel writes among its extensions and which says
nothing of dates, for the ``workbookPr`` that does, so that all dates of a workbook that
counts its days from 1904 are four years off; and it refuses workbooks with sheets of
Excel 4 macros.
"""

import re
import shutil
from pathlib import Path
from zipfile import ZIP_STORED, ZipFile

from bulk_pipeline.adapters.readers.workbooks.book import Fault
from bulk_pipeline.adapters.readers.workbooks.parts import Parts
from bulk_pipeline.adapters.readers.workbooks.xlsx_workbook import BOOK, LINKS, TRUE

_COPY = "copy.xlsx"
_READ = ("/worksheet", "/chartsheet", "/dialogsheet")
_SETTINGS = re.compile(rb"(</?(?:[\w.-]+:)?)workbookPr\b")
_SHEET = rb"<(?:[\w.-]+:)?sheet\s[^>]*\bid\s*=\s*[\"']%b[\"'][^>]*>"


def readable(path: str, parts: Parts) -> str:
    """The workbook itself, or a copy of it beside it.

    Raises:
        Fault: it needs a copy and none can be made.
    """
    misread, odd = _misreads_dates(parts), _odd_sheets(parts)
    if not misread and not odd:
        return path
    book = b"".join(parts.pieces(BOOK))
    if misread:
        start = book.rfind(b"extLst", 0, book.rfind(b"extLst"))
        book = book[:start] + _SETTINGS.sub(rb"\1settings", book[start:])
    for sheet in odd:
        book = re.sub(_SHEET % re.escape(sheet.encode()), b"", book)
    beside = Path(path).with_name(_COPY)
    with ZipFile(path) as archive, ZipFile(beside, "w", ZIP_STORED) as copy:
        for name in archive.namelist():
            if name.replace("\\", "/").lower() == BOOK:
                copy.writestr(name, book)
                continue
            with archive.open(name) as source, copy.open(name, "w") as target:
                shutil.copyfileobj(source, target)
    with ZipFile(beside) as archive:
        made = Parts(archive)
        if _misreads_dates(made) or _odd_sheets(made):
            raise Fault(
                ": the workbook holds settings that cannot be told apart. Open it in "
                "Excel and save it as a new .xlsx workbook."
            )
    return str(beside)


def _misreads_dates(parts: Parts) -> bool:
    """Whether days count from 1904 and settings of an extension come after."""
    settings = [e for e in parts.elements(BOOK) if e.name == "workbookPr"]
    return (
        any(
            entry.parent == "workbook" and entry.attributes.get("date1904") in TRUE
            for entry in settings
        )
        and settings[-1].parent != "workbook"
    )


def _odd_sheets(parts: Parts) -> list[str]:
    """Relations of sheets that are neither worksheets, charts nor dialogs."""
    sorts = {
        entry.attributes.get("Id", ""): entry.attributes.get("Type", "")
        for entry in parts.elements(LINKS)
    }
    listed = (
        next((v for k, v in entry.attributes.items() if k.endswith(" id")), "")
        for entry in parts.elements(BOOK)
        if (entry.parent, entry.name) == ("sheets", "sheet")
    )
    return [r for r in listed if r in sorts and not sorts[r].endswith(_READ)]
