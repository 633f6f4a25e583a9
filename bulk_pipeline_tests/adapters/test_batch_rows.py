"""Rows of a batch by position, over maps of no more chunks than are needed."""

from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from bulk_pipeline.adapters.chunks import ChunkHandle, ChunkWriter
from bulk_pipeline.adapters.loaders import batch_rows
from bulk_pipeline.adapters.loaders.batch_rows import BatchRows
from bulk_pipeline.core.errors import AccountingError

ROWS, PER_CHUNK = 95, 10
WHOLE = pl.DataFrame(
    {
        "line": range(ROWS),
        "name": [f"company {n}" for n in range(ROWS)],
        "probability": [n / ROWS for n in range(ROWS)],
    }
)


def handle_of(folder: Path, frame: pl.DataFrame, per_chunk: int) -> ChunkHandle:
    """A chunk directory with a frame."""
    folder.mkdir()
    writer = ChunkWriter(folder, per_chunk)
    writer.add(frame)
    writer.finish()
    return ChunkHandle.open(folder)


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> BatchRows:
    """Ninety-five rows with their scores in chunks of ten."""
    folder = tmp_path_factory.mktemp("chunks")
    typed = handle_of(folder / "rows", WHOLE.select("line", "name"), PER_CHUNK)
    scores = handle_of(folder / "scores", WHOLE.select("probability"), PER_CHUNK)
    return BatchRows(typed, scores)


@settings(deadline=None)
@given(positions=st.lists(st.integers(0, ROWS - 1), min_size=1, max_size=60))
def test_each_position_gives_its_row(rows: BatchRows, positions: list[int]) -> None:
    """A row that takes the place of its neighbour is a wrong number for both."""
    found = rows.at(pl.Series(positions, dtype=pl.UInt32), ("probability", "name"))
    assert_frame_equal(found, WHOLE.select("probability", "name")[positions])


def test_rows_that_lie_together_map_their_own_chunks_only(
    rows: BatchRows, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ten million rows that are all mapped count as a gigabyte of memory."""
    mapped: list[int] = []
    frame = ChunkHandle.frame

    def counted(handle: ChunkHandle) -> pl.DataFrame:
        mapped.append(len(handle.chunks))
        return frame(handle)

    monkeypatch.setattr(batch_rows.ChunkHandle, "frame", counted)
    fresh = BatchRows(rows.rows, rows.scores)
    fresh.at(pl.Series([28, 29, 30, 31]), ("line",))
    fresh.at(pl.Series([94]), ("line",))
    assert mapped == [2, 2, 1, 1]
    fresh.at(pl.Series([0, 94]), ("line",))
    fresh.at(pl.Series([94, 0]), ("line",))
    assert mapped[4:] == [10, 10]  # mapped once, for both


def test_scores_that_are_cut_otherwise_are_refused(rows: BatchRows, tmp_path) -> None:
    """They would stand beside other rows than their own."""
    scores = handle_of(tmp_path / "scores", WHOLE.select("probability"), 11)
    with pytest.raises(AccountingError, match="batch_predictions"):
        BatchRows(rows.rows, scores)
