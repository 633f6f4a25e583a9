"""Laws of ``bulk-pipeline report``: what it says, where it writes, how it ends."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from bulk_pipeline.adapters.installation import Installation
from bulk_pipeline.cli import cli
from bulk_pipeline.core.errors import ConfigurationError
from bulk_pipeline_tests.adapters.harness import Pipeline
from bulk_pipeline_tests.builders import rows_of, write_csv


@pytest.fixture
def four(home: Path, tmp_path: Path) -> Path:
    """The home that commands find, with four stored rows."""
    path = write_csv(tmp_path / "sent.csv", rows_of("AB", [2001, 2002]))
    pipeline = Pipeline(Installation.from_environment())
    pipeline.load(path)
    pipeline.close()
    return home


def test_the_page_is_where_the_command_says(four: Path) -> None:
    """People open what it prints."""
    done = CliRunner().invoke(cli, ["report"], catch_exceptions=False)

    assert done.exit_code == 0
    said, page = done.output.strip().split(": ", 1)
    assert said == "4 rows stored, 1 load looked at"
    assert Path(page).is_file()
    assert Path(page).is_relative_to(four / "reports")


def test_json_is_one_object_with_the_files_that_are_there(
    four: Path, tmp_path: Path
) -> None:
    """Programs mail them."""
    out = tmp_path / "report"
    arguments = ["report", "--out", str(out), "--last", "1", "--json"]
    done = CliRunner().invoke(cli, arguments, catch_exceptions=False)
    found = json.loads(done.output)

    assert (found["rows_stored"], found["loads"], found["notes"]) == (4, 1, [])
    assert Path(found["page"]) == out / "report.html"
    assert sorted(map(Path, found["plots"])) == sorted(out.glob("*.png"))
    assert not (four / "reports").exists() or not list((four / "reports").glob("2*"))


def test_wrong_wishes_end_with_their_codes_and_touch_nothing(
    four: Path, tmp_path: Path
) -> None:
    """A folder that is there may hold what somebody needs."""
    runner, out = CliRunner(), tmp_path / "mine"
    out.mkdir()
    refused = runner.invoke(cli, ["report", "--out", str(out)])

    assert isinstance(refused.exception, ConfigurationError)
    assert list(out.iterdir()) == []
    for last in ("0", "10001", "many"):
        assert runner.invoke(cli, ["report", "--last", last]).exit_code == 2
