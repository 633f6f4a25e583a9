"""Zip archives: workbooks are told from others, of which one member is unpacked."""

import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from io import BufferedReader
from zipfile import BadZipFile, ZipFile

from bulk_pipeline.adapters.limits import Limits
from bulk_pipeline.adapters.readers.files.archive_members import table_member
from bulk_pipeline.adapters.readers.files.content import Content
from bulk_pipeline.core.errors import UnreadableFile

_BLOCK = 1 << 20
_ENTRY_BYTES = 256
"""Bytes of a member in the table of contents, more than a short name needs."""
_OFFICE = frozenset({"[content_types].xml", "content.xml", "mimetype"})
_DAMAGE = (
    BadZipFile,
    EOFError,
    NotImplementedError,
    OSError,
    ValueError,
    struct.error,
    zlib.error,
)


def is_workbook(content: Content, limits: Limits) -> bool:
    """Whether an archive is an office document, by the names of its members.

    Raises:
        UnreadableFile: it is damaged or has too many members.
    """
    with _opened(content, limits) as archive:
        names = [name.replace("\\", "/").lower() for name in archive.namelist()]
    return any(name in _OFFICE or name.startswith("xl/") for name in names)


def member_pieces(content: Content, limits: Limits) -> Iterator[bytes]:
    """The one member of an archive that can be a table, piece by piece.

    Raises:
        UnreadableFile: there is no such member, or it is damaged, under a password or
            packed in a way that is not read.
    """
    with _opened(content, limits) as archive:
        table = table_member(content.name, archive)
        size = 0
        with archive.open(table) as stream:
            for piece in iter(partial(stream.read, _BLOCK), b""):
                size += len(piece)
                yield piece
        if size != table.file_size:
            raise BadZipFile


class _TooLong(Exception):
    """The table of contents would fill the memory."""


class _Sparing(BufferedReader):
    """A stream of which an archive's table of contents must not fill the memory."""

    longest = _BLOCK

    def read(self, size: int | None = -1, /) -> bytes:
        if size is not None and size > self.longest:
            raise _TooLong
        return super().read(size)


@contextmanager
def _opened(content: Content, limits: Limits) -> Iterator[ZipFile]:
    try:
        with content.open() as raw, _Sparing(raw) as stream:  # type: ignore[arg-type]
            stream.longest = max(_BLOCK, limits.members * _ENTRY_BYTES)
            with ZipFile(stream) as archive:
                if len(archive.infolist()) > limits.members:
                    raise _too_many(content.name, limits)
                yield archive
    except _TooLong:
        raise _too_many(content.name, limits) from None
    except _DAMAGE as error:
        raise UnreadableFile(
            f"{content.name}: the zip archive or workbook is damaged or cut short. "
            "Pack or copy it again."
        ) from error


def _too_many(name: str, limits: Limits) -> UnreadableFile:
    return UnreadableFile(
        f"{name}: an archive of more than {limits.members:,} members, or with very "
        "long names. Drop the table unpacked."
    )
