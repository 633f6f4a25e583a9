"""What a file is by its first bytes, and the kinds that are refused."""

import re

from bulk_pipeline.core.errors import UnreadableFile

ZIP = (b"PK\x03\x04", b"PK\x05\x06")
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
"""Old .xls workbooks, and workbooks under a password."""
PARQUET = b"PAR1"

_WORKBOOK = "Open it in Excel and save it as .xlsx"
_TABLE = "Save the table as .xlsx or CSV UTF-8"
_UNPACK = "Unpack it first"
_EXPORT = "Export the table as Parquet or CSV UTF-8"
_REFUSED = (
    (rb"\x28\xb5\x2f\xfd", "packed by zstd", _UNPACK),
    (rb"7z\xbc\xaf\x27\x1c", "packed by 7-Zip", _UNPACK),
    (rb"Rar!\x1a\x07", "packed by RAR", _UNPACK),
    (rb"(?s:.{257})ustar", "a tar archive", _UNPACK),
    (rb"\x09[\0\2\4\x08][\4\6\x08\x10]\0", "a workbook older than Excel 5", _WORKBOOK),
    (rb"ARROW1\0\0|FEA1", "an Arrow or Feather file", _EXPORT),
    (rb"ORC(?=[^\0]*\0)", "an ORC file", _EXPORT),
    (rb"SQLite format 3\0", "a SQLite database", _EXPORT),
    (rb"%PDF", "a PDF", _TABLE),
)
_REFUSED_TEXT = (
    (r"<\?xml", "an XML document, not a table", _WORKBOOK),
    (
        r"<(!doctype|html|head|body|meta|table)\b|<!--",
        "an HTML page, not a table",
        _WORKBOOK,
    ),
    (r"mime-version:", "a web archive, not a table", _WORKBOOK),
    (r"\{\\rtf", "an RTF document", _TABLE),
    (r'\{\s*["}]|\[\s*["{\[\]]', "JSON, not a table", _TABLE),
)


def refuse_binary(name: str, head: bytes) -> None:
    """Refuse what is known and not read.

    Args:
        name: of the file, for messages.
        head: its first bytes.

    Raises:
        UnreadableFile: names the kind and the cure.
    """
    for magic, what, cure in _REFUSED:
        if re.match(magic, head):
            raise UnreadableFile(f"{name}: the file is {what}. {cure}.")


def refuse_markup(name: str, head: str) -> None:
    """Refuse text that is no table, whatever its encoding.

    Args:
        name: of the file, for messages.
        head: its first characters.

    Raises:
        UnreadableFile: names the kind and the cure.
    """
    start = head.removeprefix("\ufeff").lstrip()
    for pattern, what, cure in _REFUSED_TEXT:
        if re.match(pattern, start, re.IGNORECASE):
            raise UnreadableFile(f"{name}: the file is {what}. {cure}.")


def refuse_nul(name: str, head: bytes) -> None:
    """Refuse text with a NUL byte, which no program writes into a table.

    Args:
        name: of the file, for messages.
        head: whole text or its start.

    Raises:
        UnreadableFile: names the line.
    """
    if (at := head.find(b"\0")) >= 0:
        line = 1 + (head.count(b"\n", 0, at) or head.count(b"\r", 0, at))
        raise UnreadableFile(
            f"{name}, line {line:,}: a NUL byte, so this is no text. {_TABLE}."
        )
