"""Which encoding a text has: settled by all of its bytes before any of it is parsed."""

import codecs
import re
from contextlib import suppress
from dataclasses import replace

from bulk_pipeline.adapters.readers.files.content import Content
from bulk_pipeline.adapters.readers.files.kinds import refuse_nul
from bulk_pipeline.adapters.readers.text.decoded import Text, text_of, utf8_text
from bulk_pipeline.adapters.readers.text.guessing import (
    MULTIBYTE,
    WESTERN,
    guessed,
    is_partly_utf8,
    sample,
)
from bulk_pipeline.adapters.readers.text.transcoding import UTF8
from bulk_pipeline.core.errors import ConfigurationError, UnreadableFile
from bulk_pipeline.core.notices import Notice, NoticeKind

_MARKS = (
    (codecs.BOM_UTF8, UTF8),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # begins as the mark of UTF-16 does
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_WIDE = ("utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be")
_SWITCHING = ("iso2022_kr", "iso2022_jp", "iso2022_jp_2")
"""The Korean one first: the last one takes it, and leaves its letters as they are."""
_TABULAR = re.compile("[,;\t|:\r\n]")


def settled(content: Content, wanted: str = "") -> Text:
    """The text of a file, in the encoding that fits all of it.

    A byte order mark is believed first, then what is wanted, then the bytes.

    Args:
        content: the bytes.
        wanted: name of a text codec, or "" to find it out.

    Raises:
        UnreadableFile: no encoding fits, or nobody can tell which; names the line.
        ConfigurationError: Python knows no such text codec.
    """
    encoding = _marked(content.head) or _known(wanted) or _wide(content.head)
    if encoding not in ("", UTF8):
        return text_of(content, encoding)
    text = utf8_text(content)
    if isinstance(text, Text):
        return text
    if encoding == UTF8 or text == "cut":
        return text_of(content, UTF8)  # refuses it by line, but for what has escapes
    if text == "escaped":
        return _escaped(content)
    refuse_nul(content.name, content.head)
    return _likely(content)


def _marked(head: bytes) -> str:
    return next((name for mark, name in _MARKS if head.startswith(mark)), "")


def _known(wanted: str) -> str:
    """The codec's own name, or "" where none is wanted."""
    try:
        if wanted:
            "".encode(wanted)  # refuses codecs of bytes, such as hex
            wanted = codecs.lookup(wanted).name
    except (LookupError, UnicodeError):
        raise ConfigurationError(
            f"BULK_PIPELINE_ENCODING: {wanted!r} is no encoding of text. Use, for "
            "example, cp1252, shift_jis or utf-16."
        ) from None
    return UTF8 if wanted == "utf-8-sig" else wanted


def _wide(head: bytes) -> str:
    """UTF-16 or UTF-32 without a mark, told by NUL bytes; "" if it is neither."""
    if b"\0" not in head:
        return ""
    best = max(_WIDE, key=lambda encoding: _likeness(head, encoding))
    return best if _likeness(head, best) > 0 else ""


def _likeness(head: bytes, encoding: str) -> float:
    """How much it looks as if it had this encoding; 0 or less if it does not.

    Letters of one byte speak for it, those made of two bytes of ASCII against it.
    """
    try:
        text = codecs.getincrementaldecoder(encoding)().decode(head)
    except UnicodeDecodeError:
        return 0
    if "\0" in text or not _TABULAR.search(text):
        return 0
    numbers = [divmod(ord(letter), 0x100) for letter in text]
    one_byte = sum(high == 0 for high, _ in numbers)
    two_of_ascii = sum(
        _is_printable(high) and _is_printable(low) for high, low in numbers
    )
    return (one_byte - two_of_ascii) / len(text)


def _is_printable(number: int) -> bool:
    return ord(" ") <= number <= ord("~")


def _escaped(content: Content) -> Text:
    """The text in the first encoding of ISO 2022 that fits it, with a notice."""
    for encoding in _SWITCHING:
        with suppress(UnreadableFile):
            return _as_guessed(text_of(content, encoding))
    return text_of(content, UTF8)


def _likely(content: Content) -> Text:
    """The text in a guessed encoding, with a notice that names it."""
    cells = sample(content)
    if is_partly_utf8(cells):
        return text_of(content, UTF8)  # refuses it by line
    guess = guessed(cells)
    if not guess:
        raise UnreadableFile(
            f"{content.name}: neither text nor a kind of file that is read. Save the "
            "table as .xlsx or CSV UTF-8."
        )
    try:
        text = text_of(content, guess)
    except UnreadableFile:
        if guess in MULTIBYTE:  # the Western one would fit, and garble every name
            raise
        text = text_of(content, WESTERN)
    return _as_guessed(text)


def _as_guessed(text: Text) -> Text:
    """The text with a notice that names its encoding."""
    said = (
        f"The text is no Unicode; it was read as {text.encoding}, which is a guess. "
        "If names look wrong, set BULK_PIPELINE_ENCODING to the right encoding or "
        "save the file as CSV UTF-8."
    )
    return replace(text, notices=(Notice(NoticeKind.GUESSED_ENCODING, 1, said),))
