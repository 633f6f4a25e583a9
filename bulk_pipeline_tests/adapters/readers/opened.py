"""Files that tests of all readers write, open and read to their end."""

from pathlib import Path

import pytest

from bulk_pipeline.adapters.limits import Limits
from bulk_pipeline.adapters.readers import RaggedLine, TextSource, open_text
from bulk_pipeline.core.errors import UnreadableFile

Rows = list[tuple[str, ...]]


def rows_of(source: TextSource) -> tuple[Rows, list[int], list[RaggedLine]]:
    """Cells, line numbers and ragged lines of a whole file."""
    rows: Rows = []
    lines: list[int] = []
    ragged: list[RaggedLine] = []
    for chunk in source.chunks():
        columns = [column.to_pylist() for column in chunk.table.columns]
        rows += zip(*columns, strict=True)
        lines += chunk.lines.to_pylist()
        ragged += chunk.ragged
    return rows, lines, ragged


def read(
    path: Path, content: bytes, *, encoding: str = "", **limits: int
) -> TextSource:
    """A file with this content, opened."""
    path.write_bytes(content)
    return open_text(path, limits=Limits(**limits), encoding=encoding)


def refusal(path: Path, content: bytes, *, encoding: str = "", **limits: int) -> str:
    """Why a file with this content is refused, read to its end if need be."""
    with pytest.raises(UnreadableFile) as caught:
        rows_of(read(path, content, encoding=encoding, **limits))
    message = str(caught.value)
    assert message.startswith(path.name)
    assert str(path.parent) not in message
    return message
