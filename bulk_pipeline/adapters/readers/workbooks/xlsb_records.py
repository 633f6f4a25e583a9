"""Records of the binary parts of an .xlsb workbook, and the values in them."""

import struct
from collections.abc import Iterator
from contextlib import contextmanager

from bulk_pipeline.adapters.readers.workbooks.book import Fault

NUMBER = struct.Struct("<I")
_REAL = struct.Struct("<d")
_RK = struct.Struct("<i")
_MORE = 0x80
_SEVEN = 0x7F
_LENGTH_BYTES = 4
_NO_TEXT = 0xFFFF_FFFF
_HUNDREDTHS, _INTEGER = 0b01, 0b10


def records(part: bytes) -> Iterator[tuple[int, int, int]]:
    """Kind of each record, where its content begins, and where that ends.

    Kind and length are groups of seven bits, the lowest first; all but the last
    group have the eighth bit set, [MS-XLSB] 2.1.4.

    Raises:
        Fault: the part ends within a record.
    """
    at = 0
    size = len(part)
    while at < size:
        kind = part[at]
        at += 1
        if kind & _MORE:
            kind = kind & _SEVEN | (part[at] & _SEVEN) << 7
            at += 1
        length = part[at]
        at += 1
        if length & _MORE:
            length &= _SEVEN
            for group in range(1, _LENGTH_BYTES):
                seven = part[at]
                at += 1
                length |= (seven & _SEVEN) << 7 * group
                if not seven & _MORE:
                    break
        end = at + length
        if end > size:
            raise damaged()
        yield kind, at, end
        at = end


def text_at(part: bytes, at: int, end: int) -> tuple[str, int]:
    """The text that begins here, and where it ends; an absent text is "".

    Raises:
        Fault: it is longer than its record.
    """
    (letters,) = NUMBER.unpack_from(part, at)
    at += NUMBER.size
    if letters == _NO_TEXT:
        return "", at
    stop = at + 2 * int(letters)
    if stop > end:
        raise damaged()
    return part[at:stop].decode("utf-16-le", "replace"), stop


def real_at(part: bytes, at: int) -> float:
    """The eight bytes here as a number."""
    return float(_REAL.unpack_from(part, at)[0])


def rk_at(part: bytes, at: int) -> float:
    """The four bytes here as a number, [MS-XLSB] 2.5.123."""
    (packed,) = _RK.unpack_from(part, at)
    if packed & _INTEGER:
        number = float(packed >> 2)
    else:
        number = float(_REAL.unpack(bytes(4) + _RK.pack(packed & ~0b11))[0])
    return number / 100 if packed & _HUNDREDTHS else number


@contextmanager
def refusing_damage() -> Iterator[None]:
    """Refuse a part that ends within a value, or names a text or style it lacks.

    Raises:
        Fault: it does.
    """
    try:
        yield
    except (IndexError, struct.error) as error:
        raise damaged() from error


def damaged() -> Fault:
    """That a part cannot be what a program wrote."""
    return Fault(": the workbook is damaged. Copy it again, or save it in Excel anew.")
