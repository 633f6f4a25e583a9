"""The one file of a form, out of its bytes as they come; nothing is kept of it."""

from python_multipart import MultipartParser
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import parse_options_header

from bulk_pipeline.api.refusals import Refusal
from bulk_pipeline.core.upload_names import harmless_name

FIELD = "file"
_CURE = f"Send multipart/form-data with one part, a file named {FIELD!r}: -F {FIELD}=@X"
MOST_HEADERS, MOST_HEADER_BYTES = 8, 4096
_ESCAPED = {"%22": '"', "%0D": "\r", "%0A": "\n"}
"""How browsers write these within a name; nothing else is escaped so (WHATWG)."""


class OneFile:
    """Reads a form that must hold one file; the file's bytes come out of ``feed``.

    Attributes:
        name: what the client calls the file, made harmless; "" until it is known.
    """

    def __init__(self, content_type: str) -> None:
        """Refuse what is no form.

        Raises:
            Refusal: 415 for another type, 400 for a form without a boundary.
        """
        kind, options = parse_options_header(content_type)
        if kind != b"multipart/form-data":
            raise Refusal(415, "The body is no multipart/form-data.", _CURE)
        boundary = options.get(b"boundary", b"")
        self.name = ""
        self._parts = 0
        self._over = False
        self._header, self._value = bytearray(), bytearray()
        self._disposition = b""
        self._content = bytearray()
        try:
            self._parser = MultipartParser(
                boundary,
                {
                    "on_part_begin": self._part_begins,
                    "on_header_field": self._header_comes,
                    "on_header_value": self._value_comes,
                    "on_header_end": self._header_ends,
                    "on_headers_finished": self._headers_end,
                    "on_part_data": self._data_comes,
                    "on_end": self._ends,
                },
                max_header_count=MOST_HEADERS,
                max_header_size=MOST_HEADER_BYTES,
            )
        except FormParserError as error:
            raise _malformed() from error
        if not boundary:
            raise _malformed()

    def feed(self, piece: bytes) -> bytearray:
        """Take some of the body; the bytes of the file that were in it.

        Raises:
            Refusal: 400 where it is no form, 422 where it holds something else.
        """
        try:
            self._parser.write(piece)
        except FormParserError as error:
            raise _malformed() from error
        found, self._content = self._content, bytearray()
        return found

    def end(self) -> None:
        """Refuse a form that has not ended, or that held no file.

        Raises:
            Refusal: 400 or 422.
        """
        if not self._over:
            raise _malformed()
        if not self._parts:
            raise Refusal(422, "The form holds no file.", _CURE)

    def _part_begins(self) -> None:
        self._parts += 1
        self._disposition = b""
        if self._parts > 1:
            raise Refusal(422, "The form holds more than one part.", _CURE)

    def _header_comes(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def _value_comes(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _header_ends(self) -> None:
        if self._header.lower() == b"content-disposition":
            self._disposition = bytes(self._value)
        self._header.clear()
        self._value.clear()

    def _headers_end(self) -> None:
        kind, options = parse_options_header(self._disposition)
        field = options.get(b"name", b"")
        if kind != b"form-data" or field != FIELD.encode():
            raise Refusal(422, f"The part is not named {FIELD!r}.", _CURE)
        given = options.get(b"filename")
        if not given:
            raise Refusal(422, f"The part {FIELD!r} is no file: it has no name.", _CURE)
        self.name = harmless_name(_text(given))

    def _data_comes(self, data: bytes, start: int, end: int) -> None:
        self._content += data[start:end]

    def _ends(self) -> None:
        self._over = True


def _text(raw: bytes) -> str:
    """A name as it was meant: UTF-8, or what old programs send instead."""
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        text = raw.decode("latin-1")
    for written, meant in _ESCAPED.items():
        text = text.replace(written, meant)
    return text


def _malformed() -> Refusal:
    return Refusal(400, "The body is no whole multipart/form-data.", _CURE)
