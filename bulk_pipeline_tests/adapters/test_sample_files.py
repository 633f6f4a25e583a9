"""Sample files are read back by other libraries' readers, not by ours."""

import gzip
import itertools
import threading
from pathlib import Path

import openpyxl
import polars as pl
import pytest
from polars.testing import assert_frame_equal
from pyarrow import parquet

from bulk_pipeline.adapters import sample_files
from bulk_pipeline.adapters.sample_files import write_sample
from bulk_pipeline.adapters.sample_rows import RowStream, sample_blocks
from bulk_pipeline.core import schema
from bulk_pipeline.core.dummy import DummyRequest, dummy_blocks
from bulk_pipeline.core.errors import ConfigurationError

SUFFIXES = (".csv", ".csv.gz", ".xlsx", ".parquet")
NAMES = [column.name for column in schema.INPUT_COLUMNS]
REQUESTS = (DummyRequest(400, 150, seed=2), DummyRequest(400, seed=2, bad_share=0.1))


def whole(request: DummyRequest) -> pl.DataFrame:
    """All rows of a request in one frame."""
    return pl.concat(list(dummy_blocks(request)))


@pytest.mark.parametrize("request_", REQUESTS, ids=["typed", "text"])
def test_a_csv_file_holds_the_rows(tmp_path: Path, request_: DummyRequest) -> None:
    """A name with a comma or a quote must not shift the columns behind it."""
    path = tmp_path / "sample.csv"
    assert write_sample(request_, path) == request_.rows
    made = whole(request_)
    assert made[schema.NAME.name].str.contains(",", literal=True).any()
    assert made[schema.NAME.name].str.contains('"', literal=True).any()
    assert_frame_equal(pl.read_csv(path, schema=made.schema), made)
    assert path.read_bytes().count(b"\n") == request_.rows + 1


@pytest.mark.parametrize("request_", REQUESTS, ids=["typed", "text"])
def test_an_xlsx_file_holds_the_rows(tmp_path: Path, request_: DummyRequest) -> None:
    """Numbers stay numbers, text stays text, a missing value is an empty cell."""
    path = tmp_path / "sample.xlsx"
    assert write_sample(request_, path) == request_.rows
    workbook = openpyxl.load_workbook(path)
    header, *rows = workbook.worksheets[0].iter_rows(values_only=True)
    assert list(header) == NAMES
    assert rows == whole(request_).rows()


@pytest.mark.parametrize("request_", REQUESTS, ids=["typed", "text"])
def test_a_parquet_file_holds_the_rows(tmp_path: Path, request_: DummyRequest) -> None:
    """Nulls are nulls, and types are kept."""
    path = tmp_path / "sample.parquet"
    assert write_sample(request_, path) == request_.rows
    assert parquet.read_metadata(path).num_rows == request_.rows
    assert_frame_equal(pl.read_parquet(path), whole(request_))


def test_a_packed_file_holds_what_the_plain_one_holds(tmp_path: Path) -> None:
    """Whoever unpacks it must find the same bytes, under the name of the file."""
    request = DummyRequest(120_000, seed=2)
    for name in ("sample.csv", "sample.csv.gz"):
        assert write_sample(request, tmp_path / name) == 120_000
    packed = (tmp_path / "sample.csv.gz").read_bytes()
    assert gzip.decompress(packed) == (tmp_path / "sample.csv").read_bytes()
    assert packed[4:8] == bytes(4)  # no time


def test_a_packed_file_of_another_format_is_refused(tmp_path: Path) -> None:
    """A gzip of a workbook would be read by nobody."""
    with pytest.raises(ConfigurationError, match=r"\.csv\.gz"):
        write_sample(DummyRequest(3), tmp_path / "sample.gz")


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_rows_over_several_blocks_are_one_table(tmp_path: Path, suffix: str) -> None:
    """A header in the middle of a file would be a rejected row."""
    request = DummyRequest(230_000, 1_000, seed=1)
    path = tmp_path / f"sample{suffix}"
    seen: list[int] = []
    assert write_sample(request, path, seen.append) == 230_000
    assert seen == [100_000, 200_000, 230_000]
    made = whole(request)
    if suffix == ".csv":
        assert_frame_equal(pl.read_csv(path, schema=made.schema), made)
    else:
        assert_frame_equal(pl.read_parquet(path), made)


@pytest.mark.parametrize("suffix", [".csv", ".csv.gz", ".parquet"])
@pytest.mark.parametrize("bad_share", [0.0, 0.01])
def test_equal_requests_give_equal_bytes_whatever_the_workers(
    tmp_path: Path, suffix: str, bad_share: float
) -> None:
    """A sample that is made again must be seen as the file that is known already."""
    request = DummyRequest(130_000, seed=9, bad_share=bad_share, duplicate_share=0.02)
    found = set()
    for workers in (1, 1, 3):
        path = tmp_path / f"{workers}{suffix}"
        write_sample(request, path, workers=workers)
        found.add(path.read_bytes())
    assert len(found) == 1


@pytest.mark.parametrize("block_rows", [1, 333, 49_999, 1_000_000])
@pytest.mark.parametrize("workers", [1, 3])
def test_threads_and_blocks_change_no_row(block_rows: int, workers: int) -> None:
    """Whoever makes rows in several threads must get them in their order."""
    request = DummyRequest(60_000 if block_rows > 1 else 100, seed=4)
    blocks = list(sample_blocks(request, block_rows, workers))
    assert {block.height for block in blocks[:-1]} <= {block_rows}
    assert_frame_equal(pl.concat(blocks), whole(request))


def test_threads_end_when_nobody_wants_more_rows() -> None:
    """A command that is stopped must not go on in the background."""
    stream = sample_blocks(DummyRequest(500_000), 1_000, 2)
    next(stream)
    stream.close()
    assert not [t for t in threading.enumerate() if t.name.startswith("dummy")]


def test_a_stream_gives_each_taker_the_rows_it_asks_for() -> None:
    """A row at the border of two files must be in one of them."""
    request = DummyRequest(1_000, seed=1)
    stream = RowStream(sample_blocks(request, 70))
    taken = [list(stream.take(rows)) for rows in (1, 69, 70, 0, 333, 10_000, 5)]
    heights = [sum(frame.height for frame in frames) for frames in taken]
    assert heights == [1, 69, 70, 0, 333, 527, 0]
    assert_frame_equal(
        pl.concat([f for frames in taken for f in frames]), whole(request)
    )


@pytest.mark.parametrize("suffix", [*SUFFIXES, ".CSV"])
def test_an_older_file_is_replaced(tmp_path: Path, suffix: str) -> None:
    """What stays behind is the new file and nothing else."""
    path = tmp_path / f"sample{suffix}"
    path.write_text("older")
    write_sample(DummyRequest(3), path)
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]
    assert path.read_bytes() != b"older"


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_failure_leaves_the_older_file_alone(
    tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half a file under the name of a whole one would be loaded as if it were whole."""

    def breaks_off(request: DummyRequest, *_: int):
        """Two blocks, then a full disk."""
        yield from itertools.islice(dummy_blocks(request, 10), 2)
        raise OSError("no space left")

    monkeypatch.setattr(sample_files, "sample_blocks", breaks_off)
    path = tmp_path / f"sample{suffix}"
    path.write_text("older")
    with pytest.raises(OSError, match="no space left"):
        write_sample(DummyRequest(100), path)
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]
    assert path.read_text() == "older"


def test_an_unknown_suffix_is_refused_with_the_known_ones(tmp_path: Path) -> None:
    """The user learns what to type, not only that it was wrong."""
    with pytest.raises(
        ConfigurationError, match=r"\.csv or \.csv\.gz or \.xlsx or \.p"
    ):
        write_sample(DummyRequest(3), tmp_path / "sample.ods")


def test_more_rows_than_a_sheet_holds_are_refused_at_once(tmp_path: Path) -> None:
    """Minutes of work for a file that no program opens help nobody."""
    with pytest.raises(ConfigurationError, match=r"at most 1,048,575 .*\.csv"):
        write_sample(DummyRequest(1_048_576), tmp_path / "sample.xlsx")
    assert not list(tmp_path.iterdir())


def test_a_place_that_cannot_hold_the_file_is_refused(tmp_path: Path) -> None:
    """The message names the directory, not a hidden temporary file."""
    with pytest.raises(ConfigurationError, match=r"there is no directory .*absent"):
        write_sample(DummyRequest(3), tmp_path / "absent" / "sample.csv")
    (tmp_path / "taken.csv").mkdir()
    with pytest.raises(ConfigurationError, match=r"taken\.csv is a directory"):
        write_sample(DummyRequest(3), tmp_path / "taken.csv")
