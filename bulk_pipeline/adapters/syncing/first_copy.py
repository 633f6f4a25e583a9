"""A table's first rows on SQLite: the natural key's index is built after them.

It happens in the transaction of the rows, so nobody else ever sees the table without
its index. See ``loaders.sqlite_key``, which does the same for a load.
"""

import contextlib
from collections.abc import Iterator

import sqlalchemy as sa
from sqlalchemy.schema import CreateIndex

from bulk_pipeline.adapters.loaders.sqlite_key import pays
from bulk_pipeline.adapters.tables import NATURAL_KEY, annual_predictions

_SCHEMA = sa.table(
    "sqlite_master", *(sa.column(n, sa.String) for n in ("type", "tbl_name", "sql"))
)


@contextlib.contextmanager
def key_left_out(connection: sa.Connection, rows: int) -> Iterator[None]:
    """A block that fills the empty table of predictions with distinct keys.

    Args:
        connection: of a transaction that holds the write lock.
        rows: how many the block inserts.
    """
    if not pays(rows, 0) or not _is_ours_alone(connection):
        yield
        return
    NATURAL_KEY.drop(connection, checkfirst=False)
    yield
    NATURAL_KEY.create(connection, checkfirst=False)


def _is_ours_alone(connection: sa.Connection) -> bool:
    """Whether the index may go for a while.

    A constraint of an older version's table cannot be dropped, an index that somebody
    changed would come back as ours, and a trigger may search by the key.
    """
    query = sa.select(_SCHEMA.c.type, _SCHEMA.c.sql)
    query = query.where(_SCHEMA.c.tbl_name == annual_predictions.name)
    found = [(kind, text) for kind, text in connection.execute(query)]
    ours = str(CreateIndex(NATURAL_KEY).compile(connection))
    return ("index", ours) in found and all(kind != "trigger" for kind, _ in found)
