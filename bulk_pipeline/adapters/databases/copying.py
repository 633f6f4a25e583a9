"""Copying rows in bulk into a table of SQL Server, over several connections."""

import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol, TypeVar

import polars as pl
import sqlalchemy as sa

T = TypeVar("T")


class Copier(Protocol):
    """One driver's fastest way in."""

    def copy(self, table: sa.Table, frames: Iterable[pl.DataFrame]) -> int:
        """Append rows to a committed table, outside of anybody's transaction.

        Args:
            table: where to; its columns are matched by name.
            frames: rows, all of one schema, made while they are sent.

        Returns:
            How many rows the server took.

        Raises:
            TransientError: the way there broke; some rows may be in the table.
            PermanentError: the server or the driver refused a value.
        """


class Shared(Iterator[T]):
    """One iterator for several threads; after a failure in one the others end."""

    def __init__(self, items: Iterable[T]) -> None:
        self._items = iter(items)
        self._lock = threading.Lock()
        self._stopped = False

    def __next__(self) -> T:
        with self._lock:
            if self._stopped:
                raise StopIteration
            return next(self._items)

    def stop(self) -> None:
        """Give nothing to anybody any more."""
        self._stopped = True


def in_streams(
    copy: Callable[[Iterator[T]], int], items: Iterable[T], streams: int
) -> int:
    """Give items to several threads and add up what they return.

    Args:
        copy: consumes an iterator of items and returns the rows it copied.
        items: made one at a time, in whichever thread asks for the next.
        streams: number of threads.

    Raises:
        Exception: the first that a thread raised.
    """
    shared = Shared(items)

    def one() -> int:
        try:
            return copy(shared)
        except BaseException:
            shared.stop()
            raise

    if streams == 1:
        return one()
    with ThreadPoolExecutor(streams) as pool:
        return sum(done.result() for done in [pool.submit(one) for _ in range(streams)])
