"""Laws of ``bulk-pipeline withdraw``: what it says, and how it ends."""

import json
import sqlite3
from pathlib import Path

import pytest
from click.testing import CliRunner

from bulk_pipeline.adapters.installation import Installation
from bulk_pipeline.adapters.journal import UploadReport
from bulk_pipeline.cli import cli
from bulk_pipeline_tests.adapters.harness import Pipeline
from bulk_pipeline_tests.builders import ROW, rows_of, write_csv
from bulk_pipeline_tests.cli.command import bulk_pipeline, results


def call(*arguments: object) -> str:
    """Output of a command in this process; it must succeed."""
    done = CliRunner().invoke(cli, [str(a) for a in arguments], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


def loaded(*files: Path) -> tuple[UploadReport, ...]:
    """Uploads of one batch in the installation that a command finds."""
    pipeline = Pipeline(Installation.from_environment())
    published = pipeline.load(*files)
    pipeline.close()
    return published.uploads


def test_a_wrong_file_is_taken_out_and_can_come_again(
    home: Path, tmp_path: Path
) -> None:
    """This is the whole story as the person who sent the wrong file lives it."""
    path = write_csv(tmp_path / "wrong.csv", rows_of(["AA"], range(2001, 2004)))
    [upload] = loaded(path)
    first = call("withdraw", upload.key)
    second = call("withdraw", upload.key)

    assert f"wrong.csv: withdrawn (upload {upload.key})" in first
    assert "3 rows deleted, 0 restored" in first
    assert "already" in second
    assert "wrong.csv: withdrawn" in call("uploads", "--state", "withdrawn")
    with sqlite3.connect(home / "bulk_pipeline.db") as database:
        query = "select count(*) from annual_predictions"
        assert database.execute(query).fetchone() == (0,)
    [anew] = results(bulk_pipeline("ingest", path, "--json"))
    assert (anew["state"], anew["inserted"]) == ("loaded", 3)


def test_json_is_one_object_with_every_upload(tmp_path: Path) -> None:
    """Programs read this: a stray line on standard output breaks them."""
    files = [
        write_csv(tmp_path / f"{symbol}.csv", rows_of([symbol], [2001, 2002]))
        for symbol in ("AA", "BB")
    ]
    uploads = loaded(*files)
    done = json.loads(call("withdraw", uploads[0].batch, "--json"))["uploads"]

    assert {upload["key"] for upload in done} == {upload.key for upload in uploads}
    for upload in done:
        assert (upload["state"], upload["deleted"], upload["restored"]) == (
            "withdrawn",
            2,
            0,
        )
        assert "2 rows deleted" in upload["message"]


def test_an_unknown_key_is_named_and_gives_exit_code_1(tmp_path: Path) -> None:
    """A script must not take a typing mistake for a withdrawal."""
    loaded(write_csv(tmp_path / "a.csv", [ROW]))
    done = bulk_pipeline("withdraw", "20990101T000000Z-none", "--json")

    assert done.returncode == 1
    assert "20990101T000000Z-none" in done.stderr
    assert done.stdout == ""
    assert bulk_pipeline("withdraw").returncode == 2


def test_a_failed_upload_has_nothing_to_withdraw(tmp_path: Path) -> None:
    """Whoever cleans up lists everything; what stored nothing is no error."""
    bad = tmp_path / "bad.csv"
    bad.write_text("company_symbol,reporting_year\nAA,2001\n")
    [upload] = loaded(bad)

    assert "Nothing to withdraw" in call("withdraw", upload.key)


def test_a_database_of_ones_own_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows are taken out of the database that they were loaded into, and no other."""
    target = f"sqlite:///{tmp_path / 'own.db'}"
    monkeypatch.setenv("DATABASE_URL", target)
    [upload] = loaded(write_csv(tmp_path / "a.csv", [ROW]))
    monkeypatch.setenv("DATABASE_URL", "")
    elsewhere = bulk_pipeline("withdraw", upload.key)

    assert elsewhere.returncode == 1
    assert "--database" in elsewhere.stderr
    done = bulk_pipeline("withdraw", upload.key, "--database", target)
    assert done.returncode == 0
    assert "1 row deleted" in done.stdout
