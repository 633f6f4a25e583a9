"""Parquet: every value as the shortest text that reads back the same."""

import datetime as dt
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bulk_pipeline.adapters.limits import Limits
from bulk_pipeline.adapters.readers import open_text
from bulk_pipeline.core.errors import UnreadableFile
from bulk_pipeline_tests.adapters.readers.opened import rows_of


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where a test puts its file; the name says nothing about the content."""
    return tmp_path / "dropped.csv"


@pytest.mark.parametrize(
    ("values", "texts"),
    [
        (
            pa.array([0.1 + 0.2, 24.111, 1e-7]),
            ["0.30000000000000004", "24.111", "1e-7"],
        ),
        (pa.array([2012.0, -0.5, 1e300]), ["2012", "-0.5", "1e+300"]),
        (pa.array([24.111], pa.float32()), ["24.111"]),
        (pa.array([2012, -1]), ["2012", "-1"]),
        (pa.array([True, False]), ["true", "false"]),
        (pa.array([dt.date(2020, 12, 31)]), ["2020-12-31"]),
        (pa.array([dt.datetime(2020, 12, 31)]), ["2020-12-31 00:00:00.000000"]),  # noqa: DTZ001
        (
            pa.array([1483225200], pa.timestamp("s", tz="Europe/Brussels")),
            ["2017-01-01 00:00:00.000"],
        ),
        (pa.array(["NA", "0700"]).dictionary_encode(), ["NA", "0700"]),
        (pa.array([Decimal("1.10")]), ["1.10"]),
        (pa.array([" x\n", "é"], pa.large_string()), [" x\n", "é"]),
    ],
)
def test_values_become_text_without_loss(
    path: Path, values: pa.Array, texts: list[str]
) -> None:
    """A rounded ratio would give another score than the same table as CSV."""
    pq.write_table(pa.table({"year": values}), path)
    assert [row[0] for row in rows_of(open_text(path))[0]] == texts


def test_nulls_are_empty_and_blank_rows_are_no_rows(path: Path) -> None:
    """A missing ratio stays missing; a row without anything is no company."""
    table = pa.table({"symbol": ["A", None, "B"], "year": [2012, None, None]})
    pq.write_table(table, path)
    source = open_text(path)
    assert (source.header, source.header_line) == (("symbol", "year"), 0)
    assert rows_of(source) == ([("A", "2012"), ("B", "")], [1, 3], [])


def test_rows_are_numbered_through_all_chunks(path: Path) -> None:
    """A message about a row must name the row of the file, not of the chunk."""
    pq.write_table(pa.table({"year": range(10)}), path, row_group_size=4)
    source = open_text(path, limits=Limits(chunk_rows=3))
    rows, lines, _ = rows_of(source)
    assert [int(row[0]) + 1 for row in rows] == lines == list(range(1, 11))
    sizes = [chunk.bytes_read for chunk in source.chunks()]
    assert sum(sizes) == source.total_bytes


def test_a_table_without_rows_has_no_chunks(path: Path) -> None:
    """An empty export is no fault of the file."""
    pq.write_table(pa.table({"year": pa.array([], pa.int64())}), path)
    assert rows_of(open_text(path)) == ([], [], [])


@pytest.mark.parametrize(
    "values", [pa.array([[1]]), pa.array([{"a": 1}]), pa.array([b"\xff"])]
)
def test_a_column_that_has_no_text_is_refused_by_name(
    path: Path, values: pa.Array
) -> None:
    """A list written as text would be read as a symbol or a missing ratio."""
    pq.write_table(pa.table({"tags": values}), path)
    with pytest.raises(UnreadableFile, match=r"^dropped\.csv, column 'tags'"):
        rows_of(open_text(path))


def test_a_damaged_file_is_refused(path: Path) -> None:
    """A half-copied file must not be read as a short one."""
    pq.write_table(pa.table({"year": range(10_000)}), path, write_page_checksum=True)
    whole = path.read_bytes()
    path.write_bytes(whole[:-100])
    with pytest.raises(UnreadableFile, match="cut short in its footer"):
        open_text(path)
    path.write_bytes(whole.replace(b"year", b"y\xffar"))
    with pytest.raises(UnreadableFile, match="cut short in its footer"):
        open_text(path)
    path.write_bytes(whole[:200] + b"\xff" * 99 + whole[299:])
    with pytest.raises(UnreadableFile, match="cut short from row"):
        rows_of(open_text(path))


def test_a_table_that_is_too_wide_is_refused(path: Path) -> None:
    """Each column costs memory in every chunk."""
    pq.write_table(pa.table({f"h{i}": [1] for i in range(11)}), path)
    with pytest.raises(UnreadableFile, match="11 columns; at most 10"):
        open_text(path, limits=Limits(columns=10))


@pytest.mark.parametrize(
    ("limits", "what"),
    [
        (Limits(unpacked_bytes=1 << 20), "unpacks to"),
        (Limits(unpacked_ratio=10), "10 times its size"),
        (Limits(rows=999, unpacked_ratio=1 << 20), "more than 999 rows"),
    ],
)
def test_what_would_unpack_to_too_much_is_refused_by_its_footer(
    path: Path, limits: Limits, what: str
) -> None:
    """A file of kilobytes can hold gigabytes of one letter, or a billion rows."""
    texts = pa.array(["x" * 100_000] * 1_000)
    table = pa.table({"year": texts})
    pq.write_table(table, path, compression="zstd", use_dictionary=False)
    assert path.stat().st_size < 1 << 20
    with pytest.raises(UnreadableFile, match=what):
        open_text(path, limits=limits)
