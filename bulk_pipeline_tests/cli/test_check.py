"""Laws of ``bulk-pipeline check``: it says what a load would do, and does nothing."""

import csv
import json
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from click.testing import CliRunner, Result

from bulk_pipeline.cli import cli
from bulk_pipeline.core.schema import RATIOS
from bulk_pipeline_tests.builders import ROW, rows_of, write_csv
from bulk_pipeline_tests.cli.command import bulk_pipeline, results


def call(*arguments: object) -> Result:
    """A command in this process."""
    told = [str(argument) for argument in arguments]
    return CliRunner().invoke(cli, ["check", *told], catch_exceptions=False)


def document(*arguments: object) -> list[dict[str, Any]]:
    """What the command says to programs."""
    files: list[dict[str, Any]] = json.loads(call(*arguments, "--json").stdout)["files"]
    return files


@pytest.fixture
def mixed(tmp_path: Path) -> Path:
    """Two good rows, a duplicate, a conflicting one, two rejects, a placeholder."""
    rows = [
        *rows_of(["AA"], [2001, 2002]),
        *rows_of(["AA"], [2001]),
        {**rows_of(["AA"], [2002])[0], "return_on_assets": "1"},
        {**ROW, "reporting_year": "soon"},
        {**ROW, "return_on_assets": "1e400"},
        {
            **ROW,
            "company_symbol": "BB",
            "market_cap": "",
            "total_debt_to_ebitda": "1e8",
        },
    ]
    return write_csv(tmp_path / "mixed.csv", rows)


def test_a_check_says_what_the_load_then_does(mixed: Path) -> None:
    """A promise about a file is worth nothing if the load counts otherwise."""
    [said] = document(mixed)
    [done] = results(bulk_pipeline("ingest", mixed, "--json"))
    assert said["rows_read"] == done["rows_read"] == 7
    assert said["storable"] == done["inserted"] == 3
    for count in ("duplicates", "duplicates_conflicting", "rejected"):
        assert said[count] == done[count]
    assert said["rejected_by_reason"] == done["rejected_by_reason"]
    assert {*said["notices"]} == {*done["notices"]} - {"conflicting_duplicates"}
    assert [*said["warnings"]] == done["warnings"][: len(said["warnings"])]


def test_a_check_leaves_nothing_behind(mixed: Path, home: Path, tmp_path: Path) -> None:
    """People check a file on a machine where nothing is installed but the command."""
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    assert call(mixed).exit_code == 0
    assert not home.exists()
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before


def test_reasons_and_warnings_are_sentences(mixed: Path) -> None:
    """A code alone sends people to the documents."""
    said = call(mixed).output
    assert "mixed.csv: can be loaded" in said
    assert "7 rows read = 3 to store + 2 duplicates + 2 rejected" in said
    assert "1 of the duplicates have other values" in said
    assert "rejected, not_finite: 1. The number is infinite" in said
    assert "warning: 1 cell holds exactly 100000000" in said


def test_a_file_that_cannot_be_read_is_named_beside_the_others(
    mixed: Path, tmp_path: Path
) -> None:
    """One bad file must not hide what there is to say of the good ones."""
    bad = tmp_path / "prose.csv"
    bad.write_text("Dear colleague,\nplease find attached\n")
    done = call(bad, mixed)
    assert done.exit_code == 1
    assert "prose.csv: cannot be loaded\n  Needed columns are missing" in done.output
    assert "mixed.csv: can be loaded" in done.output
    states = [file["state"] for file in document(bad, mixed)]
    assert states == ["refused", "read"]


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_rejects_are_written_where_they_are_asked_for(
    mixed: Path, tmp_path: Path, kind: str
) -> None:
    """Whoever sent the file mends the list and not the whole file."""
    folder = tmp_path / "to mend"
    (tmp_path / "other").mkdir()
    twin = tmp_path / "other/mixed.csv"
    twin.write_bytes(mixed.read_bytes())
    files = document(mixed, twin, "--rejects", folder, "--format", kind)
    paths = [Path(file["reject_file"]) for file in files]
    assert len({*paths}) == 2
    assert {path.suffix for path in paths} == {f".{kind}"}
    assert {*folder.iterdir()} == {*paths}
    for path in paths:
        if kind == "csv":
            rows = [*csv.reader(path.open(newline="", encoding="utf-8"))]
        else:
            sheet = openpyxl.load_workbook(path).active
            rows = [[str(cell) for cell in row] for row in sheet.values]
        assert [row[:2] for row in rows] == [
            ["line", "outcome"],
            ["5", "duplicate_conflicting"],
            ["6", "rejected"],
            ["7", "rejected"],
        ]


def test_a_setting_counts_for_a_check(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is tried out here first, before a load."""
    row = {**ROW, **dict.fromkeys(RATIOS, "3,711")}
    path = write_csv(tmp_path / "comma.csv", [row])
    assert "BULK_PIPELINE_DECIMAL" in document(path)[0]["message"]
    monkeypatch.setenv("BULK_PIPELINE_DECIMAL", "point")
    assert document(path)[0]["storable"] == 1
    monkeypatch.setenv("BULK_PIPELINE_MAX_COLUMNS", "3")
    assert "at most 3 are read" in document(path)[0]["message"]
