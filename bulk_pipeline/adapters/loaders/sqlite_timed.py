"""A driver of SQLite with a watch: how many statements, how long, how long a wait."""

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import polars as pl

from bulk_pipeline.adapters.loaders.sqlite_drivers import Driver
from bulk_pipeline.core.metrics import DatabaseFigures


class TimedDriver:
    """Another driver, with the time of each of its statements; see ``Driver``.

    Attributes:
        asked: what its statements cost until now. One connection is in use.
    """

    def __init__(self, driver: Driver) -> None:
        self._driver = driver
        self.asked = DatabaseFigures(connections_most_in_use=1)

    def begin(self) -> None:
        """Begin a transaction that writes, once no other writer is at work."""
        started = time.perf_counter()
        self._driver.command("BEGIN IMMEDIATE")
        self.asked += DatabaseFigures.of_wait(time.perf_counter() - started)

    @contextmanager
    def _timed(self) -> Iterator[None]:
        started = time.perf_counter()
        try:
            yield
        finally:
            self.asked += DatabaseFigures.of_statement(time.perf_counter() - started)

    @property
    def errors(self) -> type[Exception]:
        return self._driver.errors

    def text(self, name: str) -> str:
        return self._driver.text(name)

    def command(self, text: str) -> None:
        with self._timed():
            self._driver.command(text)

    def run(self, name: str, /, **values: Any) -> None:
        with self._timed():
            self._driver.run(name, **values)

    def rows(self, name: str, /, **values: Any) -> list[tuple[Any, ...]]:
        with self._timed():
            return self._driver.rows(name, **values)

    def frame(self, name: str) -> pl.DataFrame:
        with self._timed():
            return self._driver.frame(name)

    def append(self, table: str, frames: Iterable[pl.DataFrame], **numbers: int) -> int:
        with self._timed():
            return self._driver.append(table, frames, **numbers)

    def rollback(self) -> None:
        self._driver.rollback()

    def close(self) -> None:
        self._driver.close()
