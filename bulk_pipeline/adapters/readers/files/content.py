"""The bytes of a table, wherever they lie."""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import BinaryIO, Protocol

HEAD = 8 << 10
"""Bytes from which the kind of a file is told; a multiple of 4, as UTF-32 needs."""


class Content(Protocol):
    """Bytes that do not change, read as often as need be."""

    @property
    def name(self) -> str:
        """Name of the file that was dropped, for messages."""

    @property
    def size(self) -> int:
        """How many bytes there are."""

    @property
    def total_bytes(self) -> int:
        """Size of the file that was dropped, packed or not."""

    @property
    def head(self) -> bytes:
        """The first bytes, at most ``HEAD``."""

    def open(self) -> BinaryIO:
        """The bytes from the first on, at a position of its own."""

    def on_disk(self) -> AbstractContextManager[Path]:
        """A file that holds them, for as long as the context lasts."""


def blocks(content: Content, size: int, at: int = 0) -> Iterator[bytes]:
    """The bytes from a position on, so many at a time."""
    with content.open() as stream:
        stream.seek(at)
        yield from iter(partial(stream.read, size), b"")
