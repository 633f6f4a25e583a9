"""Laws of ``bulk-pipeline uploads``: short for people, whole for programs."""

import json
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

from bulk_pipeline.adapters.batches import Batch, Options, Upload
from bulk_pipeline.adapters.installation import Installation
from bulk_pipeline.cli import cli
from bulk_pipeline.cli.inbox import NEWEST

MORE = 7


@pytest.fixture
def journal(home: Path) -> Iterator[None]:
    """A journal with some more uploads than a list for people shows."""
    members = tuple(
        Upload(f"k-{number:04}", f"{number}.csv", f"{number:05}", 1)
        for number in range(NEWEST + MORE)
    )
    options = Options("skip", "keep", "Q4", "percent")
    with closing(Installation.from_environment()) as installation:
        now = datetime.now(UTC).isoformat()
        installation.journal.claim(Batch("b", now, options, members))
        yield
    assert home.exists()


def call(*arguments: str) -> str:
    """Standard output of the command."""
    done = CliRunner().invoke(cli, ["uploads", *arguments], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


@pytest.mark.usefixtures("journal")
def test_people_see_the_newest_and_how_many_more_there_are() -> None:
    """A terminal holds no list of 100,000."""
    first, *shown = call().splitlines()

    assert first.startswith(f"{MORE} older uploads are left out")
    assert len(shown) == NEWEST
    assert shown[0] == "7.csv: claimed (upload k-0007)"
    assert len(call("--limit", "1000").splitlines()) == NEWEST + MORE
    most = str(NEWEST + MORE - 1)
    assert call("--limit", most).startswith("1 older upload is left out")
    assert call("--limit", "1").splitlines()[1:] == ["106.csv: claimed (upload k-0106)"]


@pytest.mark.usefixtures("journal")
def test_programs_get_every_upload() -> None:
    """What is left out of JSON would be taken for what is not there."""
    found = json.loads(call("--json"))["uploads"]

    assert [upload["key"] for upload in found][::106] == ["k-0000", "k-0106"]
    assert len(json.loads(call("--json", "--limit", "2"))["uploads"]) == 2
    assert json.loads(call("--json", "--state", "failed")) == {"uploads": []}
