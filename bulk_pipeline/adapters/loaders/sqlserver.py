"""The SQL Server loader: rows staged in bulk, then moved by one short transaction."""

import contextlib
import secrets
import time
from dataclasses import replace
from typing import Self, cast

import polars as pl
import sqlalchemy as sa

from bulk_pipeline.adapters.crash_points import reached
from bulk_pipeline.adapters.database import Database
from bulk_pipeline.adapters.databases.sqlserver import SqlServerBackend
from bulk_pipeline.adapters.databases.stage import Staging
from bulk_pipeline.adapters.loaders.base import LoadRequest, LoadResult
from bulk_pipeline.adapters.loaders.sqlserver_publish import Publication
from bulk_pipeline.adapters.loaders.sqlserver_receipts import Receipts, found_receipts
from bulk_pipeline.adapters.loaders.sqlserver_staging import StagedBatch, staged_batch
from bulk_pipeline.core.errors import TransientError


class SqlServerLoader:
    """Publishes batches into one database of SQL Server."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def prepare(self, rows: int) -> None:
        """Nothing: a connection is made in less time than a batch is read."""

    def publish(self, request: LoadRequest) -> LoadResult:
        with _Load(self._database, request) as load:
            return self._database.persistently(load.attempt)

    def close(self) -> None:
        """Nothing: the database owns the connections."""


class _Load:
    """One load over all its attempts, with what they can use of each other.

    A deadlock costs no second bulk copy: the staged rows stay. An attempt whose commit
    was not answered is asked after before the next one does anything.
    """

    def __init__(self, database: Database, request: LoadRequest) -> None:
        self._backend = cast("SqlServerBackend", database.backend)
        self._request = request
        self._id = secrets.token_hex(16)
        self._staged: StagedBatch | None = None
        self._staging: Staging | None = None
        self._stack = contextlib.ExitStack()
        self._unanswered: LoadResult | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self._stack.close()

    def attempt(self) -> LoadResult:
        """Try once; see ``Loader.publish``."""
        if self._unanswered and self._was_committed():
            return self._unanswered
        self._stage()
        started = time.perf_counter()
        with self._backend.writing() as connection:
            self._unanswered = self._published(connection, started)
            reached("before commit")
        reached("committed")
        return replace(self._unanswered, database_seconds=time.perf_counter() - started)

    def _was_committed(self) -> bool:
        """Whether the attempt without an answer is in the database.

        Asked under the write lock, which it held: if the server still works on its
        commit, this waits for the end of it.
        """
        with self._backend.writing() as connection:
            rows = found_receipts(connection, self._request).values()
            return bool(rows) and all(row.load_id == self._id for row in rows)

    def _stage(self) -> None:
        if self._request.rows is None or (self._staged and self._is_owned()):
            return
        self._staged = None
        self._stack.close()
        self._staging = self._stack.enter_context(self._backend.staging())
        engine = self._backend.engine
        self._staged = staged_batch(self._staging, engine, self._request)

    def _is_owned(self) -> bool:
        """Whether what an earlier attempt staged is still there and ours."""
        if self._staging is None:
            return False
        try:
            self._staging.require_owned()
        except (TransientError, sa.exc.SQLAlchemyError):
            return False
        return True

    def _published(self, connection: sa.Connection, started: float) -> LoadResult:
        """All of the transaction but its commit."""
        receipts = Receipts(connection, self._request, self._id)
        publication = Publication(connection, self._request, receipts)
        if self._staged:
            publication.move(self._staged)
        outcomes = receipts.write()
        reached("receipts written")
        pl.concat(publication.conflicts).write_ipc(self._request.conflicts)
        seconds = time.perf_counter() - started
        return LoadResult(outcomes, publication.written, seconds)
