"""Laws of ``bulk-pipeline ingest``: what it prints, stores, and returns."""

import math
import sqlite3
from pathlib import Path

import pytest

from bulk_pipeline_tests.builders import ROW, rows_of, write_csv
from bulk_pipeline_tests.cli.command import bulk_pipeline, results

SHARED = Path(__file__).resolve().parents[3] / "shared"
REAL = SHARED / "data" / "annual_predictions_part_1.xlsx"
KEYS = {
    "key",
    "file",
    "sha256",
    "state",
    "rows_read",
    "inserted",
    "updated",
    "duplicates",
    "duplicates_conflicting",
    "rejected",
    "reject_file",
    "seconds",
    "stages",
    "rows_per_second",
    "tier",
    "peak_memory_bytes",
    "run_id",
    "message",
}
STAGES = {"read", "clean", "companies", "score", "duplicates", "load"}


@pytest.mark.skipif(not REAL.exists(), reason="shared/data is not beside the checkout")
def test_the_real_file_gives_the_golden_figures(home: Path) -> None:
    """These figures were taken from the system that this one replaces."""
    [upload] = results(bulk_pipeline("ingest", REAL, "--json"))

    counts = [upload[n] for n in ("rows_read", "inserted", "duplicates", "rejected")]
    assert counts == [2475, 2466, 9, 0]
    assert upload["duplicates_conflicting"] == 0
    query = "select risk_level, count(*) from annual_predictions group by 1"
    with sqlite3.connect(home / "bulk_pipeline.db") as database:
        levels = dict(database.execute(query).fetchall())
        scores = database.execute("select probability from annual_predictions")
        total = math.fsum(score for (score,) in scores)
    assert levels == {"LOW": 540, "MEDIUM": 1926}
    assert total == pytest.approx(57.28843432367688, rel=1e-12)


def test_json_is_one_object_with_every_figure(tmp_path: Path) -> None:
    """Programs read this: a stray line on standard output breaks them."""
    path = write_csv(tmp_path / "accounts.csv", rows_of(["AA"], range(2001, 2004)))
    done = bulk_pipeline("ingest", path, "--json")

    assert done.returncode == 0
    assert done.stderr == ""
    [upload] = results(done)
    assert set(upload) >= KEYS
    assert set(upload["stages"]) == STAGES
    assert (upload["state"], upload["inserted"]) == ("loaded", 3)
    assert upload["peak_memory_bytes"] > 0
    assert upload["rows_per_second"] > 0
    assert path.exists()


def test_a_file_that_was_loaded_before_is_repeated_under_any_name(
    tmp_path: Path,
) -> None:
    """People send a file twice, and rename it; both must be harmless and said."""
    path = write_csv(tmp_path / "first.csv", [ROW])
    [first] = results(bulk_pipeline("ingest", path, "--json"))
    again = bulk_pipeline("ingest", path.rename(tmp_path / "second.csv"), "--json")

    [second] = results(again)
    assert again.returncode == 0
    assert second["state"] == "repeated"
    assert first["key"] in second["message"]
    assert "first.csv" in second["message"]


def test_a_failed_file_among_good_ones_is_named_and_gives_exit_code_1(
    tmp_path: Path,
) -> None:
    """Scripts look at the exit code, people at the name of the file."""
    good = write_csv(tmp_path / "good.csv", [ROW])
    bad = tmp_path / "bad.csv"
    bad.write_text("company_symbol,reporting_year\nAA,2001\n")
    done = bulk_pipeline("ingest", good, bad)

    assert done.returncode == 1
    assert "good.csv: loaded" in done.stdout
    assert "bad.csv: failed" in done.stdout
    assert "return_on_assets" in done.stdout


def test_the_screen_shows_where_everything_is(home: Path, tmp_path: Path) -> None:
    """The next question after a load is where the rows and the rejects are."""
    rows = [*rows_of(["AA"], range(2001, 2010)), {**ROW, "reporting_year": "soon"}]
    done = bulk_pipeline("ingest", write_csv(tmp_path / "accounts.csv", rows))

    assert "10 rows read = 9 inserted + 0 updated + 0 duplicates + 1 rejected" in (
        done.stdout
    )
    assert "rejected, not_a_year: 1" in done.stdout
    assert f"Database: sqlite:///{home / 'bulk_pipeline.db'}" in done.stdout
    assert str(home / "rejects") in done.stdout
    assert "tier STANDARD" in done.stdout


def test_update_replaces_and_skip_lists_what_differs(tmp_path: Path) -> None:
    """Both are asked for: a correction must win, a mistake must not."""
    path = write_csv(tmp_path / "a.csv", [ROW])
    bulk_pipeline("ingest", path)
    changed = {**ROW, "net_income_margin": "7.5"}
    other = write_csv(tmp_path / "b.csv", [changed])
    [skipped] = results(bulk_pipeline("ingest", other, "--json"))
    [updated] = results(
        bulk_pipeline("ingest", other, "--on-conflict", "update", "--json")
    )

    assert (skipped["duplicates"], skipped["duplicates_conflicting"]) == (1, 1)
    listed = Path(skipped["reject_file"]).read_text()
    assert "net_income_margin" in listed
    assert "7.5" in listed
    assert "-24.182" in listed
    assert updated["updated"] == 1


def test_wrong_usage_gives_exit_code_2(tmp_path: Path) -> None:
    """A script must tell a typing mistake from a bad file."""
    path = write_csv(tmp_path / "a.csv", [ROW])

    assert bulk_pipeline("ingest").returncode == 2
    assert bulk_pipeline("ingest", tmp_path / "none.csv").returncode == 2
    bad_setting = bulk_pipeline("ingest", path, ULTRA_BATCH_SIZE="many")
    assert bad_setting.returncode == 2
    assert "ULTRA_BATCH_SIZE" in bad_setting.stderr


def test_no_password_is_ever_printed(tmp_path: Path) -> None:
    """Terminals are shared, logged and photographed."""
    path = write_csv(tmp_path / "a.csv", [ROW])
    url = "mssql+pyodbc://sa:hunter2@example.invalid/db"
    by_variable = bulk_pipeline("ingest", path, DATABASE_URL=url)
    by_option = bulk_pipeline("ingest", path, "--database", url, "--json")

    for done in (by_variable, by_option):
        assert done.returncode == 2
        assert "hunter2" not in done.stdout + done.stderr


def test_a_database_of_ones_own_is_used(tmp_path: Path) -> None:
    """``--database`` is for a trial beside the real one."""
    path = write_csv(tmp_path / "a.csv", [ROW])
    target = tmp_path / "other" / "own.db"
    done = bulk_pipeline("ingest", path, "--database", f"sqlite:///{target}")

    assert done.returncode == 0
    with sqlite3.connect(target) as database:
        [(count,)] = database.execute("select count(*) from annual_predictions")
    assert count == 1
