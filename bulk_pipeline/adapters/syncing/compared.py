"""What is kept equal, table by table, and the statements that compare and write it.

A statement meets a *relation*: the source's rows with the target's columns and the
target's ids in place of the source's. Where they come from is not its business.
"""

from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import mssql

from bulk_pipeline.adapters.tables import (
    annual_prediction_history,
    annual_predictions,
    companies,
    metadata,
    models,
    uploads,
)
from bulk_pipeline.core.schema import YEAR
from bulk_pipeline.core.upserts import STORED_KEY

_LONGEST_TEXT = 8000  # bytes of a text within a page of SQL Server


@dataclass(frozen=True)
class Compared:
    """One table that is kept equal.

    Attributes:
        table: the table.
        key: columns that name a row, whichever database it is in.
        stamp: the moment at which its row was written last.
        parents: column that holds an id → table whose id it is.
    """

    table: sa.Table
    key: tuple[str, ...]
    stamp: str
    parents: dict[str, sa.Table] = field(default_factory=dict)

    @property
    def columns(self) -> tuple[str, ...]:
        """All columns but the id, which is each database's own."""
        return tuple(c.name for c in self.table.c if c.name != "id")

    @property
    def values(self) -> tuple[str, ...]:
        """The columns that are compared where the key is the same."""
        return tuple(name for name in self.columns if name not in self.key)


MODELS = Compared(models, ("sha256",), "created_at")
UPLOADS = Compared(uploads, ("upload_key",), "last_loaded_at", {"model_id": models})
COMPANIES = Compared(companies, ("symbol",), "updated_at")
PREDICTIONS = Compared(
    annual_predictions,
    STORED_KEY,
    "updated_at",
    {"company_id": companies, "model_id": models, "upload_id": uploads},
)
PARENTS = (MODELS, UPLOADS, COMPANIES)
"""Tables that predictions name, in an order in which their rows can be inserted."""

HISTORY = annual_prediction_history


@dataclass(frozen=True)
class Merge:
    """The statements that bring a table to what a relation has.

    Attributes:
        compared: the table.
        rows: the source's rows that are looked at; their ids there are in the column
            ``source_id``.
        dialect: of the target.
    """

    compared: Compared
    rows: sa.FromClause
    dialect: sa.Dialect

    def moves(self) -> sa.Select[Any]:
        """Rows that are missing or differ: moments there and here, year, how many.

        The moment here is null where the row is missing, the year where the table has
        none.
        """
        t, rows, stamp = self.compared.table, self.rows, self.compared.stamp
        there, here = rows.c[stamp].label("there"), t.c[stamp].label("here")
        groups: list[sa.ColumnElement[Any]] = [rows.c[stamp], t.c[stamp]]
        year: sa.ColumnElement[Any] = sa.null()
        if YEAR.name in rows.c:
            year = rows.c[YEAR.name]
            groups.append(year)
        return (
            sa.select(there, here, year.label("year"), sa.func.count())
            .select_from(rows.outerjoin(t, self._same_key()))
            .where(sa.or_(t.c.id.is_(None), self._differs()))
            .group_by(*groups)
        )

    def insert(self) -> sa.Insert:
        """Insert what is missing."""
        t, rows = self.compared.table, self.rows
        here = sa.select(t.c.id).where(self._same_key())
        missing = self._all().where(~here.correlate(rows).exists())
        return t.insert().from_select(list(self.compared.columns), missing)

    def insert_all(self) -> sa.Insert:
        """Insert every row into a table that holds none of them."""
        names = list(self.compared.columns)
        return self.compared.table.insert().from_select(names, self._all())

    def update(self) -> sa.Update:
        """Give the rows that differ the values of the source."""
        t, rows = self.compared.table, self.rows
        return (
            t.update()
            .where(self._same_key(), self._differs())
            .values({name: rows.c[name] for name in self.compared.values})
        )

    def _all(self) -> sa.Select[Any]:
        # Ids of uploads grow in the order in which they were loaded, here as there.
        rows = self.rows
        found = sa.select(*(rows.c[name] for name in self.compared.columns))
        return found.order_by(rows.c.source_id)

    def _same_key(self) -> sa.ColumnElement[bool]:
        t, rows = self.compared.table, self.rows
        return sa.and_(*(t.c[name] == rows.c[name] for name in self.compared.key))

    def _differs(self) -> sa.ColumnElement[bool]:
        t, rows = self.compared.table, self.rows
        return sa.or_(
            *(
                self._exactly(t.c[name]).is_distinct_from(
                    self._exactly(rows.c[name], t.c[name].type)
                )
                for name in self.compared.values
            )
        )

    def _exactly(
        self, column: sa.ColumnElement[Any], kind: Any = None
    ) -> sa.ColumnElement[Any]:
        """A text that differs where only its case does, which SQL Server ignores."""
        kind = column.type if kind is None else kind
        if self.dialect.name != "mssql" or not isinstance(kind, sa.String):
            return column
        if isinstance(kind, sa.UnicodeText):
            return sa.cast(column, mssql.VARBINARY("max"))  # type: ignore[no-untyped-call]
        return sa.cast(column, sa.VARBINARY(_LONGEST_TEXT))


def naming(table: sa.Table) -> list[sa.Column[Any]]:
    """The columns of all tables that hold an id of this one."""
    return [
        key.parent
        for each in metadata.sorted_tables
        for key in sorted(each.foreign_keys, key=lambda key: key.parent.name)
        if key.column.table is table
    ]
