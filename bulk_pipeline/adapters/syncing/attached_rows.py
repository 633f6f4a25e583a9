"""The rows of an attached source, with the target's ids in place of the source's."""

from collections.abc import Sequence
from functools import cache
from typing import Any

import sqlalchemy as sa

from bulk_pipeline.adapters.syncing.compared import PARENTS, Compared

SOURCE = "source"
"""The name that the source is attached by."""

PARENT_OF = {parent.table.name: parent for parent in PARENTS}
"""Table → how its rows are told apart."""


@cache
def attached(table: sa.Table) -> sa.FromClause:
    """A table as the source has it, under a name of its own."""
    columns = (sa.Column(c.name, c.type) for c in table.c)
    there = sa.Table(table.name, sa.MetaData(schema=SOURCE), *columns)
    return there.alias(f"{table.name}_there")


@cache
def same_ids(table: sa.Table) -> sa.Table:
    """A temporary table of ids of the source beside the target's ids of those rows."""
    return sa.Table(
        f"same_{table.name}",
        sa.MetaData(schema="temp"),
        sa.Column("there", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("here", sa.Integer, unique=True),
    )


def find_same(compared: Compared) -> sa.Insert:
    """Fill the temporary table of ids, once both sides have the rows."""
    t, s = compared.table, attached(compared.table)
    pairs = sa.select(s.c.id, t.c.id.label("here")).join_from(
        s, t, sa.and_(*(t.c[name] == s.c[name] for name in compared.key))
    )
    ids = same_ids(t)
    return ids.insert().from_select(["there", "here"], pairs)


def relation(
    compared: Compared, where: Sequence[sa.ColumnElement[bool]] = ()
) -> sa.Subquery:
    """The source's rows; an id is null where the target lacks what it names."""
    s = attached(compared.table)
    found: sa.FromClause = s
    columns: list[sa.ColumnElement[Any]] = [s.c.id.label("source_id")]
    for name in compared.columns:
        column: sa.ColumnElement[Any] = s.c[name]
        if name in compared.parents:
            ids = same_ids(compared.parents[name])
            found = found.outerjoin(ids, ids.c.there == column)
            column = ids.c.here.label(name)
        columns.append(column)
    return sa.select(*columns).select_from(found).where(*where).subquery("rows_there")


def staged(
    connection: sa.Connection,
    compared: Compared,
    where: Sequence[sa.ColumnElement[bool]],
) -> sa.FromClause:
    """Some of the source's rows in a temporary table, read once, as ``relation`` has.

    Ids are looked for row by row, which for few rows takes less than all of them beside
    each other. It must not exist, and goes with its connection.
    """
    names = ("source_id", *compared.columns)
    kinds = (sa.Integer(), *(compared.table.c[name].type for name in names[1:]))
    columns = (sa.Column(n, kind) for n, kind in zip(names, kinds, strict=True))
    table = sa.Table(f"few_{compared.table.name}", sa.MetaData(schema="temp"), *columns)
    table.create(connection, checkfirst=False)
    s = attached(compared.table)
    found: sa.FromClause = s
    values: list[sa.ColumnElement[Any]] = [s.c.id]
    for name in compared.columns:
        column: sa.ColumnElement[Any] = s.c[name]
        if name in compared.parents:
            parent = PARENT_OF[compared.parents[name].name]
            there, here = attached(parent.table), parent.table
            same = (here.c[key] == there.c[key] for key in parent.key)
            found = found.outerjoin(there, there.c.id == column)
            found = found.outerjoin(here, sa.and_(*same))
            column = here.c.id
        values.append(column)
    query = sa.select(*values).select_from(found).where(*where)
    connection.execute(table.insert().from_select(names, query))
    return table.alias("rows_there")


def only_here(compared: Compared) -> sa.ColumnElement[bool]:
    """Rows of the target whose key the source does not have."""
    t, s = compared.table, attached(compared.table)
    found: sa.FromClause = s
    same: list[sa.ColumnElement[bool]] = []
    for name in compared.key:
        column: sa.ColumnElement[Any] = s.c[name]
        if name in compared.parents:
            ids = same_ids(compared.parents[name])
            found = found.join(ids, ids.c.there == column)
            column = ids.c.here
        same.append(column == t.c[name])
    query = sa.select(s.c.id).select_from(found).where(*same)
    return ~query.correlate(t).exists()
