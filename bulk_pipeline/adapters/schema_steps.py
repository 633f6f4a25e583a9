"""Steps from one version of the tables to the next.

A step changes what an older version made: tables that are new are made before it. It
looks first and leaves alone what is already as it should be. A step that was released
is never changed, since files of users have taken it.
"""

from collections.abc import Callable, Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.schema import ExecutableDDLElement
from sqlalchemy.sql.compiler import DDLCompiler

from bulk_pipeline.adapters.column_types import code


class AddColumn(ExecutableDDLElement):
    """``ALTER TABLE .. ADD`` of a nullable column, last in its table."""

    inherit_cache = False

    def __init__(self, column: sa.Column[Any]) -> None:
        self.column = column


@compiles(AddColumn)
def _add_column(element: AddColumn, compiler: DDLCompiler, **options: Any) -> str:
    del options
    table = compiler.preparer.format_table(element.column.table)
    return (
        f"ALTER TABLE {table} ADD {compiler.get_column_specification(element.column)}"
    )


def _add(connection: sa.Connection, table: str, column: sa.Column[Any]) -> None:
    there = {found["name"] for found in sa.inspect(connection).get_columns(table)}
    if column.name not in there:
        sa.Table(table, sa.MetaData(), column)
        connection.execute(AddColumn(column))


def _receipts_name_their_attempt(connection: sa.Connection) -> None:
    """1 → 2: which publishing attempt wrote a receipt last."""
    _add(connection, "uploads", sa.Column("load_id", code(32)))


STEPS: Mapping[int, Callable[[sa.Connection], None]] = {
    1: _receipts_name_their_attempt,
}
"""Version → the step from it to the next one, in order."""
