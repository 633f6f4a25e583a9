"""Fixtures for all tests: a home of its own for each, and nothing from outside."""

from pathlib import Path

import pytest

from bulk_pipeline.adapters.settings import EXECUTOR_VARIABLE, Settings


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A fresh home; no setting of the machine reaches a test."""
    for variable in (*Settings.variables(), EXECUTOR_VARIABLE, "DAGSTER_HOME"):
        monkeypatch.delenv(variable, raising=False)
    folder = tmp_path / "home"
    monkeypatch.setenv("BULK_PIPELINE_HOME", str(folder))
    # Set, so that what a command puts here is taken back after the test.
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "dagster"))
    monkeypatch.setenv("DATABASE_URL", "")
    return folder
