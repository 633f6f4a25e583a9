"""Text of a table as UTF-8 with line feeds, whatever its encoding and line ends."""

import codecs
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from bulk_pipeline.adapters.readers.files.content import Content, blocks
from bulk_pipeline.adapters.readers.text.line_ends import exchanged, returns_end_lines
from bulk_pipeline.adapters.readers.text.transcoding import UTF8, transcoded
from bulk_pipeline.core.notices import Notice

_BLOCK = 1 << 20
_ESCAPE = b"\x1b$"
"""Begins a run of other letters in ISO 2022, ECMA-35; no program writes it else."""
_QUICK_BLOCK = 256 << 10
"""Bytes; what fits into the cache of a processor is looked at in half the time."""


@dataclass(frozen=True, slots=True)
class Text:
    """Text that is known to fit its encoding to the last byte.

    Attributes:
        content: its bytes.
        encoding: name of the codec.
        size: bytes as UTF-8.
        returns: whether carriage returns alone end its lines; they and line feeds are
            exchanged in what is read here.
        notices: what a person should know.
    """

    content: Content
    encoding: str
    size: int
    returns: bool
    notices: tuple[Notice, ...] = ()

    def pieces(self, block_bytes: int, at: int = 0) -> Iterator[bytes]:
        """The text in pieces of about this size, as UTF-8.

        Args:
            block_bytes: how much of the content is read at a time.
            at: how many bytes of the UTF-8 are left out at the start.
        """
        if self.encoding == UTF8:
            pieces = blocks(self.content, block_bytes, at)
        else:
            pieces = transcoded(
                self.content, self.encoding, block_bytes, returns=self.returns
            )
            pieces = _without(pieces, at)
        return map(exchanged, pieces) if self.returns else pieces

    def head(self, size: int) -> bytes:
        """So many bytes from the start; fewer if there are fewer."""
        head = bytearray()
        for piece in self.pieces(size):
            head += piece
            if len(head) >= size:
                break
        return bytes(head[:size])


def text_of(content: Content, encoding: str) -> Text:
    """The text in this encoding.

    Raises:
        UnreadableFile: a byte does not fit; names the line.
    """
    returns = _returns(content, encoding)
    pieces = transcoded(content, encoding, _BLOCK, returns=returns)
    return Text(content, encoding, sum(map(len, pieces)), returns)


def utf8_text(content: Content) -> Text | Literal["cut", "broken", "escaped"]:
    """The text if it is UTF-8.

    Else whether it is but for its very last character, and whether it may switch to
    other letters by escapes, as ISO 2022 does.
    """
    rest = b""
    escapes = False
    for piece in blocks(content, _QUICK_BLOCK):
        # one byte is found ten times as fast as two
        escapes = escapes or (_ESCAPE[:1] in piece and _ESCAPE in piece)
        if rest or not piece.isascii():
            data = rest + piece
            try:
                _, used = codecs.utf_8_decode(data, "strict", False)  # noqa: FBT003
            except UnicodeDecodeError:
                return "broken"
            rest = data[used:]
    if rest:
        return "cut"
    if escapes:
        return "escaped"
    return Text(content, UTF8, content.size, _returns(content, UTF8))


def _returns(content: Content, encoding: str) -> bool:
    with content.open() as stream:
        head = stream.read(_BLOCK)
    if encoding != UTF8:
        head = head.decode(encoding, "ignore").encode(UTF8, "ignore")
    return returns_end_lines(head.removeprefix(codecs.BOM_UTF8))


def _without(pieces: Iterator[bytes], size: int) -> Iterator[bytes]:
    """The pieces without so many bytes at the start."""
    for piece in pieces:
        if size < len(piece):
            yield piece[size:]
        size = max(size - len(piece), 0)
