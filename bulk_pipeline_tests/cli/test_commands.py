"""Laws of the other commands and of the program as a whole."""

import json
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner

from bulk_pipeline.cli import COMMANDS, cli
from bulk_pipeline_tests.builders import ROW, write_csv
from bulk_pipeline_tests.cli.command import bulk_pipeline, results


def call(*arguments: object) -> str:
    """Output of a command in this process; it must succeed."""
    done = CliRunner().invoke(cli, [str(a) for a in arguments], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_every_command_explains_itself(command: str) -> None:
    """Help is the manual that people have at hand."""
    assert call(command, "--help").count("\n") > 3


@pytest.mark.parametrize("suffix", ["csv", "parquet", "xlsx"])
def test_a_generated_file_can_be_loaded(tmp_path: Path, suffix: str) -> None:
    """The sample is the first thing that a new user loads."""
    path = tmp_path / f"sample.{suffix}"
    call("generate", "--rows", 200, "--bad-share", 0.05, "--out", path)
    [upload] = results(bulk_pipeline("ingest", path, "--json"))

    assert (upload["rows_read"], upload["inserted"]) == (200, 190)
    assert upload["rejected"] == 10


def test_the_same_seed_gives_the_same_file(tmp_path: Path) -> None:
    """A figure must be repeatable by whoever doubts it."""
    for name in ("a.csv", "b.csv"):
        call("generate", "--rows", 500, "--seed", 3, "--out", tmp_path / name)

    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()
    assert pl.read_csv(tmp_path / "a.csv").height == 500


def test_making_the_tables_twice_is_harmless(home: Path) -> None:
    """Deployments run it every time."""
    assert "ready" in call("init-db")
    assert "ready" in call("init-db")
    assert (home / "bulk_pipeline.db").exists()


def test_uploads_lists_what_became_of_every_file(tmp_path: Path) -> None:
    """Weeks later, this is how somebody finds out."""
    assert "No uploads yet" in call("uploads")
    bulk_pipeline("ingest", write_csv(tmp_path / "accounts.csv", [ROW]))

    assert "accounts.csv: loaded" in call("uploads")
    listed = json.loads(call("uploads", "--state", "loaded", "--json"))
    assert [upload["file"] for upload in listed["uploads"]] == ["accounts.csv"]
    assert json.loads(call("uploads", "--state", "failed", "--json"))["uploads"] == []


def test_help_does_not_wait_for_dagster() -> None:
    """A second for a line of help feels broken."""
    code = (
        "import sys; from bulk_pipeline.cli import cli; print('dagster' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "False"
