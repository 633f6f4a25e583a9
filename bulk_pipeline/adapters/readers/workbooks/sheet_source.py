"""The parsed rows of a workbook, taken up piece by piece."""

from collections.abc import Iterator
from dataclasses import dataclass

import pyarrow as pa

from bulk_pipeline.adapters.limits import Limits
from bulk_pipeline.adapters.readers.base import TextChunk, check_cells, within
from bulk_pipeline.core.notices import Notice


@dataclass(frozen=True, slots=True)
class Spreadsheet:
    """Sheets of a workbook, parsed. Their lines are rows of the sheet.

    Where several sheets are read, the lines count on from one to the next. The parsed
    rows are a mapped file that has no name any more; it goes when this object goes.
    """

    header: tuple[str, ...]
    header_line: int
    encoding: str
    notices: tuple[Notice, ...]
    rows: int
    total_bytes: int
    mapped: pa.MemoryMappedFile
    name: str
    limits: Limits
    delimiter: str = ""

    def chunks(self) -> Iterator[TextChunk]:
        return within(self.name, self._chunks(), self.limits)

    def _chunks(self) -> Iterator[TextChunk]:
        reader = pa.ipc.open_file(self.mapped)
        done = before = 0
        for position in range(reader.num_record_batches):
            table = pa.Table.from_batches([reader.get_batch(position)])
            done += table.num_rows
            consumed = self.total_bytes * done // self.rows
            lines = table.column(0).combine_chunks()
            cells = table.remove_column(0).rename_columns(self.header)
            chunk = TextChunk(cells, lines, (), consumed - before)
            check_cells(self.name, chunk, self.limits.cell_chars)
            yield chunk
            before = consumed
