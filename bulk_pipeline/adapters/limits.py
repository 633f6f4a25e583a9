"""How much of a machine one file may take: the sizes and times of a reader."""

from dataclasses import dataclass

SMALL_BYTES = 64 << 20
"""What unpacks to less is no bomb, whatever its ratio."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How much of a machine one file may take. Sizes in bytes, times in seconds.

    Attributes:
        file_bytes: largest file.
        rows: longest table.
        columns: widest table.
        cell_chars: longest cell, in characters: what a sheet holds.
        line_bytes: longest row of a text file, its quoted line breaks included.
        header_rows_searched: rows from the top among which the header stands.
        block_bytes: how much of a text file is read and parsed at a time.
        chunk_rows: rows in a chunk of a workbook or a Parquet file.
        child_seconds: time to read a workbook.
        child_cpu_seconds: processor time to read a workbook.
        child_memory_bytes: address space of the process that reads a workbook.
        unpacked_bytes: what a packed file or the parts of a workbook may unpack to.
        unpacked_ratio: how many times its packed size a file may unpack to.
        members: members of an archive or parts of a workbook.
    """

    file_bytes: int = 8 << 30
    rows: int = 100_000_000
    columns: int = 1_000
    cell_chars: int = 32_767
    line_bytes: int = 1 << 20
    header_rows_searched: int = 20
    block_bytes: int = 8 << 20
    chunk_rows: int = 50_000
    child_seconds: int = 120
    child_cpu_seconds: int = 120
    child_memory_bytes: int = 4 << 30
    unpacked_bytes: int = 2 << 30
    unpacked_ratio: int = 200
    members: int = 10_000

    def may_unpack(self, packed: int, unpacked: int) -> bool:
        """Whether a file of so many bytes may unpack to so many."""
        ratio_counts = unpacked > SMALL_BYTES
        is_bomb = ratio_counts and unpacked > packed * self.unpacked_ratio
        return unpacked <= self.unpacked_bytes and not is_bomb
