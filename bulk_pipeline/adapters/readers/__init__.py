"""Files in, text out: the reader is chosen by what a file holds, not by its name."""

from dataclasses import replace
from pathlib import Path

from bulk_pipeline.adapters.limits import Limits
from bulk_pipeline.adapters.readers.base import RaggedLine, TextChunk, TextSource
from bulk_pipeline.adapters.readers.files.archives import is_workbook
from bulk_pipeline.adapters.readers.files.containers import unpacked
from bulk_pipeline.adapters.readers.files.dropped import dropped
from bulk_pipeline.adapters.readers.files.kinds import OLE, PARQUET, ZIP, refuse_binary
from bulk_pipeline.adapters.readers.text.delimited import open_delimited
from bulk_pipeline.adapters.readers.text.encodings import settled
from bulk_pipeline.adapters.readers.whole import TextTable, whole
from bulk_pipeline.adapters.readers.workbooks.spreadsheet import (
    Parsing,
    open_spreadsheet,
)

__all__ = [
    "Limits",
    "RaggedLine",
    "TextChunk",
    "TextSource",
    "TextTable",
    "begun_workbook",
    "open_text",
    "read_text_table",
]


def open_text(
    path: Path,
    *,
    limits: Limits = Limits(),  # noqa: B008 (frozen)
    encoding: str = "",
    sheets: str = "one",
) -> TextSource:
    """A file whose header is read and whose rows are still to come, all as text.

    Args:
        path: the file; it may be packed.
        limits: how much it may take.
        encoding: name of the encoding of a text file without a byte order mark; "" to
            find it out.
        sheets: of a workbook with several sheets of ours, "one" refuses it and "all"
            reads them one after the other.

    Raises:
        UnreadableFile: it is no table that can be read, or too large; names the
            file, what is wrong, where, and what to do.
        ConfigurationError: there is no such encoding.
        TransientError: there is no room to unpack it.
    """
    content = unpacked(dropped(path, limits), limits)
    refuse_binary(content.name, content.head)
    if content.head.startswith((*ZIP, OLE)):
        with content.on_disk() as workbook:
            book = open_spreadsheet(workbook, limits, name=path.name, sheets=sheets)
        return replace(book, total_bytes=content.total_bytes)
    if content.head.startswith(PARQUET):
        from bulk_pipeline.adapters.readers.columnar import (  # noqa: PLC0415
            open_columnar,  # its library takes 15 ms, and few files are Parquet
        )

        return open_columnar(content, limits)
    return open_delimited(settled(content, encoding), limits)


def begun_workbook(path: Path, limits: Limits, sheets: str) -> Parsing | None:
    """A workbook that is being parsed; None for any other file, which is left alone.

    Args:
        path: the file; a workbook that is packed in another file is none here.
        limits: how much it may take.
        sheets: as ``open_text`` takes it.

    Raises:
        UnreadableFile: it cannot be opened, or as ``Parsing``.
    """
    content = dropped(path, limits)
    if not content.head.startswith((*ZIP, OLE)):
        return None
    if content.head.startswith(ZIP) and not is_workbook(content, limits):
        return None
    return Parsing(path, limits, sheets=sheets)


def read_text_table(path: Path, *, limits: Limits = Limits()) -> TextTable:  # noqa: B008
    """Any tabular file as a table of texts, whatever its columns are.

    Raises:
        UnreadableFile: as ``open_text``.
        TransientError: as ``open_text``.
    """
    return whole(open_text(path, limits=limits))
