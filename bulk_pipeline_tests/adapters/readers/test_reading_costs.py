"""What reading costs whatever the machine: imports, and passes over a file."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from bulk_pipeline.adapters.limits import Limits
from bulk_pipeline.adapters.readers import open_text
from bulk_pipeline.adapters.readers.base import arrow_numbers
from bulk_pipeline.adapters.readers.files import dropped
from bulk_pipeline.adapters.readers.text.parsing import BlockParser
from bulk_pipeline_tests.adapters.harness import write_many
from bulk_pipeline_tests.builders import rows_of, write_csv


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    """A CSV file of some blocks."""
    return write_many(tmp_path / "plain.csv", range(60), range(1950, 2000))


def test_text_is_read_without_pandas(tmp_path: Path) -> None:
    """Pandas takes longer to import than a hundred thousand rows take to be read."""
    path = write_csv(tmp_path / "ten.csv", [*rows_of("AB", [2001]), {}])
    code = (
        "import sys; from pathlib import Path\n"
        "from bulk_pipeline.adapters.readers import open_text\n"
        "chunks = list(open_text(Path(sys.argv[1])).chunks())\n"
        "print(sum(chunk.table.num_rows for chunk in chunks), 'pandas' in sys.modules)"
    )
    command = [sys.executable, "-c", code, str(path)]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert said.split() == ["2", "False"]


def test_a_plain_file_is_parsed_once_and_read_twice(
    plain: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A further pass over a million rows costs more than the search for its cause.

    The first pass looks at the encoding, which must be known before a row counts; a
    look at the first megabyte for the header and the line ends is beside it.
    """
    limits = Limits(block_bytes=16 << 10, line_bytes=4 << 10)
    parsed, taken = [], []
    parse = BlockParser.chunk
    read = dropped._Watched.read

    def counted_parse(parser, block):
        parsed.append(block.size)
        return parse(parser, block)

    def counted_read(file, size=-1, /):
        piece = read(file, size)
        taken.append(len(piece))
        return piece

    monkeypatch.setattr(BlockParser, "chunk", counted_parse)
    monkeypatch.setattr(dropped._Watched, "read", counted_read)
    source = open_text(plain, limits=limits)
    chunks = list(source.chunks())
    size = plain.stat().st_size
    assert sum(chunk.table.num_rows for chunk in chunks) == 60 * 50
    assert len(chunks) > 3
    header = plain.read_bytes().index(b"\n") + 1
    assert sum(parsed) == size - header
    # the look for line ends is at a megabyte, which is the whole of this file
    assert sum(taken) <= 3 * size + limits.line_bytes


@pytest.mark.parametrize("numbers", [[], [3], [1, 2, 2**62, -1]])
def test_numbers_become_the_same_arrow_numbers(numbers: list[int]) -> None:
    """A line number that shifts on its way sends people to the wrong line."""
    made = arrow_numbers(np.array(numbers, dtype=np.int64))
    made.validate(full=True)
    assert made.equals(pa.array(numbers, pa.int64()))
    assert arrow_numbers(np.arange(10)[1::3]).to_pylist() == [1, 4, 7]
