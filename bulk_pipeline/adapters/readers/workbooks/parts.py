"""Parts of an .xlsx workbook: bytes, and XML that can do no harm.

Runs only in the child process, within its limits.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from xml.parsers import expat
from zipfile import ZipFile

from bulk_pipeline.adapters.readers.workbooks.book import Fault

_PIECE = 1 << 20


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

    def size(self, name: str) -> int:
        """Bytes of a part, as the table of contents has it; 0 if there is none."""
        found = self._names.get(name.lower())
        return self._archive.getinfo(found).file_size if found else 0

    def whole(self, name: str) -> bytes:
        """The content of a part.

        Raises:
            Fault: there is no such part.
        """
        return b"".join(self.pieces(name))

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
        Fault: it is in an encoding that nobody knows, or has no number where one must
            stand.
        ExpatError: it is damaged.
    """
    try:
        for piece in pieces:
            parser.Parse(piece)
        parser.Parse(b"", True)  # noqa: FBT003 (expat takes no keyword)
    except (LookupError, ValueError) as error:
        raise Fault(
            ": the workbook is damaged. Open it in Excel and save it anew."
        ) from error


def local_name(name: str) -> str:
    """An element's name without its namespace."""
    return name[name.rfind(" ") + 1 :]
