"""``bulk-pipeline export`` where ``BULK_PIPELINE_READ_URL`` names a replica."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner

from bulk_pipeline.adapters.installation import Installation
from bulk_pipeline.cli import cli
from bulk_pipeline.core.errors import ReplicaBehind
from bulk_pipeline_tests.adapters.harness import Pipeline
from bulk_pipeline_tests.builders import rows_of, write_csv

READ_URL = "BULK_PIPELINE_READ_URL"


def loaded(folder: Path, symbol: str) -> tuple[str, Path]:
    """Key of an upload of one row, and the file that it is stored in."""
    path = write_csv(folder / f"{symbol}.csv", rows_of([symbol], [2001]))
    pipeline = Pipeline(Installation.from_environment())
    [upload] = pipeline.load(path).uploads
    pipeline.close()
    return upload.key, pipeline.installation.database.path


def call(*arguments: object) -> str:
    """Output of a command in this process; it must succeed."""
    done = CliRunner().invoke(cli, [str(a) for a in arguments], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


def test_the_command_reads_the_replica_unless_a_database_is_named(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A URL on the command line is the one that its user means."""
    del home
    _, own = loaded(tmp_path, "AA")
    copy = tmp_path / "copy.db"
    with (
        closing(sqlite3.connect(own)) as source,
        closing(sqlite3.connect(copy)) as target,
    ):
        source.backup(target)
    late, _ = loaded(tmp_path, "BB")
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{own}")
    monkeypatch.setenv(READ_URL, f"sqlite:///{copy}")

    said = call("export", "--all", "--out", tmp_path / "1.csv")
    assert said.startswith("1 row in")
    assert "which lags: 1 upload is not in it yet" in said
    with pytest.raises(ReplicaBehind, match=late):
        call("export", "--upload", late, "--out", tmp_path / "2.csv")
    assert "replica" in call("doctor")

    database = ("--database", f"sqlite:///{own}")
    assert call("export", "--all", "--out", tmp_path / "3.csv", *database)[0] == "2"
    assert Installation.from_environment().replica is None
    monkeypatch.setenv(READ_URL, "")
    assert call("export", "--upload", late, "--out", tmp_path / "4.csv")[0] == "1"
