"""Laws of ``bulk-pipeline template``: what it writes can be loaded at once."""

import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import openpyxl

from bulk_pipeline_tests.cli.command import bulk_pipeline
from bulk_pipeline_tests.cli.test_commands import call


def test_an_untouched_template_stores_its_one_row(home: Path, tmp_path: Path) -> None:
    """The first try of a new user shows that the whole way works."""
    path = tmp_path / "accounts.xlsx"
    said = call("template", path)
    loaded = call("ingest", path)

    assert f"bulk-pipeline ingest {path}" in said
    assert "1 row read = 1 inserted + 0 updated + 0 duplicates + 0 rejected" in loaded
    with closing(sqlite3.connect(home / "bulk_pipeline.db")) as database:
        query = (
            "SELECT symbol, reporting_year, reporting_quarter FROM annual_predictions"
            " JOIN companies ON companies.id = company_id"
        )
        last_year = datetime.now(UTC).year - 1
        assert database.execute(query).fetchall() == [("EXAMPLE", last_year, "Q4")]


def test_next_year_is_the_last_that_may_be_typed(tmp_path: Path) -> None:
    """A template of today must not refuse what the load would take."""
    path = tmp_path / "accounts.xlsx"
    call("template", path)
    rules = openpyxl.load_workbook(path)["Accounts"].data_validations.dataValidation

    (year,) = [rule for rule in rules if rule.type == "whole"]
    assert year.formula2 == str(datetime.now(UTC).year + 1)


def test_a_filled_in_file_is_kept_unless_forced(tmp_path: Path) -> None:
    """The same command typed again must not wipe out a day's work."""
    path = tmp_path / "accounts.xlsx"
    path.write_text("a day's work")
    refused = bulk_pipeline("template", path)

    assert refused.returncode == 2
    assert str(path) in refused.stderr
    assert "--force" in refused.stderr
    assert path.read_text() == "a day's work"
    call("template", path, "--force")
    assert openpyxl.load_workbook(path).sheetnames == ["Accounts", "Notes"]


def test_another_suffix_gives_exit_code_2(tmp_path: Path) -> None:
    """A script must tell a typing mistake from a failure."""
    refused = bulk_pipeline("template", tmp_path / "accounts.csv")

    assert refused.returncode == 2
    assert "accounts.xlsx" in refused.stderr
    assert not (tmp_path / "accounts.csv").exists()
