"""Laws of ``bulk-pipeline model reference``: what it makes, keeps and refuses."""

import json
from pathlib import Path

from bulk_pipeline.adapters.home import Home
from bulk_pipeline.adapters.model_store import load_model
from bulk_pipeline.adapters.references import reference_file, reference_of
from bulk_pipeline_tests.builders import rows_of, write_csv
from bulk_pipeline_tests.cli.command import bulk_pipeline
from bulk_pipeline_tests.cli.test_commands import call

SHA256 = load_model().sha256


def test_a_reference_of_a_file_is_kept_for_the_model(
    home: Path, tmp_path: Path
) -> None:
    """One command is all that a population of one's own takes."""
    path = write_csv(tmp_path / "mine.csv", rows_of(["AA"], range(2001, 2011)))

    said = call("model", "reference", path, "--source", "accounts of my clients")

    assert "Reference: 10 rows, accounts of my clients" in said
    assert f"{SHA256}.reference.json" in said
    assert "Reference: 10 rows, accounts of my clients" in call("model", "show")


def test_stored_rows_and_their_file_make_the_same_counts(
    home: Path, tmp_path: Path
) -> None:
    """A population may be known by its file or by what was loaded of it."""
    path = tmp_path / "mine.csv"
    call("generate", "--rows", 300, "--duplicate-share", 0.1, "--out", path)
    call("model", "reference", path, "--out", tmp_path / "file.json")
    assert bulk_pipeline("ingest", path).returncode == 0

    said = call("model", "reference", "--out", tmp_path / "stored.json")

    assert f"It counts once it lies at {reference_file(Home(home), SHA256)}" in said
    made = [
        json.loads((tmp_path / name).read_text())["columns"]
        for name in ("file.json", "stored.json")
    ]
    assert made[0] == made[1]


def test_without_rows_the_old_reference_stays(home: Path, tmp_path: Path) -> None:
    """A mistake must not take away what batches are compared with."""
    path = write_csv(tmp_path / "mine.csv", rows_of(["AA"], [2001]))
    call("model", "reference", path)
    empty = write_csv(tmp_path / "empty.csv", [])

    done = bulk_pipeline("model", "reference", empty)

    assert done.returncode == 1
    assert "no row to make a reference of" in done.stderr
    kept = reference_of(Home(home), SHA256)
    assert kept is not None
    assert kept.rows == 1


def test_an_empty_database_makes_none(home: Path) -> None:
    """The message says what to give instead."""
    done = bulk_pipeline("model", "reference")

    assert done.returncode == 1
    assert "Give a file or a database with rows" in done.stderr
    assert "Traceback" not in done.stderr
