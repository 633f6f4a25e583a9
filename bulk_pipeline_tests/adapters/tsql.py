"""What is sent to SQL Server, as text, and whether it is T-SQL.

A test server may take what SQL Server refuses. sqlglot's grammar of T-SQL is a second,
independent opinion on every statement.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import sqlalchemy as sa
import sqlglot
from sqlalchemy.schema import CreateIndex, CreateTable
from sqlglot import exp

from bulk_pipeline.adapters import tables
from bulk_pipeline.adapters.databases.tsql import DIALECT
from bulk_pipeline.adapters.loaders import sqlserver_statements

SQL_FOLDER = Path(__file__).resolve().parents[2] / "docs/sql"

WITHOUT_GRAMMAR = re.compile(
    r"CREATE ROLE \w+"
    r"|EXEC \(N'CREATE SCHEMA \w+ AUTHORIZATION \w+'\)"
    r"|CREATE USER \w+ FOR LOGIN \w+"
    r"|(CREATE|ALTER) LOGIN \w+ WITH PASSWORD = N'[^']*'"
    r"|ALTER ROLE \w+ ADD MEMBER \w+"
    r"|GRANT CREATE TABLE TO \w+"
    r"|GRANT [A-Z, ]+ ON SCHEMA::\w+ TO \w+"
)
"""Statements about rights that sqlglot 30 passes over unread; these are read here."""

_COMMENT = re.compile(r"--.*")
_NAMED_MARK = re.compile(r"%\(\w+\)s")
_SEPARATOR = re.compile(r"^GO\s*$", re.MULTILINE)
_STATEMENT_END = re.compile(r";\s*|\bELSE\b")
_CONDITION = re.compile(r"^IF [A-Z_]+\(N'\w+'(, N'U')?\) IS (NOT )?NULL ")


def ddl() -> dict[str, str]:
    """Text of each statement that makes our tables and their indexes, by name."""
    made: dict[str, sa.schema.ExecutableDDLElement] = {}
    for table in tables.metadata.sorted_tables:
        made[f"table {table.name}"] = CreateTable(table)
        indexes = sorted(table.indexes, key=lambda index: str(index.name))
        made |= {f"index {index.name}": CreateIndex(index) for index in indexes}
    return {
        name: str(element.compile(dialect=DIALECT)) for name, element in made.items()
    }


def of_the_loader() -> dict[str, str]:
    """Text of each statement of a load, by name; the loader lists them itself.

    Add a list of statements here when another module sends some. One that is missing
    is found by the test that listens to a whole load.
    """
    return compiled(sqlserver_statements.statements())


def compiled(statements: Mapping[str, sa.ClauseElement]) -> dict[str, str]:
    """Text of statements as SQL Server gets them, by name."""
    return {
        name: str(statement.compile(dialect=DIALECT))
        for name, statement in statements.items()
    }


def batches(script: Path) -> list[str]:
    """The batches of a script for sqlcmd, without comments and line breaks."""
    text = _COMMENT.sub("", script.read_text(encoding="utf-8"))
    found = [" ".join(batch.split()) for batch in _SEPARATOR.split(text)]
    return [batch for batch in found if batch]


def parts(batch: str) -> Iterator[str]:
    """The statements of a batch of ours, without the conditions before them."""
    for statement in _STATEMENT_END.split(batch):
        if statement:
            yield _CONDITION.sub("", statement).strip()


def as_received(text: str) -> str:
    """A text for mssql-python with the marks that the driver makes of named ones."""
    return _NAMED_MARK.sub("?", text).replace("%%", "%")


def parsed(text: str) -> list[exp.Expr]:
    """The statements of a text.

    Raises:
        sqlglot.ParseError: it is no T-SQL.
        ValueError: sqlglot passed a statement over unread.
    """
    found = [each for each in sqlglot.parse(text, dialect="tsql") if each is not None]
    for statement in found:
        unread = statement.find(exp.Command)
        if unread is not None:
            raise ValueError(f"sqlglot has no grammar for: {unread.sql('tsql')}")
    return found


def constants(text: str) -> set[str]:
    """The constants in a text, as they are written; lengths of types are none."""
    return {
        literal.sql("tsql")
        for statement in parsed(text)
        for literal in statement.find_all(exp.Literal)
        if not isinstance(literal.parent, exp.DataTypeParam)
    }
