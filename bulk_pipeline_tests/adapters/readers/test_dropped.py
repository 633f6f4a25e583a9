"""What the system says when a file is opened: about the file, or about the machine."""

import os
import resource
from pathlib import Path

import pytest

from bulk_pipeline.adapters.limits import Limits
from bulk_pipeline.adapters.readers.files.dropped import dropped
from bulk_pipeline.core.errors import UnreadableFile


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    """It will not be there later either."""
    with pytest.raises(UnreadableFile, match=r"gone\.csv: No such file"):
        dropped(tmp_path / "gone.csv", Limits())


def test_a_machine_without_a_free_descriptor_refuses_no_file(tmp_path: Path) -> None:
    """A refusal lasts, and the want of descriptors passes."""
    path = tmp_path / "good.csv"
    path.write_text("symbol,year\nA,2001\n")
    given = resource.getrlimit(resource.RLIMIT_NOFILE)
    held = []
    try:
        next_one = os.open(os.devnull, os.O_RDONLY)
        held.append(next_one)
        resource.setrlimit(resource.RLIMIT_NOFILE, (next_one + 1, given[1]))
        with pytest.raises(OSError, match="Too many open files") as error:
            dropped(path, Limits())
        assert not isinstance(error.value, UnreadableFile)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, given)
        for descriptor in held:
            os.close(descriptor)
    assert dropped(path, Limits()).size == path.stat().st_size
