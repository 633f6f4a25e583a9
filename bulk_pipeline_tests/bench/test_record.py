"""Laws of the record of benchmarks: it grows, and nothing in it is spoilt."""

import csv

import pytest

from bulk_pipeline.bench.figures import Cost, Part
from bulk_pipeline.bench.record import COLUMNS, Measured, Record
from bulk_pipeline.core.errors import ConfigurationError

MEASURED = Measured(10, 2, (Part("read", Cost(0.5, 0.25, 1024), 0.25),))


def test_a_record_grows_under_one_header(tmp_path) -> None:
    """Sittings of months are compared in one file."""
    path = tmp_path / "new" / "bench.csv"
    for _ in range(2):
        Record.open(path, "csv", "sqlite").append([MEASURED])
    with path.open(newline="") as file:
        first, second = csv.DictReader(file)

    assert path.read_text().count("measured_at") == 1
    assert tuple(first) == COLUMNS
    figures = ("rows", "round", "part", "seconds", "peak_memory_bytes", "ratio")
    expected = ["10", "2", "read", "0.500000", "1024", "2.000000"]
    assert [first[name] for name in figures] == expected
    assert [second[name] for name in figures] == expected
    assert first["measured_at"].endswith("+00:00")


def test_an_unknown_figure_is_an_empty_cell(tmp_path) -> None:
    """A nought would be taken for a measurement."""
    path = tmp_path / "bench.csv"
    peer = Measured(10, 1, (Part("peer: pandas", Cost(1.0)),))
    Record.open(path, "csv", "sqlite").append([peer])

    assert path.read_text().splitlines()[1].endswith("peer: pandas,1.000000,,,,")


@pytest.mark.parametrize("content", [b"name,value\na,1\n", b"\xff\xfe\x00"])
def test_a_file_that_is_no_record_is_refused_and_left_alone(tmp_path, content) -> None:
    """Somebody's accounts may have the name that was given."""
    path = tmp_path / "accounts.csv"
    path.write_bytes(content)

    with pytest.raises(ConfigurationError, match=r"accounts.csv .*--record"):
        Record.open(path, "csv", "sqlite")
    assert path.read_bytes() == content


def test_a_record_that_cannot_be_written_is_refused_before_anything_is_measured(
    tmp_path,
) -> None:
    """A million rows later is too late."""
    (tmp_path / "file").write_text("")

    with pytest.raises(ConfigurationError, match="cannot take the results"):
        Record.open(tmp_path / "file" / "bench.csv", "csv", "sqlite")
