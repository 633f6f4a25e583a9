"""What an .xlsx workbook says of all its sheets: their names, formats, settings.

Runs only in the child process, within its limits.
"""

import posixpath
from collections import Counter

from bulk_pipeline.adapters.readers.workbooks.book import Fault, Sheet
from bulk_pipeline.adapters.readers.workbooks.cell_formats import Shown, shown_as
from bulk_pipeline.adapters.readers.workbooks.parts import Parts

BOOK = "xl/workbook.xml"
LINKS = "xl/_rels/workbook.xml.rels"
_STYLES = "xl/styles.xml"
TRUE = ("1", "true")


def sheets(parts: Parts) -> list[Sheet]:
    """The worksheets of a workbook, in order; chart sheets are none.

    Raises:
        Fault: two have the same name, so that nobody can tell them apart.
    """
    targets = {
        entry.attributes.get("Id"): _resolved(entry.attributes.get("Target", ""))
        for entry in parts.elements(LINKS)
        if entry.attributes.get("Type", "").endswith("/worksheet")
    }
    found = []
    for entry in parts.elements(BOOK):
        if (entry.parent, entry.name) != ("sheets", "sheet"):
            continue
        ids = (v for k, v in entry.attributes.items() if k.endswith(" id"))
        if (relation := next(ids, None)) in targets:
            hidden = entry.attributes.get("state", "visible") != "visible"
            name = entry.attributes.get("name", "")
            found.append(Sheet(name, targets[relation], hidden))
    for name, times in Counter(sheet.name for sheet in found).items():
        if times > 1:
            raise Fault(f": two sheets are called {name!r}. Rename one of them.")
    return found


def _resolved(target: str) -> str:
    """Name of the part that the workbook's own part refers to."""
    return posixpath.normpath(posixpath.join("/xl", target)).lstrip("/")


def is_uncalculated(parts: Parts) -> bool:
    """Whether the workbook asks its reader to calculate every formula.

    Programs that cannot calculate write so, and 0 as the value of each formula.
    """
    return any(
        entry.attributes.get("fullCalcOnLoad") in TRUE
        for entry in parts.elements(BOOK)
        if entry.name == "calcPr"
    )


def percent_styles(parts: Parts) -> frozenset[str]:
    """The numbers of the cell styles that show a number as per cent."""
    if _STYLES not in parts:
        return frozenset()
    entries = parts.elements(_STYLES)
    codes = {
        entry.attributes.get("numFmtId", ""): entry.attributes.get("formatCode", "")
        for entry in entries
        if (entry.parent, entry.name) == ("numFmts", "numFmt")
    }
    formats = [
        entry.attributes.get("numFmtId", "0")
        for entry in entries
        if (entry.parent, entry.name) == ("cellXfs", "xf")
    ]
    return frozenset(
        str(style)
        for style, number in enumerate(formats)
        if number.isdecimal()
        and shown_as(codes.get(number), int(number)) is Shown.PERCENT
    )
