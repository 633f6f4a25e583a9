"""Files in, text out: the reader is chosen by what a file holds, not by its name."""

import stat
from pathlib import Path

from bulk_pipeline.adapters.readers.base import (
    Limits,
    RaggedLine,
    TextChunk,
    TextSource,
)
from bulk_pipeline.adapters.readers.columnar import open_columnar
from bulk_pipeline.adapters.readers.delimited import open_delimited
from bulk_pipeline.adapters.readers.spreadsheet import open_spreadsheet
from bulk_pipeline.adapters.readers.whole import TextTable, whole
from bulk_pipeline.core.errors import UnreadableFile

__all__ = [
    "Limits",
    "RaggedLine",
    "TextChunk",
    "TextSource",
    "TextTable",
    "open_text",
    "read_text_table",
]

_HEAD = 8 << 10
_SAVE = "Save it as .xlsx or CSV UTF-8"
_PACKED = "Unpack it first"
_REFUSED = (
    (b"\xd0\xcf\x11\xe0", "an old .xls or password-protected workbook", _SAVE),
    (b"\x1f\x8b", "packed by gzip", _PACKED),
    (b"BZh", "packed by bzip2", _PACKED),
    (b"\xfd7zXZ\x00", "packed by xz", _PACKED),
    (b"\x28\xb5\x2f\xfd", "packed by zstd", _PACKED),
    (b"7z\xbc\xaf", "packed by 7-Zip", _PACKED),
    (b"Rar!", "packed by RAR", _PACKED),
    (b"%PDF", "a PDF", _SAVE),
    (b"\xff\xfe", "UTF-16 text", "Save it as CSV UTF-8"),
    (b"\xfe\xff", "UTF-16 text", "Save it as CSV UTF-8"),
)


def open_text(path: Path, *, limits: Limits = Limits()) -> TextSource:  # noqa: B008 (frozen)
    """A file whose header is read and whose rows are still to come, all as text.

    Raises:
        UnreadableFile: it is no table that can be read, or too large; names the
            file, what is wrong, where, and what to do.
    """
    head = _head(path, limits)
    for magic, what, cure in _REFUSED:
        if head.startswith(magic):
            raise UnreadableFile(f"{path.name}: the file is {what}. {cure}.")
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return open_spreadsheet(path, limits)
    if head.startswith(b"PAR1"):
        return open_columnar(path, limits)
    if (at := head.find(b"\0")) >= 0:
        line = head.count(b"\n", 0, at) + 1
        raise UnreadableFile(
            f"{path.name}, line {line:,}: a NUL byte, so this is no text. {_SAVE}."
        )
    return open_delimited(path, limits)


def read_text_table(path: Path, *, limits: Limits = Limits()) -> TextTable:  # noqa: B008
    """Any tabular file as a table of texts, whatever its columns are.

    Raises:
        UnreadableFile: as ``open_text``.
    """
    return whole(open_text(path, limits=limits))


def _head(path: Path, limits: Limits) -> bytes:
    """The first bytes of a regular file that is neither empty nor too large."""
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):  # to open a pipe would wait for ever
            raise UnreadableFile(f"{path.name}: no regular file. Drop a file instead.")
        if status.st_size == 0:
            raise UnreadableFile(f"{path.name}: the file is empty. Export it again.")
        if status.st_size > limits.file_bytes:
            raise UnreadableFile(
                f"{path.name}: {status.st_size:,} bytes; at most "
                f"{limits.file_bytes:,} are read. Split the file."
            )
        with path.open("rb") as stream:
            return stream.read(_HEAD)
    except OSError as error:
        raise UnreadableFile(
            f"{path.name}: {error.strerror}. Check the file and its permissions."
        ) from error
