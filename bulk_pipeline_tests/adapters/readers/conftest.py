"""Fixtures for workbooks: written to a file, and parsed without a process."""

import contextlib
import tempfile
from collections.abc import Sequence
from pathlib import Path

import pytest

from bulk_pipeline.adapters.readers.workbooks import (
    spreadsheet,
    spreadsheet_child,
)
from bulk_pipeline.adapters.readers.workbooks.fork_client import Ended
from bulk_pipeline_tests.adapters.readers.workbooks import Rows, Write, book_of


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes a workbook of named sheets; the file's name says nothing."""

    def written(**sheets: Rows) -> Path:
        book_of(**sheets).save(tmp_path / "dropped.csv")
        return tmp_path / "dropped.csv"

    return written


@pytest.fixture
def in_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Parses where the test runs, without limits: faster, and coverage sees it."""
    monkeypatch.setattr(spreadsheet_child.resource, "setrlimit", lambda *_: None)
    monkeypatch.setattr(spreadsheet, "FORKS", Here())


class Here:
    """Does the work of a fork at once, in this process."""

    def start(
        self, _module: str, arguments: Sequence[str], folder: Path, _seconds: float
    ) -> "Done":
        """The outcome of ``main`` of the child, whatever the module."""
        with contextlib.chdir(folder):
            spreadsheet_child.main(*arguments)
        return Done()


class Done:
    """Work that ended well."""

    def result(self) -> Ended:
        """How it ended."""
        return Ended(0, "")

    def close(self) -> None:
        """Nothing is left to end."""


@pytest.fixture
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for temporary files that nobody else uses."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder
