"""Packed files: gzip, bzip2, xz, and zip archives of one table."""

import bz2
import gzip
import lzma
import re
import zlib
from collections.abc import Callable, Iterator
from functools import partial
from typing import BinaryIO

from bulk_pipeline.adapters.limits import Limits
from bulk_pipeline.adapters.readers.files.archives import is_workbook, member_pieces
from bulk_pipeline.adapters.readers.files.content import Content
from bulk_pipeline.adapters.readers.files.kinds import ZIP
from bulk_pipeline.adapters.readers.files.unpacked import Unpacked
from bulk_pipeline.core.errors import UnreadableFile

_BLOCK = 1 << 20
_XZ_MEMORY = 128 << 20
"""Bytes; the strongest preset of xz needs 65 MiB, a hostile file up to 4 GiB."""


def unpacked(content: Content, limits: Limits) -> Content:
    """What a packed file holds; the same content if it is not packed.

    Raises:
        UnreadableFile: it is damaged, holds none or several tables or a packed file,
            or unpacks to too much.
        TransientError: there is no room to unpack it.
    """
    pieces = _pieces(content, limits)
    if pieces is None:
        return content
    inner = Unpacked(content)
    for piece in pieces:
        inner.append(piece)
        _check_size(inner, limits)
    if inner.size == 0:
        raise UnreadableFile(
            f"{content.name}: the packed file is empty. Export and pack it again."
        )
    if _pieces(inner, limits) is not None:
        raise UnreadableFile(
            f"{content.name}: a packed file within a packed file. Unpack it first."
        )
    return inner


def _pieces(content: Content, limits: Limits) -> Iterator[bytes] | None:
    """What is packed in it, piece by piece; None if it is not packed."""
    for magic, kind, unpack in _KINDS:
        if re.match(magic, content.head):
            return _stream(content, kind, unpack)
    if content.head.startswith(ZIP) and not is_workbook(content, limits):
        return member_pieces(content, limits)
    return None


def _stream(
    content: Content, kind: str, unpack: Callable[[BinaryIO], Iterator[bytes]]
) -> Iterator[bytes]:
    try:
        with content.open() as stream:
            yield from unpack(stream)
    except (EOFError, OSError, lzma.LZMAError, zlib.error) as error:
        raise UnreadableFile(
            f"{content.name}: the {kind} file is damaged or cut short. Pack or copy it "
            "again."
        ) from error


def _gzip(stream: BinaryIO) -> Iterator[bytes]:
    with gzip.GzipFile(fileobj=stream) as file:
        yield from iter(partial(file.read, _BLOCK), b"")


def _bzip2(stream: BinaryIO) -> Iterator[bytes]:
    with bz2.BZ2File(stream) as file:
        yield from iter(partial(file.read, _BLOCK), b"")


def _xz(stream: BinaryIO) -> Iterator[bytes]:
    """One stream, for what opens several knows no limit of memory."""
    decoder = lzma.LZMADecompressor(lzma.FORMAT_XZ, _XZ_MEMORY)
    while not decoder.eof:
        packed = stream.read(_BLOCK) if decoder.needs_input else b""
        if decoder.needs_input and not packed:
            raise EOFError
        yield decoder.decompress(packed, _BLOCK)
    if decoder.unused_data or stream.read(1):
        raise lzma.LZMAError


_KINDS = (
    (rb"\x1f\x8b", "gzip", _gzip),
    (rb"BZh[1-9](1AY&SY|\x17\x72\x45\x38\x50\x90)", "bzip2", _bzip2),
    (rb"\xfd7zXZ\0", "xz", _xz),
)


def _check_size(inner: Unpacked, limits: Limits) -> None:
    """Refuse what has unpacked to too much so far, whatever its header says."""
    if not limits.may_unpack(inner.total_bytes, inner.size):
        raise UnreadableFile(
            f"{inner.name}: the packed file is too large; it may unpack to at most "
            f"{limits.unpacked_bytes:,} bytes and {limits.unpacked_ratio:,} times its "
            "size. Split the table, or drop it unpacked."
        )
