"""Eight bytes from anywhere in a block as one number, and what can be told from that.

The first byte is the lowest of the number. Runs only in the child process.
"""

from typing import Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Numbers = npt.NDArray[np.int64]
Truths = npt.NDArray[np.bool_]
Packed = npt.NDArray[np.uint64]

WIDTH = 8
"""Bytes in a word."""

MASKS = np.array([(1 << (8 * n)) - 1 for n in range(WIDTH + 1)], np.uint64)
"""Number of bytes, from the first → what leaves only these."""

_PADDING = 4 * WIDTH
_BYTE = 0xFF


class NotPlain(Exception):
    """A sheet is not of the plain shape; the reader for all shapes must take it."""


def need(condition: bool | np.bool_, /) -> None:  # noqa: FBT001 (reads as one)
    """Go on only with what is plain.

    Raises:
        NotPlain: it is not.
    """
    if not condition:
        raise NotPlain


def word(text: bytes) -> np.uint64:
    """At most eight bytes as they stand in a word, zeros after them."""
    return np.uint64(int.from_bytes(text, "little"))


def _every(byte: int) -> np.uint64:
    return word(bytes([byte]) * WIDTH)


class Block:
    """Bytes of a sheet, and words from any place in them.

    Attributes:
        size: how many bytes.
        data: the bytes, and zeros after them.
        codes: each of the bytes, and the zeros.
        opening: which of them are ``<``.
    """

    def __init__(self, text: bytes) -> None:
        self.size = len(text)
        self.data = text + bytes(_PADDING - len(text) % WIDTH)
        self.codes = np.frombuffer(self.data, np.uint8)
        self.opening: Truths = self.codes == ord("<")
        places = len(self.data) - WIDTH + 1
        self._words = np.ndarray(places, "<u8", self.data, strides=(1,))

    def words(self, places: Numbers) -> Packed:
        """The words that begin at some places of the bytes."""
        found: Packed = self._words[places]
        return found

    def stands(self, text: bytes, places: Numbers) -> Truths:
        """Where a text of at most eight bytes stands at a place."""
        found: Truths = begins(self.words(places), text)
        return found

    def array(self, starts: Numbers, ends: Numbers) -> pa.Array:
        """Stretches of the bytes as texts, in their order, and "" at the end.

        They must not overlap. Of the texts those with odd numbers are the stretches,
        and what stands between them are the others.
        """
        count = 2 * len(starts)
        offsets = np.empty(count + 3, np.int32)
        offsets[0] = 0
        offsets[1:count:2] = starts
        offsets[2 : count + 1 : 2] = ends
        offsets[count + 1 :] = offsets[count]
        buffers = (pa.py_buffer(offsets), pa.py_buffer(self.data))
        return pa.StringArray.from_buffers(count + 2, *buffers)

    def texts(self, starts: Numbers, ends: Numbers) -> pa.Array:
        """The same, without what stands between."""
        places = pa.array(2 * np.arange(len(starts)) + 1)
        return self.array(starts, ends).take(places)

    def distinct(
        self, starts: Numbers, ends: Numbers, most: int
    ) -> tuple[list[bytes], list[int]]:
        """The different ones among stretches of the bytes, and how often each is there.

        Raises:
            NotPlain: they are more than so many.
        """
        if not len(starts):
            return [], []
        first = self.data[starts[0] : ends[0]]
        others = np.flatnonzero(~self._stand(first, starts, ends))
        found = pc.value_counts(self.texts(starts[others], ends[others]))
        need(len(found) < most)
        texts = found.field("values").cast(pa.binary()).to_pylist()
        counts = found.field("counts").to_pylist()
        return [first, *texts], [len(starts) - len(others), *counts]

    def _stand(self, text: bytes, starts: Numbers, ends: Numbers) -> Truths:
        """Which stretches of the bytes are a text of any length."""
        found: Truths = ends - starts == len(text)
        for begin in range(0, len(text), WIDTH):
            found &= self.stands(text[begin : begin + WIDTH], starts + begin)
        return found

    @classmethod
    def of(cls, text: bytes) -> Self:
        """A block that may hold text of XML.

        Raises:
            NotPlain: it holds what XML forbids, or what is read with more care.
        """
        block = cls(text)
        controls = np.count_nonzero(block.codes < ord(" ")) - len(block.data)
        if controls != -block.size:
            breaks = text.count(b"\n") + text.count(b"\t")
            need(controls + block.size == breaks)
        # one byte is found much faster than three
        need(b"]" not in text or b"]]>" not in text)
        if not text.isascii():
            _check_letters(text)
        return block


def _check_letters(text: bytes) -> None:
    """Refuse what is no UTF-8, and the two letters that XML forbids."""
    if b"\xef" in text:
        need(b"\xef\xbf\xbe" not in text and b"\xef\xbf\xbf" not in text)
    whole = np.array([0, len(text)], np.int32)
    buffers = (None, pa.py_buffer(whole), pa.py_buffer(text))
    try:
        pa.BinaryArray.from_buffers(pa.binary(), 1, buffers).cast(pa.string())
    except pa.ArrowInvalid:
        raise NotPlain from None


def begins(words: Packed, text: bytes) -> Truths:
    """Which words begin with a text of at most eight bytes."""
    found: Truths = words & MASKS[len(text)] == word(text)
    return found


def letter(words: Packed, position: int) -> Packed:
    """One byte of each word."""
    found: Packed = words >> np.uint64(8 * position) & np.uint64(_BYTE)
    return found


def bytes_before(words: Packed, byte: int) -> Numbers:
    """How many bytes of each word stand before the first one of a kind.

    Raises:
        NotPlain: a word has none.
    """
    found = first_of(words, byte)
    need((found != 0).all())
    before: Numbers = np.bitwise_count(found - np.uint64(1)).astype(np.int64) >> 3
    return before


def aligned(words: Packed, digits: Numbers) -> Packed:
    """Words of which the first bytes are the last, and zeros as digits stand before."""
    vacant = WIDTH - digits
    moved = (words & MASKS[digits]) << (vacant * 8).astype(np.uint64)
    filled: Packed = moved | _every(ord("0")) & MASKS[vacant]
    return filled


def are_digits(words: Packed) -> Truths:
    """Which words hold nothing but digits."""
    high = _every(0xF0)
    beyond = ((words + _every(0x06)) & high) >> np.uint64(4)
    found: Truths = (words & high | beyond) == _every(0x33)
    return found


def numbers(words: Packed, digits: Numbers) -> Numbers:
    """The numbers that the first bytes of words write, at most eight digits each.

    Raises:
        NotPlain: one of those bytes is no digit.
    """
    text = aligned(words, digits)
    need(are_digits(text).all())
    text &= _every(0x0F)
    # neighbours are joined: digits to pairs, pairs to fours, fours to eight
    text = text * np.uint64(10 << 8 | 1) >> np.uint64(8)
    text = (text & np.uint64(0x00FF00FF00FF00FF)) * np.uint64(100 << 16 | 1)
    text >>= np.uint64(16)
    text = (text & np.uint64(0x0000FFFF0000FFFF)) * np.uint64(10_000 << 32 | 1)
    return (text >> np.uint64(32)).astype(np.int64)


def first_of(words: Packed, byte: int) -> Packed:
    """The highest bit of the first byte of a kind in each word; 0 where none is."""
    # https://graphics.stanford.edu/~seander/bithacks.html#ZeroInWord: the lowest
    # bit that is set is always right
    differing = words ^ _every(byte)
    found = (differing - _every(0x01)) & ~differing & _every(0x80)
    lowest: Packed = found & (~found + np.uint64(1))
    return lowest
