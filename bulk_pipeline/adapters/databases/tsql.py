"""SQL Server's dialect without a connection: names and positional parameters."""

from typing import cast

import sqlalchemy as sa
from sqlalchemy.dialects import mssql

DIALECT = cast("sa.Dialect", mssql.dialect(paramstyle="qmark"))  # type: ignore[no-untyped-call]


def quoted(table: sa.Table) -> str:
    """A table's name as a statement has it, in brackets where it needs them."""
    return DIALECT.identifier_preparer.format_table(table)
