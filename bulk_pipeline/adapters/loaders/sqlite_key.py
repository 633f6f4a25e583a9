"""The index of the natural key: left out of a large load and built after its rows.

It is dropped and made again in the transaction of the rows, so nobody else ever sees
the table without it, and whoever is killed half-way leaves the old one.
"""

import contextlib
from collections.abc import Iterator

from bulk_pipeline.adapters.loaders.sqlite_drivers import Driver
from bulk_pipeline.core.errors import AccountingError

TABLE = "annual_predictions"
ROWS_THAT_PAY = 100_000
"""Fewer rows gain less than a tenth of a second."""

STORED_PER_NEW = 0.5
"""Stored rows for each new one up to which it pays to read all of them once more.

Measured with 1,000,000 stored rows: as many new ones take as long either way, a quarter
as many twice as long.
"""


@contextlib.contextmanager
def key_built_last(driver: Driver, rows: int, last_id: int) -> Iterator[None]:
    """A block that inserts rows of distinct, new keys, in whichever way is faster.

    Args:
        driver: an open transaction.
        rows: how many rows the block inserts.
        last_id: the greatest id in the table; at most so many rows are stored.

    Raises:
        AccountingError: a key stands twice after the block.
    """
    if not pays(rows, last_id) or not _is_ours_alone(driver):
        yield
        return
    driver.run("drop_key")
    yield
    try:
        driver.run("create_key")
    except driver.errors as error:
        if "UNIQUE constraint failed" not in str(error):
            raise
        raise AccountingError(
            f"A company has a period twice after {rows} rows were inserted ({error}). "
            "Nothing was stored; report this with the file."
        ) from error


def pays(rows: int, stored: int) -> bool:
    """Whether sorting all keys once is faster than placing each new one."""
    return rows >= ROWS_THAT_PAY and stored <= STORED_PER_NEW * rows


def _is_ours_alone(driver: Driver) -> bool:
    """Whether the index may go for a while.

    A constraint of an older version's table has no text and cannot be dropped, an index
    that somebody changed would come back as ours, and a trigger may search by the key.
    """
    found = driver.rows("in_schema", table=TABLE)
    ours = ("index", driver.text("create_key")) in found
    return ours and all(kind != "trigger" for kind, _ in found)
