"""What a workbook's own XML says that its parser does not: parts, states, formulas.

Runs only in the child process, within its limits.
"""

import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO
from xml.etree import ElementTree as ET
from xml.parsers import expat
from zipfile import ZipFile

_PIECE = 1 << 20
_OVERLAP = 64
_FORMULA = re.compile(rb"<(?:\w+:)?f[\s/>]")
_LONG_NUMBER = re.compile(rb"\.\d{10}|\d[eE][-+]?\d")


@dataclass(frozen=True, slots=True)
class Sheet:
    """A sheet of a workbook; ``part`` is its path in the archive."""

    name: str
    part: str
    hidden: bool


@dataclass(frozen=True, slots=True)
class Finding:
    """What a scan found in a sheet.

    Attributes:
        has_long_numbers: whether a number may have more than nine decimals.
        formula_without_value: the first such cell (``B7``), or "".
    """

    has_long_numbers: bool
    formula_without_value: str


def sheets(archive: ZipFile) -> list[Sheet]:
    """The worksheets of a workbook, in order; chart sheets are none."""
    relations = ET.fromstring(archive.read("xl/_rels/workbook.xml.rels"))  # noqa: S314
    parts = {
        entry.get("Id"): posixpath.normpath(
            posixpath.join("/xl", entry.get("Target", ""))
        ).lstrip("/")
        for entry in relations
        if entry.get("Type", "").endswith("/worksheet")
    }
    workbook = ET.fromstring(archive.read("xl/workbook.xml"))  # noqa: S314
    found = []
    for entry in workbook.iter():
        if entry.tag.rpartition("}")[2] != "sheet":
            continue
        relation = next((v for k, v in entry.items() if k.endswith("}id")), None)
        if relation in parts:
            hidden = entry.get("state", "visible") != "visible"
            found.append(Sheet(entry.get("name", ""), parts[relation], hidden))
    return found


def scan(archive: ZipFile, part: str) -> Finding:
    """Look through a sheet's XML as a stream.

    Raises:
        ExpatError: it is damaged; the spreadsheet parser would read part of it.
    """
    long_numbers = formulas = False
    tail = b""
    parser = expat.ParserCreate()
    with archive.open(part) as stream:
        for piece in _pieces(stream):
            window = tail + piece
            long_numbers = long_numbers or bool(_LONG_NUMBER.search(window))
            formulas = formulas or bool(_FORMULA.search(window))
            tail = window[-_OVERLAP:]
            parser.Parse(piece)
    parser.Parse(b"", True)  # noqa: FBT003 (expat takes no keyword)
    watch = _Formulas()
    if formulas:
        parser = expat.ParserCreate(namespace_separator=" ")
        parser.StartElementHandler = watch.start
        parser.CharacterDataHandler = watch.characters
        parser.EndElementHandler = watch.end
        with archive.open(part) as stream:
            for piece in _pieces(stream):
                parser.Parse(piece)
    return Finding(long_numbers, watch.first)


def _pieces(stream: IO[bytes]) -> Iterator[bytes]:
    while piece := stream.read(_PIECE):
        yield piece


class _Formulas:
    """Watches cells go by; a formula that gives an empty text does have a value."""

    def __init__(self) -> None:
        self.first = ""
        self._reference = ""
        self._formula = self._text = self._value = False
        self._in_value = False

    def start(self, name: str, attributes: dict[str, str]) -> None:
        tag = name.rpartition(" ")[2]
        if tag == "c":
            self._reference = attributes.get("r", "?")
            self._text = attributes.get("t") == "str"
            self._formula = self._value = False
        elif tag == "f":
            self._formula = True
        self._in_value = tag == "v"

    def characters(self, text: str) -> None:
        self._value = self._value or (self._in_value and bool(text.strip()))

    def end(self, name: str) -> None:
        self._in_value = False
        if name.rpartition(" ")[2] != "c" or self.first:
            return
        if self._formula and not self._value and not self._text:
            self.first = self._reference
