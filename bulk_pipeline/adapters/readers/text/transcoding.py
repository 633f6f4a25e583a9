"""Text of any encoding as a stream of UTF-8; what does not fit is refused by line."""

import codecs
from collections.abc import Iterator
from itertools import chain

from bulk_pipeline.adapters.readers.files.content import Content, blocks
from bulk_pipeline.core.errors import UnreadableFile

UTF8 = "utf-8"


def transcoded(
    content: Content, encoding: str, block_bytes: int, *, returns: bool
) -> Iterator[bytes]:
    """The whole text in pieces of UTF-8 that are not empty.

    Args:
        content: the bytes.
        encoding: name of the codec that they are read by.
        block_bytes: how many of them are read at a time.
        returns: whether carriage returns alone end lines, for messages.

    Raises:
        UnreadableFile: a byte does not fit, or the text is cut short; names the line.
    """
    end = b"\r" if returns else b"\n"
    decoder = codecs.getincrementaldecoder(encoding)()
    line = 1
    for raw in chain(blocks(content, block_bytes), [b""]):
        try:
            piece = decoder.decode(raw, final=not raw).encode(UTF8)
        except UnicodeError as error:
            where = f"{content.name}, line {line + _ends_before(error, end):,}"
            raise _misfit(where, encoding, error, last=not raw) from None
        line += piece.count(end)
        if piece:
            yield piece


def _ends_before(error: UnicodeError, end: bytes) -> int:
    """How many lines end between the start of what was decoded and the fault."""
    if not isinstance(error, UnicodeDecodeError):
        return 0
    good = error.object[: error.start].decode(error.encoding, "ignore")
    return good.encode(UTF8, "ignore").count(end)


def _misfit(
    where: str, encoding: str, error: UnicodeError, *, last: bool
) -> UnreadableFile:
    if last:
        return UnreadableFile(
            f"{where}: the text is cut short in the middle of a character. Copy or "
            "export the file again."
        )
    what = "this"
    if isinstance(error, UnicodeDecodeError):
        what = f"byte {error.object[error.start]:#04x}"
    name = "UTF-8" if encoding == UTF8 else encoding
    return UnreadableFile(
        f"{where}: {what} is no {name}. Save the file as CSV UTF-8, or set "
        "BULK_PIPELINE_ENCODING to the encoding that it has."
    )
