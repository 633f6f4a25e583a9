"""Every statement for SQL Server is T-SQL, and holds no value of anybody's data."""

from pathlib import Path

import pytest
import sqlalchemy as sa
import sqlglot
from click.testing import CliRunner
from sqlglot import exp

from bulk_pipeline.adapters import tables
from bulk_pipeline.cli import cli
from bulk_pipeline.core.schema import RATIOS
from bulk_pipeline_tests.adapters import tsql
from bulk_pipeline_tests.builders import rows_of, write_csv

SCRIPTS = sorted(tsql.SQL_FOLDER.glob("*.sql"))
BATCHES = [
    pytest.param(batch, id=f"{script.name} {number}")
    for script in SCRIPTS
    for number, batch in enumerate(tsql.batches(script), 1)
]
LOADER = tsql.of_the_loader()
FLAGS = {"0", "1"}
"""Constants of the statements themselves, which say yes and no."""


@pytest.mark.parametrize("text", tsql.ddl().values(), ids=tsql.ddl().keys())
def test_what_makes_a_table_is_tsql(text: str) -> None:
    """Tables are made once, on a server that no test has seen."""
    assert len(tsql.parsed(text)) == 1


@pytest.mark.parametrize("text", LOADER.values(), ids=LOADER.keys())
def test_a_statement_of_a_load_is_tsql(text: str) -> None:
    """A test server may be more lenient than SQL Server is."""
    assert len(tsql.parsed(text)) == 1


@pytest.mark.parametrize("text", LOADER.values(), ids=LOADER.keys())
def test_a_statement_of_a_load_holds_no_value(text: str) -> None:
    """A value in the text is read as SQL sooner or later, and has no cached plan."""
    assert tsql.constants(text) <= FLAGS


@pytest.mark.parametrize("text", LOADER.values(), ids=LOADER.keys())
def test_a_load_does_not_merge(text: str) -> None:
    """MERGE takes no lock on a key that is not there, and two loads collide."""
    assert not any(each.find(exp.Merge) for each in tsql.parsed(text))


@pytest.mark.parametrize("batch", BATCHES)
def test_a_batch_of_a_script_is_tsql(batch: str) -> None:
    """An administrator runs these scripts once, and never if they fail."""
    for statement in tsql.parts(batch):
        if not tsql.WITHOUT_GRAMMAR.fullmatch(statement):
            tsql.parsed(statement)
    assert sqlglot.parse(batch, dialect="tsql")


def test_what_is_no_tsql_is_noticed() -> None:
    """A parser that takes anything says nothing."""
    for text in ("SELECT FROM WHERE", "INSERT a VALUES", "CREATE TABLE t (a int"):
        with pytest.raises(sqlglot.ParseError):
            tsql.parsed(text)
    with pytest.raises(ValueError, match="no grammar"):
        tsql.parsed("CREATE ROLE r")


def test_the_grants_name_our_tables_and_no_other() -> None:
    """A table without its grant fails the first load; one too many opens a door."""
    granted: dict[str, set[str]] = {}
    for batch in tsql.batches(tsql.SQL_FOLDER / "grants.sql"):
        for statement in tsql.parts(batch):
            if tsql.WITHOUT_GRAMMAR.fullmatch(statement):
                continue
            for grant in [
                g for s in tsql.parsed(statement) for g in s.find_all(exp.Grant)
            ]:
                rights = {str(right) for right in grant.args["privileges"]}
                granted[str(grant.args["securable"])] = rights
                assert f"OBJECT_ID(N'{grant.args['securable']}', N'U')" in batch

    change = {"SELECT", "INSERT", "UPDATE", "DELETE"}
    wanted = {f"dbo.{name}": change for name in tables.metadata.tables}
    assert granted == wanted | {"dbo.schema_version": {"SELECT"}}


def test_the_scripts_hold_no_secret() -> None:
    """A password in a repository is everybody's."""
    for script in SCRIPTS:
        for line in script.read_text().splitlines():
            if "PASSWORD =" in line:
                assert "N'$(" in line


def _load_twice(url: sa.URL, folder: Path, monkeypatch) -> None:
    """Two real batches in this process, the second of them over the rows of the first.

    The command is used, since what it goes through is what users go through.
    """
    monkeypatch.setenv("DATABASE_URL", url.render_as_string(hide_password=False))
    for number, ratio in enumerate(("1.5", "2.5")):
        rows = [row | {RATIOS[0]: ratio} for row in rows_of(["AA", "BB"], [2001, 2002])]
        path = write_csv(folder / f"{number}.csv", rows)
        done = CliRunner().invoke(cli, ["ingest", str(path), "--on-conflict", "update"])
        assert done.exit_code == 0, done.output


def test_all_that_a_load_sends_is_tsql(mssql_url, tmp_path, monkeypatch) -> None:
    """Statements that are listed nowhere are sent, too."""
    heard: set[str] = set()

    def listen(connection, cursor, statement, *_) -> None:
        if connection.dialect.name == "mssql":
            heard.add(tsql.as_received(statement))

    sa.event.listen(sa.Engine, "before_cursor_execute", listen)
    try:
        _load_twice(mssql_url, tmp_path, monkeypatch)
    finally:
        sa.event.remove(sa.Engine, "before_cursor_execute", listen)
    assert any("INSERT INTO annual_predictions" in text for text in heard)
    for text in heard:
        assert not any(each.find(exp.Merge) for each in tsql.parsed(text))
