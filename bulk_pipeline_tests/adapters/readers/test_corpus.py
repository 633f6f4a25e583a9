"""What a fuzzer has found keeps to the laws that it was found under."""

from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import pytest

from bulk_pipeline.adapters.readers import open_text
from bulk_pipeline.adapters.readers.workbooks import spreadsheet
from bulk_pipeline_tests.adapters.readers.forks import Forks
from bulk_pipeline_tests.adapters.readers.opened import rows_of
from bulk_pipeline_tests.adapters.readers.patched import PLACES, parts, patched
from bulk_pipeline_tests.adapters.readers.text_laws import check_text
from bulk_pipeline_tests.adapters.readers.workbook_laws import (
    LIMITS,
    check_workbook,
    odd_error,
)

CORPUS = Path(__file__).parents[2] / "corpus"
TEXTS, WORKBOOKS = (sorted((CORPUS / name).iterdir()) for name in ("text", "workbook"))


@pytest.fixture(scope="module")
def forks() -> Iterator[Forks]:
    """One process that has loaded the parsers, for all workbooks."""
    with Forks() as forks:
        yield forks


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where a test puts its file; the name says nothing about the content."""
    return tmp_path / "dropped.csv"


@pytest.mark.parametrize("found", TEXTS, ids=lambda found: found.name)
def test_any_text_is_a_table_or_a_clear_refusal(path: Path, found: Path) -> None:
    """What once took a new way through the reader is most likely to break it."""
    path.write_bytes(found.read_bytes())
    check_text(path)


@pytest.mark.parametrize("found", WORKBOOKS, ids=lambda found: found.name)
def test_any_workbook_is_a_table_or_a_clear_refusal(
    path: Path, forks: Forks, found: Path
) -> None:
    """A stranger's workbook must not show people an error of Python."""
    path.write_bytes(patched(found.read_bytes()))
    odd_error(path)
    check_workbook(path, forks)


@pytest.mark.parametrize("place", range(len(PLACES)))
def test_the_workbooks_that_are_patched_can_be_read(
    path: Path, forks: Forks, place: int
) -> None:
    """If they were refused, no law would be tried beyond the refusal."""
    kind, part = PLACES[place]
    path.write_bytes(patched(bytes([place]) + parts(kind)[part]))
    with mock.patch.object(spreadsheet, "FORKS", forks):
        rows, lines, _ = rows_of(open_text(path, limits=LIMITS))
    assert lines == [2, 3]
    assert rows[0] == ("A", "Acme", "2012", "24.111", "1.5", "-3", "1234", "0")
    assert (rows[1][0], rows[1][3]) == ("007", "5%")
