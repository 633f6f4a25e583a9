"""Receipts of a publishing transaction on SQL Server, entered and written as sets."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.schema import CreateTable, DropTable

from bulk_pipeline.adapters.databases.portions import portions
from bulk_pipeline.adapters.loaders.accounts import UploadAccount, withdrawn_meanwhile
from bulk_pipeline.adapters.loaders.base import LoadRequest, UploadOutcome
from bulk_pipeline.adapters.loaders.sqlserver_rules import NUMBERS
from bulk_pipeline.adapters.tables import COUNTS, models, uploads
from bulk_pipeline.core.errors import AccountingError


class Receipts:
    """The uploads of one transaction, with their ids and their counts so far.

    Attributes:
        model_id: id of the model that scored the batch.
        accounts: one per upload, by its id.
    """

    def __init__(
        self, connection: sa.Connection, request: LoadRequest, load_id: str
    ) -> None:
        """Enter the model and the uploads that the database does not know yet.

        Args:
            connection: a transaction that holds the write lock.
            request: the load.
            load_id: the attempt; receipts that have it say that it was committed.

        Raises:
            PermanentError: an upload was withdrawn meanwhile; names it.
        """
        self._connection = connection
        self._request = request
        self._load_id = load_id
        self.model_id = self._model()
        self._now = {"first_loaded_at": request.now, "last_loaded_at": request.now}
        before = found_receipts(connection, request)
        for load in request.uploads:
            if load.key in before and before[load.key].withdrawn_at is not None:
                raise withdrawn_meanwhile(load, request.batch)
        self._enter([load for load in request.uploads if load.key not in before])
        ids = {key: row.id for key, row in found_receipts(connection, request).items()}
        self.accounts = {
            ids[load.key]: UploadAccount(load, ids[load.key], load.key in before)
            for load in request.uploads
        }

    @property
    def known(self) -> bool:
        """Whether any upload was loaded before."""
        return any(account.known for account in self.accounts.values())

    def number(self) -> None:
        """Put the uploads' numbers and ids where statements can join them."""
        self._connection.execute(CreateTable(NUMBERS))
        rows = [
            {"number": a.load.number, "upload_id": a.id, "known": int(a.known)}
            for a in self.accounts.values()
        ]
        self._connection.execute(NUMBERS.insert(), rows)

    def forget_numbers(self) -> None:
        """Drop them again: a pooled session outlives its transaction."""
        self._connection.execute(DropTable(NUMBERS))

    def write(self) -> tuple[UploadOutcome, ...]:
        """Write the outcome of each upload, once its counts add up.

        Raises:
            AccountingError: counts do not add up, or a receipt is not there.
        """
        outcomes = tuple(account.outcome() for account in self.accounts.values())
        update = (
            uploads.update()
            .where(uploads.c.id == sa.bindparam("receipt"))
            .values({name: sa.bindparam(name) for name in COUNTS})
            .values(
                model_id=self.model_id,
                last_loaded_at=self._request.now,
                load_id=self._load_id,
            )
        )
        rows = [
            {"receipt": o.upload_id, **{name: getattr(o, name) for name in COUNTS}}
            for o in outcomes
        ]
        self._connection.execute(update, rows)
        # Read back, since pyodbc does not say how many rows an array of updates met.
        written = sum(
            row.load_id == self._load_id
            for row in found_receipts(self._connection, self._request).values()
        )
        if written != len(rows):
            raise AccountingError(
                f"{len(rows)} receipts were to be written, {written} were. Nothing of "
                f"batch {self._request.batch} was stored; report this."
            )
        return outcomes

    def _model(self) -> int:
        model = self._request.model
        query = sa.select(models.c.id).where(models.c.sha256 == model.sha256)
        found = self._connection.scalar(query)
        if found is None:
            values = {
                "name": model.name,
                "sha256": model.sha256,
                "kind": model.kind,
                "document": model.document,
                "created_at": self._request.now,
            }
            self._connection.execute(models.insert().values(values))
            found = self._connection.scalar(query)
        return int(str(found))

    def _enter(self, loads: Sequence[Any]) -> None:
        if not loads:
            return
        rows = [
            {
                "upload_key": load.key,
                "batch_key": self._request.batch,
                "home_id": self._request.home_id,
                "file_name": load.file_name,
                "sha256": load.sha256,
                "options": load.options,
                "model_id": self.model_id,
                **dict.fromkeys(COUNTS, 0),
                **self._now,
            }
            for load in loads
        ]
        self._connection.execute(uploads.insert(), rows)


def found_receipts(
    connection: sa.Connection, request: LoadRequest
) -> dict[str, sa.Row[Any]]:
    """Receipts of a batch's uploads by key: id, withdrawn_at and load_id."""
    u = uploads.c
    query = sa.select(u.upload_key, u.id, u.withdrawn_at, u.load_id)
    found: dict[str, sa.Row[Any]] = {}
    for keys in portions([load.key for load in request.uploads]):
        rows = connection.execute(query.where(u.upload_key.in_(keys)))
        found |= {row.upload_key: row for row in rows}
    return found
