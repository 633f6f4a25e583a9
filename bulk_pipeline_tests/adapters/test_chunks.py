"""Arrow chunks: what is written is read back, row by row, whatever the cut."""

import hashlib
import json
import os
import tempfile
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from bulk_pipeline.adapters.chunks import (
    MANIFEST,
    ChunkHandle,
    ChunkWriter,
    mapped_frame,
    write_chunk,
)
from bulk_pipeline.core.cleaning import ROW_SCHEMA
from bulk_pipeline.core.errors import PermanentError, TransientError
from bulk_pipeline.core.periods import QUARTER

HEIGHTS = st.lists(st.integers(0, 12), max_size=8)


def numbered(start: int, height: int) -> pl.DataFrame:
    """Rows with a number, a text, a gap and a quarter."""
    numbers = range(start, start + height)
    return pl.DataFrame(
        {
            "number": pl.Series(numbers, dtype=pl.Int64),
            "text": pl.Series([f"ü{n}" for n in numbers], dtype=pl.String),
            "ratio": pl.Series([n / 3 if n % 2 else None for n in numbers]).cast(
                pl.Float64
            ),
            "quarter": pl.Series(["Q1", "Q4"] * height, dtype=QUARTER).head(height),
        }
    )


def frames_of(heights, start=0):
    """Frames of these heights, numbered on."""
    frames = []
    for height in heights:
        frames.append(numbered(start, height))
        start += height
    return frames


@settings(max_examples=40, deadline=None)
@given(HEIGHTS, st.integers(1, 9))
def test_rows_come_back_as_they_were_whatever_the_cut(heights, size) -> None:
    """A row that is lost or doubled between two steps is in no count."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        writer = ChunkWriter(folder, size)
        frames = frames_of(heights)
        for frame in frames:
            writer.add(frame)
        writer.finish()
        handle = ChunkHandle.open(folder)
        total = sum(heights)
        assert handle.rows == total
        sizes = [chunk.rows for chunk in handle.chunks]
        assert sizes == [size] * (total // size) + [total % size] * bool(total % size)
        if total:
            assert_frame_equal(handle.frame(), pl.concat(frames))
            assert_frame_equal(pl.concat(list(handle.frames())), pl.concat(frames))


@settings(max_examples=40, deadline=None)
@given(HEIGHTS, HEIGHTS, HEIGHTS, st.integers(1, 9))
def test_rows_after_a_mark_are_forgotten(kept, forgotten, later, size) -> None:
    """A file that breaks off must leave the rows before and after it alone."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        writer = ChunkWriter(folder, size)
        frames = frames_of(kept)
        for frame in frames:
            writer.add(frame)
        mark = writer.mark()
        for frame in frames_of(forgotten, 1_000):
            writer.add(frame)
        writer.rewind(mark)
        more = frames_of(later, 2_000)
        for frame in more:
            writer.add(frame)
        writer.finish()
        handle = ChunkHandle.open(folder)
        wanted = [frame for frame in (*frames, *more) if frame.height]
        assert handle.rows == sum(frame.height for frame in wanted)
        if wanted:
            assert_frame_equal(handle.frame(), pl.concat(wanted))
        names = {chunk.name for chunk in handle.chunks}
        assert {path.name for path in folder.iterdir()} == {MANIFEST, *names}


def test_a_chunk_is_known_by_its_bytes(tmp_path) -> None:
    """The manifest is how a copy on other storage is checked."""
    chunk = write_chunk(tmp_path / "a.arrow", numbered(0, 5))
    content = (tmp_path / "a.arrow").read_bytes()
    assert (chunk.name, chunk.rows) == ("a.arrow", 5)
    assert chunk.bytes == len(content)
    assert chunk.sha256 == hashlib.sha256(content).hexdigest()
    again = write_chunk(tmp_path / "a.arrow", numbered(0, 5))
    assert again == chunk


def test_a_manifest_says_what_the_chunks_hold(tmp_path) -> None:
    """A person who looks into the folder should find out without a program."""
    writer = ChunkWriter(tmp_path, 3)
    writer.add(numbered(0, 5))
    written = writer.finish()
    found = json.loads((tmp_path / MANIFEST).read_text())
    assert found == written
    assert list(found["schema"]) == ["number", "text", "ratio", "quarter"]
    assert found["rows"] == 5
    assert found["bytes"] == ChunkHandle.open(tmp_path).bytes


def test_a_mapped_frame_survives_its_file(tmp_path) -> None:
    """A batch that is read again while another step looks must not pull it away."""
    path = tmp_path / "a.arrow"
    rows = numbered(0, 1_000)
    write_chunk(path, rows)
    frame = mapped_frame(path)
    path.unlink()
    assert_frame_equal(frame, rows)


def test_empty_rows_keep_their_columns(tmp_path) -> None:
    """A batch without companies still has a file of companies."""
    empty = pl.DataFrame(schema=ROW_SCHEMA)
    assert write_chunk(tmp_path / "a.arrow", empty).rows == 0
    assert_frame_equal(mapped_frame(tmp_path / "a.arrow"), empty)


def test_frames_of_another_kind_are_refused(tmp_path) -> None:
    """A chunk with other columns would break the reader far from the cause."""
    writer = ChunkWriter(tmp_path, 10)
    writer.add(numbered(0, 2))
    writer.add(numbered(2, 2).rename({"text": "other"}))
    with pytest.raises((pl.exceptions.PolarsError, ValueError)):
        writer.finish()
    with pytest.raises(PermanentError, match="Materialise ingestion_file"):
        ChunkHandle.open(tmp_path)


@pytest.mark.parametrize("name", ["chunk-00001.arrow", MANIFEST])
@pytest.mark.parametrize("left", [0, 40])
def test_chunks_that_a_loss_of_power_cut_short_are_read_again(
    tmp_path, name, left
) -> None:
    """A page that is missing from a map kills its reader, at every attempt."""
    writer = ChunkWriter(tmp_path, 3)
    writer.add(numbered(0, 5))
    writer.finish()
    os.truncate(tmp_path / name, left)
    with pytest.raises(TransientError, match=f"{name} of .* read again by itself"):
        ChunkHandle.open(tmp_path)


def test_a_chunk_that_is_gone_is_read_again(tmp_path) -> None:
    """A manifest may come to the disk before what it lists."""
    writer = ChunkWriter(tmp_path, 3)
    writer.add(numbered(0, 5))
    writer.finish()
    (tmp_path / "chunk-00000.arrow").unlink()
    with pytest.raises(TransientError, match=r"chunk-00000\.arrow"):
        ChunkHandle.open(tmp_path)
