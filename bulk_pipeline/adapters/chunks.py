"""Arrow chunk directories: what passes between assets instead of frames.

A directory holds Arrow IPC files and a manifest. It is written under a temporary
name and renamed when whole, and read by memory map, so that a reader's memory
depends on the rows it touches and not on the file. Nobody waits for the disk: chunks
can be made again from the landed files, and after a loss of power they are.
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Self

import polars as pl
import pyarrow as pa

from bulk_pipeline.adapters.atomic import write_json
from bulk_pipeline.adapters.disk_space import room_needed
from bulk_pipeline.core.errors import PermanentError, TransientError

MANIFEST = "manifest.json"


@dataclass(frozen=True, slots=True)
class Chunk:
    """One Arrow file of a directory: name, rows, bytes and sha256 of its content."""

    name: str
    rows: int
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class ChunkHandle:
    """A small record of a whole chunk directory; this is what assets hand on.

    Attributes:
        directory: where the chunks lie.
        rows: rows of all chunks together.
        chunks: the chunks, in row order.
    """

    directory: Path
    rows: int
    chunks: tuple[Chunk, ...]

    @classmethod
    def open(cls, directory: Path) -> Self:
        """The handle of a directory on disk.

        Raises:
            PermanentError: there is no whole chunk directory; says what to run again.
            TransientError: what is there was cut short, as by a loss of power; the
                next attempt at the batch writes it again.
        """
        try:
            text = (directory / MANIFEST).read_text(encoding="utf-8")
        except FileNotFoundError:
            raise PermanentError(
                f"No chunks at {directory.parent.name}/{directory.name}: they were "
                "retired or never written. Materialise ingestion_file of this batch "
                "again."
            ) from None
        try:
            manifest = json.loads(text)
        except ValueError:
            raise _cut_short(directory, MANIFEST) from None
        chunks = tuple(Chunk(**chunk) for chunk in manifest["chunks"])
        for chunk in chunks:
            # A page that is missing from a mapped file kills the process that reads it.
            if not _is_whole(directory / chunk.name, chunk.bytes):
                raise _cut_short(directory, chunk.name)
        return cls(directory, manifest["rows"], chunks)

    @property
    def bytes(self) -> int:
        """Bytes of all chunks together."""
        return sum(chunk.bytes for chunk in self.chunks)

    def frames(self) -> Iterator[pl.DataFrame]:
        """Each chunk as a memory-mapped frame, in row order."""
        for chunk in self.chunks:
            yield mapped_frame(self.directory / chunk.name)

    def part(self, first: int, last: int) -> Self:
        """A handle of the chunks from one number up to, not including, another."""
        chunks = self.chunks[first:last]
        return replace(self, chunks=chunks, rows=sum(chunk.rows for chunk in chunks))

    def frame(self) -> pl.DataFrame:
        """All chunks as one frame over the memory maps; nothing is copied.

        Raises:
            PermanentError: the directory has no chunk, so no columns are known.
        """
        if not self.chunks:
            raise PermanentError(f"{self.directory.name} holds no rows at all.")
        return pl.concat(list(self.frames()), rechunk=False)


def _is_whole(path: Path, size: int) -> bool:
    try:
        return path.stat().st_size == size
    except FileNotFoundError:
        return False


def _cut_short(directory: Path, name: str) -> TransientError:
    return TransientError(
        f"{name} of {directory.parent.name}/{directory.name} is not whole, as after a "
        "loss of power. A batch that waits is read again by itself; else materialise "
        "ingestion_file of this batch again."
    )


def mapped_frame(path: Path) -> pl.DataFrame:
    """An uncompressed Arrow file as a frame over its memory map."""
    # polars 2.1 reads IPC files into memory; only pyarrow still maps them.
    with pa.memory_map(str(path)) as file:
        table = pa.ipc.open_file(file).read_all()
    return pl.DataFrame(table)


def write_chunk(path: Path, rows: pl.DataFrame) -> Chunk:
    """Write one frame as an Arrow file in one record batch; uncompressed, to be mapped.

    A file that is there already is replaced.

    Raises:
        TransientError: no space is left.
    """
    with room_needed(path.parent):
        rows.rechunk().write_ipc(path, record_batch_size=max(rows.height, 1))
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        size = file.tell()
    return Chunk(path.name, rows.height, size, digest)


@dataclass(frozen=True, slots=True)
class ChunkMark:
    """A point in a writer's stream: chunks written and frames still waiting."""

    chunks: int
    waiting: tuple[pl.DataFrame, ...]


class ChunkWriter:
    """Gathers frames into chunks of a wanted size and writes them as they fill.

    Frames must have one schema. Small frames are put together, large ones are cut,
    so that the number of chunks depends on the rows alone.
    """

    def __init__(self, directory: Path, rows_per_chunk: int) -> None:
        self._directory = directory
        self._rows_per_chunk = rows_per_chunk
        self._waiting: list[pl.DataFrame] = []
        self._waiting_rows = 0
        self._chunks: list[Chunk] = []
        self._schema: dict[str, str] = {}

    def add(self, frame: pl.DataFrame) -> None:
        """Take rows after those taken before; an empty frame changes nothing."""
        if frame.is_empty():
            return
        self._waiting.append(frame)
        self._waiting_rows += frame.height
        if self._waiting_rows >= self._rows_per_chunk:
            self._flush(keep=self._waiting_rows % self._rows_per_chunk)

    def mark(self) -> "ChunkMark":
        """Where the writer stands, to go back to if what follows must not count."""
        return ChunkMark(len(self._chunks), tuple(self._waiting))

    def rewind(self, mark: "ChunkMark") -> None:
        """Forget all rows taken since a mark."""
        for chunk in self._chunks[mark.chunks :]:
            (self._directory / chunk.name).unlink()
        del self._chunks[mark.chunks :]
        self._waiting = list(mark.waiting)
        self._waiting_rows = sum(frame.height for frame in mark.waiting)

    def finish(self) -> dict[str, Any]:
        """Write what is left and the manifest; returns the manifest."""
        self._flush(keep=0)
        manifest = {
            "rows": sum(chunk.rows for chunk in self._chunks),
            "bytes": sum(chunk.bytes for chunk in self._chunks),
            "schema": self._schema,
            "chunks": [asdict(chunk) for chunk in self._chunks],
        }
        write_json(self._directory / MANIFEST, manifest)
        return manifest

    def _flush(self, keep: int) -> None:
        if not self._waiting:
            return
        rows = pl.concat(self._waiting, rechunk=False)
        whole = rows.height - keep
        for start in range(0, whole, self._rows_per_chunk):
            self._write(rows.slice(start, min(self._rows_per_chunk, whole - start)))
        # clone: a slice would keep the memory of the whole frame alive
        self._waiting = [rows.slice(whole).rechunk()] if keep else []
        self._waiting_rows = keep

    def _write(self, rows: pl.DataFrame) -> None:
        name = f"chunk-{len(self._chunks):05}.arrow"
        self._chunks.append(write_chunk(self._directory / name, rows))
        self._schema = {column: str(kind) for column, kind in rows.schema.items()}
