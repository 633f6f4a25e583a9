"""The encoding of text that is no Unicode, guessed from its cells that are not ASCII.

Only such cells are looked at: the figures of whole rows would outvote the names.
"""

import re
from itertools import chain, islice

from bulk_pipeline.adapters.readers.files.content import Content, blocks

WESTERN = "cp1252"
_AKIN = ("cp1250", "cp1254", "cp1257", "iso8859-2")
_LATIN = (WESTERN, *_AKIN, "cp850", "mac-roman")
_OTHER = ("cp1251", "cp1253", "cp1255", "cp1256", "cp874", "koi8-r")
MULTIBYTE = ("big5hkscs", "cp932", "cp949", "gb18030")
"""What spreadsheets and old databases write; with rarer ones more guesses are wrong."""

_WESTERN_FAVOUR = 1.1
"""How much surer a guess of its kin must be: it is the most common by far."""

_BLOCK = 1 << 20
_BLOCKS_KEPT = 32
_CELLS_OF_A_BLOCK = 2_000
_CELL_BYTES = 1_000
_SAMPLE_BYTES = 64 << 10
_MOST_OTHERS = 4


def sample(content: Content) -> list[bytes]:
    """Different cells that are not ASCII, from all parts of a text; at least one."""
    cell = _cell(content.head)
    kept: list[list[bytes]] = []
    every = 1
    first = b""
    odd = (block for block in blocks(content, _BLOCK) if not block.isascii())
    for number, block in enumerate(odd):
        first = first or re.sub(rb"^[\0-\x7f]+", b"", block)[:_CELL_BYTES]
        if number % every == 0:
            found = islice(cell.finditer(block), _CELLS_OF_A_BLOCK)
            kept.append([match[0] for match in found if len(match[0]) <= _CELL_BYTES])
        if len(kept) > _BLOCKS_KEPT:
            kept, every = kept[::2], 2 * every
    return list(dict.fromkeys(chain(*kept))) or [first]


def is_partly_utf8(cells: list[bytes]) -> bool:
    """Whether so many cells are UTF-8 that a guess would garble good names."""
    good = sum(map(_is_utf8, cells))
    return good * _MOST_OTHERS >= len(cells) - good


def guessed(cells: list[bytes]) -> str:
    """The most likely of the candidates; "" if the cells are no text.

    The Western one is named if it reads the same as the most likely.
    Of its kin, cells that it reads the same say nothing: letters of French are letters
    of Hungarian too.
    """
    every = 1 + sum(map(len, cells)) // _SAMPLE_BYTES
    cells = cells[::every]
    scripts = _LATIN if _is_latin(cells) else _LATIN + _OTHER
    sureness = _sureness(cells, scripts + MULTIBYTE)
    if not sureness:
        return ""
    name = max(sureness, key=lambda name: sureness[name])
    cells = [cell for cell in cells if not _reads_the_same(cell, name)]
    if cells and name in _AKIN:
        sureness = _sureness(cells, (WESTERN, name))
        if sureness.get(name, 0) <= sureness.get(WESTERN, 0) * _WESTERN_FAVOUR:
            return WESTERN
    return name if cells else WESTERN


def _sureness(cells: list[bytes], candidates: tuple[str, ...]) -> dict[str, float]:
    """Encoding → how likely it is; none if the cells are no text."""
    # read in only where it is needed: its tables take time and memory
    from chardet import detect_all  # noqa: PLC0415

    found = detect_all(
        b"\n".join(cells),
        ignore_threshold=True,
        compat_names=False,
        include_encodings=candidates,
        empty_input_encoding=WESTERN,
    )
    return {
        guess["encoding"]: guess["confidence"] for guess in found if guess["encoding"]
    }


def _reads_the_same(cell: bytes, encoding: str) -> bool:
    """Whether the Western encoding makes the same text of it."""
    try:
        return cell.decode(WESTERN) == cell.decode(encoding)
    except UnicodeDecodeError:
        return False


def _cell(head: bytes) -> re.Pattern[bytes]:
    """A cell that is not ASCII, in a text that begins so; found in linear time."""
    ends = b',;\t\r\n"'
    if head.count(b"|") > max(map(head.count, (b",", b";", b"\t"))):
        ends += b"|"  # elsewhere it may be the second byte of a character
    return re.compile(
        rb"(?<=[%b])[^%b\x80-\xff]*+[\x80-\xff][^%b]*+(?=[%b])" % ((ends,) * 4)
    )


def _is_latin(cells: list[bytes]) -> bool:
    """Whether ASCII letters stand in most words that are not ASCII.

    In no word of Cyrillic, Greek or Thai does one stand.
    """
    words = re.findall(rb"[A-Za-z\x80-\xff]+", b"\n".join(cells))
    odd = [word for word in words if not word.isascii()]
    mixed = [word for word in odd if re.search(rb"[A-Za-z]", word)]
    return 2 * len(mixed) > len(odd)


def _is_utf8(cell: bytes) -> bool:
    try:
        cell.decode()
    except UnicodeDecodeError:
        return False
    return True
