"""Parses one block of delimited text with pyarrow; calls are independent."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.csv

from bulk_pipeline.adapters.readers.base import (
    Limits,
    RaggedLine,
    TextChunk,
    without_blank_rows,
)
from bulk_pipeline.adapters.readers.dialect import BOM, Dialect, decoded
from bulk_pipeline.adapters.readers.quoting import Block
from bulk_pipeline.core.errors import UnreadableFile


@dataclass(frozen=True, slots=True)
class BlockParser:
    """Turns blocks of a file into chunks; ``name`` is the file's, for messages."""

    name: str
    dialect: Dialect
    limits: Limits

    def chunk(self, block: Block) -> TextChunk:
        """One block as a table.

        Raises:
            UnreadableFile: it is no UTF-8, or its rows cannot be told apart; names the
                line.
        """
        raw = pa.py_buffer(block.data).slice(0, block.size)
        self._check_encoding(raw, block)
        if block.data.startswith(BOM):  # pyarrow drops one at the start of any text
            raw = pa.py_buffer(BOM + block.data[: block.size])
        table, invalid = self._parsed(raw)
        if table.num_rows + len(invalid) != block.starts.size:
            raise UnreadableFile(
                f"{self.name}, from line {block.first_line:,}: rows cannot be "
                "told apart. Save the file as CSV UTF-8."
            )
        lines = block.first_line + block.starts
        ragged = tuple(
            RaggedLine(
                int(lines[row.number - 1]),
                row.text,
                row.expected_columns,
                row.actual_columns,
            )
            for row in invalid
            if row.text.strip(f"{self.dialect.delimiter} \t")
        )
        if invalid:
            lines = np.delete(lines, [row.number - 1 for row in invalid])
        table, kept = without_blank_rows(table, pa.array(lines, pa.int64()))
        return TextChunk(
            table.rename_columns(self.dialect.header), kept, ragged, block.size
        )

    def _parsed(self, raw: pa.Buffer) -> tuple[pa.Table, list[pa.csv.InvalidRow]]:
        """The rows of the right width and, in order, the others."""
        invalid: list[pa.csv.InvalidRow] = []

        def set_aside(row: pa.csv.InvalidRow) -> str:
            invalid.append(row)
            return "skip"

        names = [
            str(position) for position in range(len(self.dialect.header))
        ]  # unique
        table = pa.csv.read_csv(
            pa.BufferReader(raw),
            # without threads pyarrow numbers the invalid rows; the block is one piece
            pa.csv.ReadOptions(
                column_names=names, use_threads=False, block_size=raw.size + len(BOM)
            ),
            pa.csv.ParseOptions(
                delimiter=self.dialect.delimiter,
                newlines_in_values=True,
                ignore_empty_lines=False,
                invalid_row_handler=set_aside,
            ),
            pa.csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()),
                strings_can_be_null=False,
                check_utf8=False,
            ),
        )
        return table, invalid

    def _check_encoding(self, raw: pa.Buffer, block: Block) -> None:
        ends = pa.array([0, raw.size], pa.int64()).buffers()[1]
        text = pa.Array.from_buffers(pa.large_string(), 1, [None, ends, raw])
        try:
            text.validate(full=True)
        except pa.ArrowInvalid:
            decoded(self.name, raw.to_pybytes(), block.first_line)  # names the line
