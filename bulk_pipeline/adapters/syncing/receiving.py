"""The target of rows that come over a wire."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import sqlalchemy as sa

from bulk_pipeline.adapters.database import Database
from bulk_pipeline.adapters.syncing.opening import is_file, reading_only
from bulk_pipeline.core.errors import TransientError
from bulk_pipeline.core.syncing import SyncMode, SyncOptions

T = TypeVar("T")


class SourceChanged(TransientError):
    """The source showed other rows than it had a moment before."""

    def __init__(self, what: str) -> None:
        super().__init__(
            f"The source changed {what} while it was read, and offers no snapshot. "
            "What only the target has was not deleted; the two are compared again."
        )


@dataclass(frozen=True)
class Receiving:
    """The target, and what is asked for.

    Attributes:
        target: where the rows go.
        options: what is asked for.
    """

    target: Database
    options: SyncOptions

    @property
    def writes(self) -> bool:
        """Whether anything but rows beside the tables may be written."""
        return self.options.mode is not SyncMode.VERIFY

    @property
    def deletes(self) -> bool:
        """Whether rows that only the target has are deleted."""
        return self.writes and self.options.delete

    def transaction(self, change: Callable[[sa.Connection], T]) -> T:
        """Run a transaction under the write lock; to verify a file, without it.

        A server's rows beside the tables are heaps, which only a transaction with the
        lock may have.
        """
        if self.writes or not is_file(self.target):
            return self.target.writing(change)
        with reading_only(self.target) as connection:
            return change(connection)

    def looking(self, look: Callable[[sa.Connection], T]) -> T:
        """Run queries that wait for no writer."""
        with self.target.reading() as connection:
            return look(connection)
