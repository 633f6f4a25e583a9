"""Rows of models, uploads and companies that only the target has: deleted, or kept.

A row stays as long as rows of the target name it: its history belongs to it alone, and
what that names must not go.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

import sqlalchemy as sa

from bulk_pipeline.adapters.databases.portions import portions
from bulk_pipeline.adapters.syncing.compared import (
    COMPANIES,
    HISTORY,
    MODELS,
    UPLOADS,
    Compared,
    naming,
)
from bulk_pipeline.adapters.syncing.merging import require_equal
from bulk_pipeline.core.syncing import SyncMode, SyncOptions, TableCounts


def _named(
    connection: sa.Connection, ids: Sequence[int], columns: Sequence[sa.Column[int]]
) -> list[int]:
    """Those of some ids that stand in one of these columns."""
    found: set[int] = set()
    for some in portions(ids):
        for column in columns:
            query = sa.select(column).where(column.in_(some)).distinct()
            found |= set(connection.scalars(query))
    return sorted(found)


def kept_by_rows(
    connection: sa.Connection, compared: Compared, ids: Sequence[int]
) -> list[int]:
    """Those of some ids that rows of the target name as they are now."""
    return _named(connection, ids, naming(compared.table))


def kept_by_history(
    connection: sa.Connection,
    compared: Compared,
    ids: Sequence[int],
    uploads_kept: Sequence[int],
) -> list[int]:
    """Those of some ids that the target would name once predictions were equal.

    Args:
        connection: to the target.
        compared: their table.
        ids: rows that only the target has.
        uploads_kept: ids of uploads that would be kept, which keep their models.
    """
    columns = [c for c in naming(compared.table) if c.table is HISTORY]
    found = set(_named(connection, ids, columns))
    u = UPLOADS.table.c
    if UPLOADS.parents.get("model_id") is compared.table:
        for some in portions(uploads_kept):
            query = sa.select(u.model_id).where(u.id.in_(some))
            found |= set(connection.scalars(query)) & set(ids)
    return sorted(found)


def part(
    connection: sa.Connection,
    options: SyncOptions,
    tables: dict[str, TableCounts],
    ids_only_here: Callable[[sa.Connection, Compared], list[int]],
) -> dict[str, TableCounts]:
    """Delete the parents that only the target has and nothing of it names.

    Args:
        connection: to the target, in a transaction.
        options: verify, and whoever does not delete, only counts.
        tables: what became of each table; ``deleted`` are all that only the target has.
        ids_only_here: the ids of a table's rows that only the target has, still.

    Returns:
        The same with ``deleted`` and ``kept`` told apart.

    Raises:
        AccountingError: other rows were deleted than were meant.
    """
    tables = dict(tables)
    deletes = options.mode is not SyncMode.VERIFY and options.delete
    uploads_kept: list[int] = []
    for compared in (COMPANIES, UPLOADS, MODELS):
        name = compared.table.name
        counts, kept, gone = tables[name], [], []
        if counts.deleted:
            ids = ids_only_here(connection, compared)
            if deletes:
                kept = kept_by_rows(connection, compared, ids)
            else:
                kept = kept_by_history(connection, compared, ids, uploads_kept)
            gone = sorted(set(ids).difference(kept))
        if deletes and gone:
            delete(connection, compared, gone)
        uploads_kept = kept if compared is UPLOADS else []
        tables[name] = replace(counts, deleted=len(gone), kept=len(kept))
    return tables


def delete(connection: sa.Connection, compared: Compared, ids: Sequence[int]) -> None:
    """Delete rows by their ids.

    Raises:
        AccountingError: not all of them were there.
    """
    t = compared.table
    done = sum(
        connection.execute(t.delete().where(t.c.id.in_(some))).rowcount
        for some in portions(ids)
    )
    require_equal(compared, "deleted", len(ids), done)
