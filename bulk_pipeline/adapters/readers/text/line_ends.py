"""Lines that end in carriage returns alone, as old Mac programs write them.

Such text is read with its carriage returns and line feeds exchanged, so that line
feeds end lines everywhere, and cells that hold either are exchanged back.
"""

import re

import pyarrow as pa

_QUOTED = rb'(?:^|(?<=[,;\t|:]))"[^"]*(?:""[^"]*)*"'
_FIRST_END = re.compile(rb"(?:%b|[^\r\n])*+([\r\n]\n?)" % _QUOTED)
_EXCHANGED = bytes.maketrans(b"\r\n", b"\n\r")
_EXCHANGED_TEXT = str.maketrans("\r\n", "\n\r")


def returns_end_lines(head: bytes) -> bool:
    """Whether a carriage return alone ends the first line of a text."""
    end = _FIRST_END.match(head)
    return end is not None and end[1] == b"\r"


def exchanged(raw: bytes) -> bytes:
    """The same bytes with line feeds for carriage returns and the reverse."""
    return raw.translate(_EXCHANGED)


def exchanged_text(text: str) -> str:
    """The same text with line feeds for carriage returns and the reverse."""
    return text.translate(_EXCHANGED_TEXT)


def exchanged_cells(table: pa.Table) -> pa.Table:
    """The same table of strings without nulls, each cell exchanged."""
    columns = [
        pa.chunked_array([_exchanged(chunk) for chunk in column.chunks], pa.string())
        for column in table.columns
    ]
    return pa.Table.from_arrays(columns, names=table.column_names)


def _exchanged(cells: pa.Array) -> pa.Array:
    _, ends, letters = cells.buffers()
    buffers = [None, ends, pa.py_buffer(exchanged(letters.to_pybytes()))]
    return pa.Array.from_buffers(pa.string(), len(cells), buffers, 0, cells.offset)
