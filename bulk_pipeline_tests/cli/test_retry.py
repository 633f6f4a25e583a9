"""Laws of ``bulk-pipeline retry``: failed files, corrected and loaded again."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

from bulk_pipeline.adapters.batches import Batch
from bulk_pipeline.adapters.installation import Installation
from bulk_pipeline.adapters.tick import open_batches
from bulk_pipeline.cli import ingest as ingest_command
from bulk_pipeline.cli import retry as retry_command
from bulk_pipeline_tests.builders import ROW, rows_of, write_csv
from bulk_pipeline_tests.cli.command import bulk_pipeline, results

SHORT_HEADER = [name for name in ROW if name != "return_on_assets"]


@pytest.fixture
def failed(tmp_path: Path) -> str:
    """Key of an upload that failed for want of a column."""
    path = write_csv(tmp_path / "accounts.csv", [ROW], SHORT_HEADER)
    [upload] = results(bulk_pipeline("ingest", path, "--json"))
    assert upload["state"] == "failed"
    return str(upload["key"])


@pytest.fixture
def installation() -> Iterator[Installation]:
    """The test's own installation."""
    found = Installation.from_environment()
    yield found
    found.close()


def stored(home: Path) -> int:
    """Rows in the table of predictions."""
    with closing(sqlite3.connect(home / "bulk_pipeline.db")) as database:
        [(rows,)] = database.execute("SELECT count(*) FROM annual_predictions")
    return int(rows)


def test_a_corrected_file_is_a_new_upload_that_names_the_failed_one(
    home: Path, failed: str
) -> None:
    """The person who corrects a file wants to see both, and how they belong."""
    folder = home / "failed" / failed
    assert f"bulk-pipeline retry {failed}" in (folder / "REASON.txt").read_text()
    write_csv(folder / "accounts.csv", rows_of(["AA"], range(2001, 2004)))
    done = bulk_pipeline("retry", failed, "--json")

    [upload] = results(done)
    assert done.returncode == 0
    assert (upload["state"], upload["inserted"]) == ("loaded", 3)
    assert upload["retry_of"] == failed
    assert upload["key"] != failed
    assert upload["file"] == "accounts.csv"
    assert stored(home) == 3
    states = {u["key"]: u["state"] for u in results(bulk_pipeline("uploads", "--json"))}
    assert states == {failed: "failed", upload["key"]: "loaded"}
    assert (folder / "accounts.csv").exists()


def test_a_file_that_is_still_wrong_fails_again(home: Path, failed: str) -> None:
    """Then there are two failed uploads, each with its file and its reason."""
    done = bulk_pipeline("retry", failed, "--json")

    [upload] = results(done)
    assert done.returncode == 1
    assert upload["state"] == "failed"
    assert "return_on_assets" in upload["message"]
    assert (home / "failed" / upload["key"] / "accounts.csv").exists()


def test_only_failed_uploads_can_be_tried_again(tmp_path: Path, home: Path) -> None:
    """A typing mistake must not load anything, and must be seen as one."""
    path = write_csv(tmp_path / "accounts.csv", [ROW])
    [loaded] = results(bulk_pipeline("ingest", path, "--json"))
    unknown = bulk_pipeline("retry", "20200101T000000Z-00000000")
    again = bulk_pipeline("retry", loaded["key"])

    assert unknown.returncode == 1
    assert "20200101T000000Z-00000000 is not known" in unknown.stderr
    assert again.returncode == 1
    assert f"{loaded['key']} is loaded" in again.stderr
    assert list((home / "landing").iterdir()) == []


def test_a_file_that_was_taken_away_is_named(home: Path, failed: str) -> None:
    """The message says where the file was looked for."""
    path = home / "failed" / failed / "accounts.csv"
    path.unlink()
    done = bulk_pipeline("retry", failed)

    assert done.returncode == 1
    assert str(path) in done.stderr


def test_a_queued_retry_is_left_for_the_daemon(
    home: Path, failed: str, installation: Installation
) -> None:
    """Two programs that load at once only wait for each other."""
    write_csv(home / "failed" / failed / "accounts.csv", [ROW])
    done = bulk_pipeline("retry", failed, "--queue")

    assert done.returncode == 0
    [batch] = open_batches(installation, datetime.now(UTC))
    assert batch.key in done.stdout
    assert (batch.state, batch.files, batch.due) == ("claimed", ("accounts.csv",), True)
    [_, upload] = installation.journal.uploads()
    assert (upload.state, upload.retry_of) == ("claimed", failed)


def test_a_file_that_failed_with_the_whole_run_can_be_tried_again(
    home: Path, tmp_path: Path
) -> None:
    """Where the database was at fault there is nothing to correct in the file."""
    path = write_csv(tmp_path / "accounts.csv", [ROW])
    bulk_pipeline("init-db")
    short = {"BULK_PIPELINE_BUSY_SECONDS": "0.1", "BULK_PIPELINE_RETRIES": "1"}
    with closing(sqlite3.connect(home / "bulk_pipeline.db")) as writer:
        writer.execute("BEGIN IMMEDIATE")
        [upload] = results(bulk_pipeline("ingest", path, "--json", **short))
    assert upload["state"] == "failed"
    assert "busy" in upload["message"]
    assert "Run it again once that has passed; if it stays so" in upload["message"]
    assert "tried again" not in upload["message"]
    path.unlink()
    done = bulk_pipeline("retry", upload["key"], "--json")

    [again] = results(done)
    assert done.returncode == 0
    assert (again["state"], again["retry_of"]) == ("loaded", upload["key"])
    assert stored(home) == 1


@pytest.mark.parametrize("command", ["ingest", "retry"])
def test_a_daemon_does_not_start_what_a_command_works_on(
    tmp_path: Path,
    home: Path,
    installation: Installation,
    monkeypatch: pytest.MonkeyPatch,
    command: str,
) -> None:
    """Dagster takes seconds to import, and a tick of the same home comes meanwhile."""
    path = write_csv(tmp_path / "accounts.csv", [ROW], SHORT_HEADER)
    arguments = [str(path)]
    if command == "retry":
        [upload] = results(bulk_pipeline("ingest", path, "--json"))
        arguments = [upload["key"]]
    seen: list[object] = []

    def run(found: Installation, batch: Batch, run_id: str) -> str:
        seen.append((batch.key, open_batches(found, datetime.now(UTC))))
        return ""

    module = {"ingest": ingest_command, "retry": retry_command}[command]
    monkeypatch.setattr(module, "_run", run)
    CliRunner().invoke(getattr(module, command), arguments)

    [(key, during)] = seen
    assert during == []
    after = open_batches(installation, datetime.now(UTC))
    assert [batch.key for batch in after] == [key]
