"""Laws of ``bulk-pipeline metrics``: readable anywhere, and it changes nothing."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from bulk_pipeline.cli import cli
from bulk_pipeline.core.metrics import STAGES
from bulk_pipeline_tests.adapters.harness import installation_in
from bulk_pipeline_tests.adapters.metrics_rows import entered
from bulk_pipeline_tests.cli.command import bulk_pipeline
from bulk_pipeline_tests.cli.test_commands import call

NARROW = 80


@pytest.fixture
def loads(home: Path) -> Path:
    """Loads of ten rows and of a million in the home's database."""
    rows = [(f"batch-{n}", 10 if n % 2 else 1_000_000, 10) for n in range(12)]
    installation = installation_in(home)
    entered(installation, *rows)
    installation.close()
    return home


def drawn(*arguments: str, **environment: str) -> str:
    """Output of the command for a terminal that is so wide."""
    done = CliRunner().invoke(cli, ["metrics", *arguments], env=environment)
    assert done.exit_code == 0, done.output
    return done.output


def test_before_the_first_load_it_says_what_to_do(home: Path) -> None:
    """It may be the first command that somebody tries."""
    said = call("metrics")

    assert "No load is recorded" in said
    assert "bulk-pipeline ingest FILE" in said
    assert not home.exists(), "looking makes nothing"


@pytest.mark.usefixtures("loads")
def test_loads_medians_and_the_newest_card_are_shown() -> None:
    """The three questions: what ran, what is usual, where did the time go."""
    said = call("metrics", "--last", 4)

    lines = [line for line in said.splitlines() if line.startswith("2026-")]
    assert len(lines) == 4
    assert "about 10 " in said
    assert "about 1,000,000 " in said
    assert "batch-11: STANDARD" in said
    for stage in STAGES:
        assert stage in said


def test_a_load_that_read_nothing_has_no_rate_and_no_tier(home: Path) -> None:
    """A file that was sent again is no slow load of the lowest tier."""
    installation = installation_in(home)
    entered(installation, ("first", 10, 10), ("again", 0, 0))
    installation.close()

    again, first = (
        line.split() for line in call("metrics").splitlines() if line[:5] == "2026-"
    )
    assert again[2:5] == ["0", "-", "-"]
    assert first[2:5] == ["10", "5.0", "STANDARD"]


@pytest.mark.usefixtures("loads")
def test_without_colours_a_bar_is_letters() -> None:
    """Blocks of one colour say nothing; a file and a log have no colours."""
    said = call("metrics")

    assert "█ read" not in said
    assert "\x1b" not in said
    assert "r read  c clean" in said
    [first, *_] = [line for line in said.splitlines() if line.startswith("2026-")]
    assert "rrr" in first


@pytest.mark.usefixtures("loads")
def test_a_narrow_terminal_is_wide_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    """A number that is cut off is a wrong number."""
    monkeypatch.setattr("bulk_pipeline.cli.metrics_shown.WIDTH", NARROW)
    said = call("metrics")

    table = [line for line in said.splitlines() if line.startswith("2026-")]
    assert max(map(len, table)) <= NARROW
    [legend] = [line for line in said.splitlines() if line.startswith("r read")]
    assert len(legend) <= NARROW
    assert "…" not in said
    assert "1,000,000" in said


@pytest.mark.usefixtures("loads")
def test_a_terminal_with_colours_gets_a_legend_of_colours(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A bar is understood by its legend alone."""
    from rich.console import Console  # noqa: PLC0415  # as the command does

    monkeypatch.setattr(
        "bulk_pipeline.cli.metrics_shown.metrics_console",
        lambda: Console(force_terminal=True, color_system="standard", width=NARROW),
    )
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    said = call("metrics")
    assert "\x1b[34m█" in said
    assert "r read" not in said

    monkeypatch.setenv("NO_COLOR", "1")
    assert "r read  c clean" in call("metrics")


def test_json_is_one_object_with_plain_numbers(loads: Path) -> None:
    """Programs read this: a stray line on standard output breaks them."""
    done = bulk_pipeline("metrics", "--json", "--last", 2)

    found = json.loads(done.stdout)
    assert [load["batch"] for load in found["loads"]] == ["batch-11", "batch-10"]
    assert list(found["loads"][0]["stages"]) == list(STAGES)
    assert [size["about"] for size in found["sizes"]] == [10, 1_000_000]
    assert "of its size" in found["newest_compared"]
    assert found["database"].endswith(f"{loads.name}/bulk_pipeline.db")


def test_loads_are_read_from_the_read_replica(
    loads: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Looking at figures takes nothing from the database that loads."""
    replica = (loads / "bulk_pipeline.db").rename(tmp_path / "replica.db")
    url = f"sqlite:///{replica}"
    monkeypatch.setenv("BULK_PIPELINE_READ_URL", url)
    found = json.loads(bulk_pipeline("metrics", "--json", "--last", 1).stdout)

    assert found["database"] == url
    assert len(found["loads"]) == 1


@pytest.mark.usefixtures("loads")
def test_the_state_of_a_database_is_shown() -> None:
    """Who waits for a lock wants to know for whom."""
    said = call("metrics", "--database-state")
    assert "journal mode" in said
    assert "wal" in said
    assert "Who has it locked" in said

    found = json.loads(call("metrics", "--database-state", "--json"))
    assert found["sections"][0]["title"] == "File"
