"""Writes small .xlsb workbooks record by record, as [MS-XLSB] describes them."""

import struct
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

_TYPES = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_CONTENT = "application/vnd.ms-excel"
_FIRST_OWN_FORMAT = 164


def record(kind: int, content: bytes = b"") -> bytes:
    """A record: kind and length in groups of seven bits, then the content."""
    written = bytes([kind]) if kind < 128 else bytes([kind & 127 | 128, kind >> 7])
    length = len(content)
    while length > 127:
        written += bytes([length & 127 | 128])
        length >>= 7
    return written + bytes([length]) + content


def text(value: str) -> bytes:
    """A text with its length before it."""
    letters = value.encode("utf-16-le", "surrogatepass")
    return struct.pack("<I", len(letters) // 2) + letters


def cell(kind: int, column: int, content: bytes, style: int = 0) -> bytes:
    """A cell of any kind."""
    return record(kind, struct.pack("<II", column, style) + content)


def short(kind: int, content: bytes, style: int = 0) -> bytes:
    """A cell in the column after the one before."""
    return record(kind, struct.pack("<I", style) + content)


def real(column: int, value: float, style: int = 0) -> bytes:
    """A number in eight bytes."""
    return cell(5, column, struct.pack("<d", value), style)


def rk(column: int, packed: int, style: int = 0) -> bytes:
    """A number in four bytes, of which two bits say how."""
    return cell(2, column, struct.pack("<I", packed), style)


def inline(column: int, value: str) -> bytes:
    """A text in its cell."""
    return cell(6, column, text(value))


def shared(column: int, number: int) -> bytes:
    """A text in the list of shared ones."""
    return cell(7, column, struct.pack("<I", number))


def boolean(column: int, *, value: bool) -> bytes:
    """True or false."""
    return cell(4, column, bytes([value]))


def error(column: int) -> bytes:
    """The error ``#DIV/0!``."""
    return cell(3, column, b"\x07")


def formula(kind: int, column: int, result: bytes, style: int = 0) -> bytes:
    """A formula with its last result; 8 is text, 9 number, 10 truth, 11 error."""
    one_plus_one = (
        b"\x00\x00\x07\x00\x00\x00\x1e\x01\x00\x1e\x01\x00\x03\x00\x00\x00\x00"
    )
    return cell(kind, column, result + one_plus_one, style)


def row(number: int, *cells: bytes, hidden: bool = False) -> bytes:
    """A row and its cells."""
    flags = bytes([0, 0x10 if hidden else 0, 0])
    head = struct.pack("<IIH", number, 0, 300) + flags + struct.pack("<I", 0)
    return record(0, head) + b"".join(cells)


def column_info(first: int, last: int, *, hidden: bool) -> bytes:
    """How some columns look."""
    head = struct.pack("<IIIIH", first, last, 2560, 0, hidden)
    return record(390) + record(60, head) + record(391)


def sheet(*rows: bytes, columns: bytes = b"") -> bytes:
    """A worksheet."""
    size = record(148, struct.pack("<IIII", 0, 0, 0, 0))
    body = record(145) + b"".join(rows) + record(146)
    return record(129) + size + columns + body + record(130)


def of_rows(rows: Sequence[Sequence[object]]) -> bytes:
    """A worksheet of texts, numbers, truths and blanks, each in the simplest way."""
    return sheet(
        *(
            row(place, *(_of(column, value) for column, value in enumerate(cells)))
            for place, cells in enumerate(rows)
        )
    )


def _of(column: int, value: object) -> bytes:
    """A value as a cell."""
    if isinstance(value, bool):
        return boolean(column, value=value)
    if isinstance(value, int | float):
        return real(column, value)
    return cell(1, column, b"") if value is None else inline(column, str(value))


@dataclass(frozen=True, slots=True)
class Book:
    """A workbook to be.

    Attributes:
        sheets: name → part, in order.
        states: name → 1 (hidden) or 2 (very hidden).
        charts: names of those that are charts.
        texts: the shared ones.
        formats: of each style, by number of the style: a format's code or number.
        from_1904: whether days count from 1904-01-01.
    """

    sheets: Mapping[str, bytes]
    states: Mapping[str, int] = field(default_factory=dict)
    charts: Sequence[str] = ()
    texts: Sequence[str] = ()
    formats: Sequence[int | str] = (0,)
    from_1904: bool = False

    def write(self, path: Path) -> Path:
        """The workbook as a file."""
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in self._parts().items():
                archive.writestr(name, content)
        return path

    def _parts(self) -> dict[str, bytes | str]:
        """Name → content of every part."""
        places = {name: f"worksheets/s{i}.bin" for i, name in enumerate(self.sheets)}
        sorts = {
            places[name]: "chartsheet" if name in self.charts else "worksheet"
            for name in self.sheets
        }
        sorts |= {"styles.bin": "styles", "sharedStrings.bin": "sharedStrings"}
        return {
            "[Content_Types].xml": _content_types(sorts),
            "_rels/.rels": _relations({"xl/workbook.bin": "officeDocument"}),
            "xl/workbook.bin": self._workbook(places),
            "xl/_rels/workbook.bin.rels": _relations(sorts),
            "xl/styles.bin": self._styles(),
            "xl/sharedStrings.bin": self._shared(),
        } | {f"xl/{places[name]}": part for name, part in self.sheets.items()}

    def _workbook(self, places: Mapping[str, str]) -> bytes:
        """The part that lists the sheets."""
        properties = struct.pack("<II", self.from_1904, 0) + text("")
        listed = b"".join(
            record(
                156,
                struct.pack("<II", self.states.get(name, 0), number)
                + text(_identity(places[name]))
                + text(name),
            )
            for number, name in enumerate(self.sheets, start=1)
        )
        listed = record(143) + listed + record(144)
        return record(131) + record(153, properties) + listed + record(132)

    def _styles(self) -> bytes:
        """The part with the formats; the parent of all styles shows per cent."""
        codes = [code for code in self.formats if isinstance(code, str)]
        numbers = {code: _FIRST_OWN_FORMAT + i for i, code in enumerate(codes)}
        formats = b"".join(
            record(44, struct.pack("<H", number) + text(code))
            for code, number in numbers.items()
        )
        count = struct.pack("<I", len(self.formats))
        styles = b"".join(
            _style(code if isinstance(code, int) else numbers[code])
            for code in self.formats
        )
        return (
            record(278)
            + (record(615, struct.pack("<I", len(codes))) + formats + record(616))
            + (record(626, struct.pack("<I", 1)) + _style(9) + record(627))
            + (record(617, count) + styles + record(618))
            + record(279)
        )

    def _shared(self) -> bytes:
        """The part with the shared texts."""
        count = struct.pack("<II", len(self.texts), len(self.texts))
        items = b"".join(record(19, b"\x00" + text(value)) for value in self.texts)
        return record(159, count) + items + record(160)


def _style(number: int) -> bytes:
    """A style of cells by the number of its format."""
    return record(47, struct.pack("<HHHHHBBHH", 0, number, 0, 0, 0, 0, 0, 0, 0))


def _identity(path: str) -> str:
    """By what the workbook calls a part."""
    return "r" + path.replace("/", "-")


def _relations(sorts: Mapping[str, str]) -> str:
    """The part that says which parts there are, and of what sort."""
    entries = "".join(
        f'<Relationship Id="{_identity(path)}" Type="{_TYPES}/{sort}" Target="{path}"/>'
        for path, sort in sorts.items()
    )
    space = "http://schemas.openxmlformats.org/package/2006/relationships"
    return f'<Relationships xmlns="{space}">{entries}</Relationships>'


def _content_types(sorts: Mapping[str, str]) -> str:
    """The part that says what all others are."""
    kinds = {"/xl/workbook.bin": "sheet.binary.macroEnabled.main"}
    kinds |= {f"/xl/{path}": sort for path, sort in sorts.items()}
    entries = "".join(
        f'<Override PartName="{path}" ContentType="{_CONTENT}.{kind}"/>'
        for path, kind in kinds.items()
    )
    rels = "application/vnd.openxmlformats-package.relationships+xml"
    space = "http://schemas.openxmlformats.org/package/2006/content-types"
    return (
        f'<Types xmlns="{space}"><Default Extension="rels" ContentType="{rels}"/>'
        f"{entries}</Types>"
    )
