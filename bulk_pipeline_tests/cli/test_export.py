"""Laws of ``bulk-pipeline export``: what it writes, says, and how it ends."""

import json
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner

from bulk_pipeline.adapters.installation import Installation
from bulk_pipeline.cli import cli
from bulk_pipeline.core.errors import ConfigurationError, PermanentError
from bulk_pipeline_tests.adapters.harness import Pipeline
from bulk_pipeline_tests.builders import rows_of, write_csv


@pytest.fixture
def key(home: Path, tmp_path: Path) -> str:
    """Key of an upload of four rows, in the home that commands find."""
    del home
    path = write_csv(tmp_path / "sent.csv", rows_of(["AA", "BB"], [2001, 2002]))
    pipeline = Pipeline(Installation.from_environment())
    [upload] = pipeline.load(path).uploads
    pipeline.close()
    return upload.key


def call(*arguments: object) -> str:
    """Output of a command in this process; it must succeed."""
    done = CliRunner().invoke(cli, [str(a) for a in arguments], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


def test_scores_come_back_as_the_file_that_was_asked_for(
    key: str, tmp_path: Path
) -> None:
    """This is what an analyst drops a spreadsheet for."""
    out = tmp_path / "scores.csv"
    said = call("export", "--upload", key, "--out", out)
    assert said == f"4 rows in {out}\n"
    rows = pl.read_csv(out)
    assert rows["company_symbol"].to_list() == ["AA", "AA", "BB", "BB"]
    assert rows["probability"].is_between(0, 1).all()

    assert call("export", "--year", "2001", "--out", tmp_path / "y.xlsx")[0] == "2"
    assert call("export", "--all", "--out", tmp_path / "all.parquet")[0] == "4"
    both = call("export", "--upload", key, "--year", "2002", "--out", out, "--force")
    assert both.startswith("2 rows")


def test_json_is_one_object(key: str, tmp_path: Path) -> None:
    """Programs read this: a stray line on standard output breaks them."""
    out = tmp_path / "scores.csv"
    said = json.loads(call("export", "--upload", key, "--out", out, "--json"))
    assert said == {"file": str(out), "rows": 4, "others": 0, "notes": []}


def test_wrong_wishes_end_with_their_codes_and_no_file(
    key: str, tmp_path: Path
) -> None:
    """A script must see the failure; people must be told what to change."""
    runner, out = CliRunner(), tmp_path / "scores.csv"
    for wish in ([], ["--all", "--year", "2001"], ["--all", "--upload", key]):
        assert runner.invoke(cli, ["export", *wish, "--out", str(out)]).exit_code == 2
    unknown = runner.invoke(cli, ["export", "--upload", "nobody", "--out", str(out)])
    assert isinstance(unknown.exception, PermanentError)
    assert not out.exists()
    out.write_text("mine")
    taken = runner.invoke(cli, ["export", "--all", "--out", str(out)])
    assert isinstance(taken.exception, ConfigurationError)
    assert out.read_text() == "mine"
