"""Fixtures for workbooks: written to a file, and parsed without a process."""

import contextlib
import subprocess
from pathlib import Path

import pytest

from bulk_pipeline.adapters.readers.workbooks import (
    spreadsheet,
    spreadsheet_child,
)
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

    def run(command: tuple[str, ...], *, cwd: Path, **_: object) -> object:
        with contextlib.chdir(cwd):
            spreadsheet_child.main(*command[-2:])
        return subprocess.CompletedProcess(command, 0, b"", b"")

    monkeypatch.setattr(spreadsheet_child.resource, "setrlimit", lambda *_: None)
    monkeypatch.setattr(spreadsheet.subprocess, "run", run)
