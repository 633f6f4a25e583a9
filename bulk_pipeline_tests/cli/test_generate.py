"""Laws of ``bulk-pipeline generate``: files, and rows in the database."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from click.testing import CliRunner

from bulk_pipeline.cli.data import generate
from bulk_pipeline.core.dummy import (
    DummyRequest,
    expected_duplicates,
    expected_rejects,
)
from bulk_pipeline.core.errors import ConfigurationError
from bulk_pipeline_tests.cli.command import PROGRAM, bulk_pipeline, results


def stored(home: Path, question: str) -> Any:
    """The first value of a row of the database of the home."""
    with sqlite3.connect(home / "bulk_pipeline.db") as database:
        return database.execute(question).fetchone()[0]


def test_a_file_has_what_was_asked_for_and_is_loaded_as_announced(
    tmp_path: Path,
) -> None:
    """Rows read = inserted + duplicates + rejected, each number known in advance."""
    path = tmp_path / "made.csv.gz"
    wish = ("--rows", 5_000, "--seed", 3, "--years", "1990-2024")
    odd = ("--bad-share", 0.05, "--duplicate-share", 0.1, "--missing-share", 0.4)
    told = bulk_pipeline("generate", *wish, *odd, "--out", path, "--json")
    [upload] = results(bulk_pipeline("ingest", path, "--json"))

    found = json.loads(told.stdout)
    assert told.stderr == ""
    assert (found["rows"], found["bad_rows"], found["duplicate_rows"]) == (
        5_000,
        250,
        500,
    )
    assert found["bytes"] == path.stat().st_size
    request = DummyRequest(5_000, None, 3, 0.05, 1990, 2024, 0.1, 0.4)
    twice = expected_duplicates(request)
    assert upload["rows_read"] == 5_000
    assert upload["inserted"] == 5_000 - 250 - 500
    assert upload["duplicates"] == twice.rows == 500
    assert upload["duplicates_conflicting"] == twice.conflicting > 0
    assert upload["rejected"] == 250
    reasons: dict[str, int] = {}
    for (_, reason), rows in expected_rejects(request).items():
        reasons[reason] = reasons.get(reason, 0) + rows
    assert upload["rejected_by_reason"] == reasons


def test_a_person_is_told_what_is_odd_on_purpose(tmp_path: Path) -> None:
    """Whoever opens the file later must not take the faults for ours."""
    path = tmp_path / "made.csv"
    odd = ("--bad-share", 0.1, "--duplicate-share", 0.2)
    done = bulk_pipeline("generate", "--rows", 100, *odd, "--out", path)

    assert done.returncode == 0
    assert "100 rows in" in done.stdout
    assert "10 wrong on purpose, 20 repeat a key" in done.stdout
    assert "rows/s, tier" in done.stdout
    assert done.stderr == ""  # no bar where nobody sees it


def test_rows_go_to_the_database_through_the_pipeline(home: Path) -> None:
    """Each row has a receipt and a score, as if somebody had sent it.

    The same rows go there once: a command that is started again after a failure goes
    on where that ended.
    """
    wish = ("--rows", 1_500, "--seed", 4, "--batch-size", 1_000, "--to-database")
    odd = ("--bad-share", 0.02, "--duplicate-share", 0.04)
    done = bulk_pipeline("generate", *wish, *odd, "--json")

    assert done.returncode == 0, done.stderr
    uploads = results(done)
    assert [upload["rows_read"] for upload in uploads] == [1_000, 500]
    assert {upload["state"] for upload in uploads} == {"loaded"}
    names = ("inserted", "updated", "duplicates", "rejected")
    totals = [sum(upload[name] for upload in uploads) for name in names]
    assert totals == [1_410, 0, 60, 30]
    scored = "select count(*) from annual_predictions where probability > 0"
    assert stored(home, scored) == 1_410
    assert stored(home, "select count(distinct upload_id) from annual_predictions") == 2
    assert stored(home, "select count(*) from uploads") == 2
    assert not list((home / "landing").iterdir())

    again = bulk_pipeline("generate", *wish, *odd)
    assert again.returncode == 0
    assert again.stdout.count("repeated") == 2
    assert "2 of 2 batches" in again.stdout
    assert stored(home, "select count(*) from annual_predictions") == 1_410


def test_a_batch_that_fails_is_the_last_one(home: Path) -> None:
    """Loading on after a failure would hide it behind pages of good news."""
    home.mkdir(exist_ok=True)
    (home / "bulk_pipeline.db").write_text("no database, whatever its name says\n" * 99)
    wish = ("--rows", 30, "--batch-size", 10, "--to-database")
    done = bulk_pipeline("generate", *wish)

    assert done.returncode == 1
    assert done.stdout.count("failed") <= 1
    assert "Traceback" not in done.stderr


def test_a_killed_command_leaves_whole_batches(home: Path) -> None:
    """Nobody can tell half a load from a whole one afterwards."""
    wish = ["--rows", "60000", "--batch-size", "2000", "--to-database"]
    command = [sys.executable, "-c", PROGRAM, "generate", *wish]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        for line in running.stdout:
            if "dummy-0-60000-00002" in line:
                break
        time.sleep(0.2)
        os.kill(running.pid, signal.SIGKILL)
    again = bulk_pipeline("reconcile")
    rows = stored(home, "select count(*) from annual_predictions")
    receipts = stored(home, "select count(*) from uploads")

    assert again.returncode == 0, again.stderr
    assert receipts >= 2
    assert rows == 2_000 * receipts


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((), "Give one of --out FILE and --to-database"),
        (("--out", "a.csv", "--to-database"), "Give one of --out FILE and"),
        (("--out", "a.csv", "--batch-size", 5), "--batch-size is for --to-database"),
        (("--to-database", "--batch-size", 0), "batch_size is 0: give a number from"),
        (("--to-database", "--batch-size", 10**8), "to 10,000,000"),
        (("--out", "a.csv", "--years", "90-99"), "no range of years such as 1990-2024"),
        (("--out", "a.csv", "--years", "1990-2155"), "no file may report a year after"),
        (("--out", "a.csv", "--years", "2020-1990"), "years is 2020-1990"),
        (("--out", "a.csv", "--duplicate-share", 0.6), "duplicate_share is 0.6"),
        (("--out", "a.csv", "--missing-share", 2), "missing_share is 2.0"),
        (("--out", "a.gz"), ".csv.gz"),
    ],
)
def test_what_cannot_be_made_is_refused_with_what_can(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: Any, told: str
) -> None:
    """The message is all that a person at a prompt has."""
    monkeypatch.chdir(tmp_path)
    given = ["--rows", "100", *map(str, arguments)]
    done = CliRunner().invoke(generate, given)

    refused = isinstance(done.exception, ConfigurationError)  # exit 2 by ``main``
    assert refused or done.exit_code == 2
    assert told in (str(done.exception) if refused else done.output)
    assert not list(tmp_path.glob("a.*"))


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="no folder closed to everybody")
def test_a_folder_that_takes_no_file_is_named() -> None:
    """A traceback says neither which folder nor what to do."""
    done = bulk_pipeline("generate", "--rows", 9, "--out", "/proc/made.csv")

    assert done.returncode == 1
    assert "/proc/made.csv cannot be written: " in done.stderr
    assert "Traceback" not in done.stderr


def test_one_year_is_a_range(tmp_path: Path) -> None:
    """`--years 2020` says what it means."""
    path = tmp_path / "made.parquet"
    bulk_pipeline("generate", "--rows", 10, "--years", "2020", "--out", path)

    assert pl.read_parquet(path)["reporting_year"].unique().to_list() == [2020]
