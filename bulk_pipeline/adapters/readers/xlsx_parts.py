"""Parts of an .xlsx workbook and what the small ones say: sheets, formats, settings.

Runs only in the child process, within its limits.
"""

import posixpath
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from xml.parsers import expat
from zipfile import ZipFile

from bulk_pipeline.adapters.readers.book import Fault, Sheet
from bulk_pipeline.adapters.readers.cell_formats import Shown, shown_as

_PIECE = 1 << 20
TRUE = ("1", "true")


@dataclass(frozen=True, slots=True)
class Element:
    """An XML element; names are without namespaces, but for those of attributes."""

    parent: str
    name: str
    attributes: dict[str, str]


class Parts:
    """The parts of a workbook by their names, in any case, as Excel finds them."""

    def __init__(self, archive: ZipFile) -> None:
        self._archive = archive
        self._names = {
            name.replace("\\", "/").lower(): name for name in archive.namelist()
        }

    def __contains__(self, name: str) -> bool:
        return name.lower() in self._names

    def pieces(self, name: str) -> Iterator[bytes]:
        """The content of a part, piece by piece.

        Raises:
            Fault: there is no such part.
        """
        if name not in self:
            raise Fault(
                f": the workbook is damaged, its part {name[:100]!r} is missing. Open "
                "it in Excel and save it anew."
            )
        with self._archive.open(self._names[name.lower()]) as stream:
            while piece := stream.read(_PIECE):
                yield piece

    def elements(self, name: str) -> list[Element]:
        """All elements of a part, in order.

        Raises:
            Fault: the part is missing or declares a document type.
            ExpatError: it is damaged.
        """
        found: list[Element] = []
        above = [""]

        def start(full: str, attributes: dict[str, str]) -> None:
            local = local_name(full)
            found.append(Element(above[-1], local, attributes))
            above.append(local)

        parser = safe_parser()
        parser.StartElementHandler = start
        parser.EndElementHandler = lambda _: above.pop()
        parse(parser, self.pieces(name))
        return found

    def check(self, name: str) -> None:
        """See that a part is whole.

        Raises:
            Fault: the part is missing or declares a document type.
            ExpatError: it is damaged.
        """
        parse(safe_parser(), self.pieces(name))


def safe_parser() -> expat.XMLParserType:
    """A parser that tells namespaces and refuses documents with a type of their own.

    A type can declare entities, which can stand for gigabytes of text.
    """

    def refuse(*_: object) -> None:
        raise Fault(
            ": the workbook declares an XML document type, which no spreadsheet "
            "program writes. Open it in Excel and save it anew."
        )

    parser = expat.ParserCreate(namespace_separator=" ")
    parser.StartDoctypeDeclHandler = refuse
    return parser


def parse(parser: expat.XMLParserType, pieces: Iterable[bytes]) -> None:
    """Give a parser a whole document.

    Raises:
        Fault: it is in an encoding that nobody knows, or lacks a number that it needs.
        ExpatError: it is damaged.
    """
    try:
        for piece in pieces:
            parser.Parse(piece)
        parser.Parse(b"", True)  # noqa: FBT003 (expat takes no keyword)
    except (LookupError, ValueError) as error:
        raise Fault(
            f": the workbook is damaged ({error}). Open it in Excel and save it anew."
        ) from error


def local_name(name: str) -> str:
    """An element's name without its namespace."""
    return name[name.rfind(" ") + 1 :]


def sheets(parts: Parts) -> list[Sheet]:
    """The worksheets of a workbook, in order; chart sheets are none.

    Raises:
        Fault: two have the same name, so that nobody can tell them apart.
    """
    targets = {
        entry.attributes.get("Id"): _resolved(entry.attributes.get("Target", ""))
        for entry in parts.elements("xl/_rels/workbook.xml.rels")
        if entry.attributes.get("Type", "").endswith("/worksheet")
    }
    found = []
    for entry in parts.elements("xl/workbook.xml"):
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
        for entry in parts.elements("xl/workbook.xml")
        if entry.name == "calcPr"
    )


def percent_styles(parts: Parts) -> frozenset[str]:
    """The numbers of the cell styles that show a number as per cent."""
    if "xl/styles.xml" not in parts:
        return frozenset()
    entries = parts.elements("xl/styles.xml")
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
