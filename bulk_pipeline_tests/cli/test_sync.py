"""Laws of ``bulk-pipeline sync``: what it says, what it does, and how it ends."""

import json
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from bulk_pipeline.adapters.installation import Installation
from bulk_pipeline.cli import cli
from bulk_pipeline.core.errors import ConfigurationError
from bulk_pipeline_tests.adapters.harness import Pipeline, query
from bulk_pipeline_tests.builders import rows_of, write_csv
from bulk_pipeline_tests.cli.command import bulk_pipeline

STORED = (
    "SELECT symbol, name, reporting_year, return_on_assets, probability, p.updated_at"
    " FROM annual_predictions p JOIN companies ON companies.id = company_id"
    " ORDER BY 1, 3"
)


@pytest.fixture
def loaded(home: Path, tmp_path: Path) -> Path:
    """The database of the home: two companies over 2008 to 2012."""
    load(write_csv(tmp_path / "a.csv", rows_of(["AA", "BRK.A"], range(2008, 2013))))
    return home / "bulk_pipeline.db"


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """Where the second database is to be."""
    return tmp_path / "copy.db"


def load(path: Path, **options: Any) -> None:
    """Load a file into the database of the home."""
    pipeline = Pipeline(Installation.from_environment())
    pipeline.load(path, **options)
    pipeline.close()


def call(*arguments: object) -> Result:
    """The command in this process, with what it said; our own errors are its result."""
    return CliRunner().invoke(cli, ["sync", *map(str, arguments)])


def done(*arguments: object) -> dict[str, Any]:
    """What ``--json`` says of a call that succeeds."""
    result = call(*arguments, "--json")
    assert result.exit_code == 0, result.output
    told: dict[str, Any] = json.loads(result.stdout)
    return told


def test_a_copy_is_made_kept_equal_and_found_equal(
    loaded: Path, copy: Path, tmp_path: Path
) -> None:
    """This is what the command is for, from the first night on."""
    url = f"sqlite:///{copy}"
    first = call("--target", url)
    assert first.exit_code == 0, first.output
    assert query(copy, STORED) == query(loaded, STORED) != []
    assert "\n0 rows were brought over" in call("--target", url).output

    load(write_csv(tmp_path / "b.csv", rows_of(["CC"], [2010, 2011])))
    assert call("--target", url, "--mode", "verify").exit_code == 1
    told = done("--target", url)

    changed = told["tables"]["annual_predictions"]
    assert (changed["inserted"], changed["updated"], changed["deleted"]) == (2, 0, 0)
    assert query(copy, STORED) == query(loaded, STORED)
    equal = call("--target", url, "--mode", "verify")
    assert equal.exit_code == 0
    assert "Equal: no row differs" in equal.output


def test_each_table_has_its_line_of_whole_numbers(loaded: Path, copy: Path) -> None:
    """A number that is cut short by a narrow terminal misleads."""
    lines = call("--target", f"sqlite:///{copy}").output.splitlines()

    assert lines[0].split() == [
        *("source", "rows", "inserted", "updated", "deleted", "unchanged", "kept"),
        *("seconds", "rows/s"),
    ]
    counts = {line.split()[0]: line.split()[1:7] for line in lines[1:5]}
    assert counts["companies"] == ["2", "2", "0", "0", "0", "0"]
    assert counts["annual_predictions"] == ["10", "10", "0", "0", "0", "0"]
    assert lines[5].startswith("14 rows were brought over")
    assert lines[-1] == f"Target: sqlite:///{copy}"
    assert lines[-2] == f"Source: sqlite:///{loaded}"


def test_verify_writes_nothing_and_says_what_differs(loaded: Path, copy: Path) -> None:
    """Whoever compares two databases must not change one of them by it."""
    url = f"sqlite:///{copy}"
    done("--target", url)
    query(copy, "UPDATE annual_predictions SET return_on_assets = 0 WHERE id = 1")
    query(copy, "DELETE FROM annual_predictions WHERE id = 2")
    before = query(copy, STORED)

    result = call("--target", url, "--mode", "verify", "--json")

    assert result.exit_code == 1
    told = json.loads(result.stdout)
    assert not told["equal_before"]
    differing = told["tables"]["annual_predictions"]
    assert (differing["inserted"], differing["updated"]) == (1, 1)
    assert query(copy, STORED) == before
    assert "Not equal: 2 rows differ" in call("--target", url, "--mode=verify").output
    assert done("--target", url, "--mode", "full")["tables"]["annual_predictions"] == {
        **differing,
        "seconds": pytest.approx(0, abs=60),
        "rows_per_second": pytest.approx(0, abs=1e9),
    }
    assert query(copy, STORED) == query(loaded, STORED)


def test_a_year_or_a_range_of_years_is_brought_over_alone(
    loaded: Path, copy: Path
) -> None:
    """One year that is urgently needed does not wait for all the others."""
    url = f"sqlite:///{copy}"
    years = "SELECT DISTINCT reporting_year FROM annual_predictions ORDER BY 1"

    done("--target", url, "--year", "2010")
    assert query(copy, years) == [(2010,)]
    told = done("--target", url, "--year", "2009-2011")

    assert query(copy, years) == [(2009,), (2010,), (2011,)]
    assert {year: y["inserted"] for year, y in told["years"].items()} == {
        "2009": 2,
        "2010": 0,
        "2011": 2,
    }
    done("--target", url)
    assert query(copy, STORED) == query(loaded, STORED)


def test_what_only_the_target_has_goes_or_stays_as_asked(
    loaded: Path, copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some keep in the copy what the source no longer has."""
    url = f"sqlite:///{copy}"
    done("--target", url)
    query(loaded, "DELETE FROM annual_predictions WHERE reporting_year = 2008")

    kept = call("--target", url, "--mode", "full", "--keep")
    assert "2 that only the target has were left there" in kept.output
    monkeypatch.setenv("BULK_PIPELINE_SYNC_DELETE", "false")
    done("--target", url, "--mode", "full")
    assert len(query(copy, STORED)) == 10

    done("--target", url, "--mode", "full", "--delete")
    assert query(copy, STORED) == query(loaded, STORED)


def test_the_settings_name_both_databases_and_options_win(
    loaded: Path, copy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A nightly job has them in its environment, a person types another."""
    monkeypatch.setenv("BULK_PIPELINE_SYNC_TARGET", f"sqlite:///{copy}")
    done("--batch-size", 1, "--workers", 2)
    third = tmp_path / "third.db"
    monkeypatch.setenv("BULK_PIPELINE_SYNC_SOURCE", f"sqlite:///{tmp_path / 'no.db'}")
    told = done("--source", f"sqlite:///{copy}", "--target", f"sqlite:///{third}")

    assert (told["source"], told["target"]) == (
        f"sqlite:///{copy}",
        f"sqlite:///{third}",
    )
    assert query(third, STORED) == query(loaded, STORED)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "BULK_PIPELINE_SYNC_TARGET"),
        (["--target", "postgresql://u:Geheim@h/d"], "--target"),
        (["--target", "sqlite:///{loaded}"], "one database"),
        (["--target", "{url}", "--source", "sqlite:///{missing}"], "{missing}"),
        (["--target", "{url}", "--year", "2015-2010"], "2010-2015"),
    ],
    ids=["no target", "another database", "itself", "no source", "years"],
)
def test_what_cannot_be_is_refused_and_nothing_is_made(
    loaded: Path, copy: Path, tmp_path: Path, arguments: list[str], said: str
) -> None:
    """A mistyped path must not become an empty source, nor a new file."""
    missing = tmp_path / "missing.db"
    words = {"loaded": loaded, "missing": missing, "url": f"sqlite:///{copy}"}

    result = call(*(argument.format(**words) for argument in arguments))

    assert isinstance(result.exception, ConfigurationError)
    assert said.format(**words) in str(result.exception)
    assert "Geheim" not in str(result.exception)
    assert not missing.exists()
    assert not copy.exists()


def test_exit_codes_are_those_of_every_command(loaded: Path, copy: Path) -> None:
    """Scripts tell by them what to do next; cron mails what is on standard error."""
    refused = bulk_pipeline("sync")
    assert refused.returncode == 2
    assert refused.stderr.startswith("Error: BULK_PIPELINE_SYNC_TARGET is not set")
    fine = bulk_pipeline("sync", "--target", f"sqlite:///{copy}")
    assert (fine.returncode, fine.stderr) == (0, "")
    assert click.unstyle(fine.stdout) == fine.stdout


@pytest.mark.parametrize(
    "wrong", [("--batch-size", 0), ("--workers", 9), ("--year", 12), ("--mode", "x")]
)
def test_an_option_that_cannot_be_is_wrong_usage(wrong: tuple[str, object]) -> None:
    """Before any database is asked."""
    result = call("--target", "sqlite:////nowhere/x.db", *wrong)

    assert result.exit_code == 2
    assert wrong[0] in result.output
