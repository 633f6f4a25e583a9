"""Laws of the log of whole commands: what happened, and no row and no password."""

import re
from pathlib import Path

import pytest
import sqlalchemy as sa

from bulk_pipeline_tests.adapters.test_logs import LINE
from bulk_pipeline_tests.builders import rows_of, write_csv
from bulk_pipeline_tests.cli.command import bulk_pipeline, results

HORSE = "Wr0ng-Horse"
NAMES = ("QQXSYMBOL", "Unmistakable Holdings", "Rare Sector", "24.111", "98765.25")


@pytest.fixture
def sent(tmp_path: Path) -> Path:
    """A file whose values stand nowhere else; one row of it is rejected."""
    rows = rows_of(["QQXSYMBOL", "QQXSYMBOLB"], range(2001, 2004))
    for row in rows:
        row |= {"company_name": "Unmistakable Holdings", "sector": "Rare Sector"}
        row |= {"total_debt_to_ebitda": "98765.25"}
    rows[1]["reporting_year"] = "Unmistakable Holdings"
    return write_csv(tmp_path / "sent.csv", rows)


def test_a_load_tells_its_operator_what_it_did_and_no_row(
    home: Path, sent: Path, tmp_path: Path
) -> None:
    """A log is copied into tickets and mails, where company data must not be."""
    log = tmp_path / "pipeline.log"
    done = bulk_pipeline(
        *("ingest", sent, "--json"),
        BULK_PIPELINE_LOG_LEVEL="DEBUG",
        BULK_PIPELINE_LOG_FILE=str(log),
    )
    [upload] = results(done)
    lines = log.read_text(encoding="utf-8").splitlines()

    assert upload["rejected"] == 1
    assert all(LINE.fullmatch(line) for line in lines)
    for said in (
        "1 file, .* bytes claimed",
        "run .* begins",
        "load of 5 rows begins",
        r"load ended after .* s; rows_read 6, inserted 5, .* rejected 1",
        "DEBUG .* seconds of its stages: read",
    ):
        assert [line for line in lines if re.search(said, line)], said
    ours = [line for line in done.stderr.splitlines() if LINE.fullmatch(line)]
    assert ours == lines
    for name in NAMES:
        assert name not in log.read_text(encoding="utf-8")
    assert home.exists()
    quiet = bulk_pipeline("ingest", sent, "--json")
    assert [line for line in quiet.stderr.splitlines() if LINE.fullmatch(line)] == []


def test_a_level_that_is_none_ends_every_command_as_a_wrong_setting(
    home: Path,
) -> None:
    """It is found at the start and by name, not after a load without its log."""
    done = bulk_pipeline("uploads", BULK_PIPELINE_LOG_LEVEL="loud")
    assert done.returncode == 2
    assert done.stderr.startswith("Error: BULK_PIPELINE_LOG_LEVEL must be one of")
    assert not home.exists() or done.stdout == ""


def test_a_password_is_in_no_line_even_where_the_database_does_not_answer(
    home: Path, tmp_path: Path
) -> None:
    """Drivers put what they were given into their errors, and errors into logs."""
    pytest.importorskip("mssql_python")
    log = tmp_path / "pipeline.log"
    done = bulk_pipeline(
        *("export", "--all", "--out", tmp_path / "out.csv"),
        DATABASE_URL=f"mssql+mssqlpython://sa:{HORSE}@127.0.0.1:9/x?Encrypt=no",
        BULK_PIPELINE_LOG_LEVEL="DEBUG",
        BULK_PIPELINE_LOG_FILE=str(log),
        BULK_PIPELINE_RETRIES="2",
        BULK_PIPELINE_CONNECT_SECONDS="1",
    )
    assert done.returncode == 1
    assert home.exists()
    assert "Tried again in" in log.read_text(encoding="utf-8")
    for text in (log.read_text(encoding="utf-8"), done.stderr, done.stdout):
        assert HORSE not in text


def test_a_password_that_a_server_takes_is_in_no_line(
    mssql_url: sa.URL, home: Path, sent: Path, tmp_path: Path
) -> None:
    """The password that works is the one that must not be copied into a ticket."""
    log = tmp_path / "pipeline.log"
    told = {
        "DATABASE_URL": mssql_url.render_as_string(hide_password=False),
        "BULK_PIPELINE_LOG_LEVEL": "DEBUG",
        "BULK_PIPELINE_LOG_FILE": str(log),
    }
    out = tmp_path / "out.csv"
    done = [
        bulk_pipeline("ingest", sent, "--json", **told),
        bulk_pipeline("export", "--all", "--out", out, **told),
        bulk_pipeline("doctor", "--all", "--json", **told),
    ]
    assert [one.returncode for one in done[:2]] == [0, 0]
    assert home.exists()
    assert "load ended after" in log.read_text(encoding="utf-8")
    said = [one.stdout + one.stderr for one in done]
    for text in (log.read_text(encoding="utf-8"), *said):
        assert str(mssql_url.password) not in text
