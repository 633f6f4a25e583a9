"""Receipts of a publishing transaction: who the rows belong to, and what they became.

A load counts because its receipt is in the table ``uploads``, written in the same
transaction as its rows.
"""

from datetime import UTC, datetime, timedelta

import polars as pl

from bulk_pipeline.adapters.loaders.accounts import UploadAccount, withdrawn_meanwhile
from bulk_pipeline.adapters.loaders.base import LoadRequest, UploadLoad, UploadOutcome
from bulk_pipeline.adapters.loaders.sqlite_drivers import Driver
from bulk_pipeline.core.upserts import DUPLICATE, INSERTED, UPDATED

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Receipts:
    """The uploads of one transaction, with their ids and their counts so far."""

    def __init__(self, driver: Driver, request: LoadRequest) -> None:
        """Enter the model and the uploads that the database does not know yet.

        Raises:
            PermanentError: an upload was withdrawn meanwhile; names it.
        """
        self._driver = driver
        self._request = request
        self.now = (request.now - _EPOCH) // timedelta(microseconds=1)
        self.model_id = self._model_id()
        self._uploads = [self._upload(upload) for upload in request.uploads]
        self._by_id = {upload.id: upload for upload in self._uploads}

    @property
    def ids(self) -> pl.DataFrame:
        """``number`` of each upload in the batch and its ``id``."""
        pairs = [(upload.load.number, upload.id) for upload in self._uploads]
        schema = {"number": pl.Int64, "id": pl.Int64}
        return pl.DataFrame(pairs, schema=schema, orient="row")

    @property
    def known(self) -> list[int]:
        """Ids of the uploads that were loaded before."""
        return [upload.id for upload in self._uploads if upload.known]

    def _model_id(self) -> int:
        model = self._request.model
        found = self._driver.rows("model_id", sha256=model.sha256)
        if not found:
            self._driver.run(
                "insert_model",
                name=model.name,
                sha256=model.sha256,
                kind=model.kind,
                document=model.document,
                created_at=self.now,
            )
            found = self._driver.rows("model_id", sha256=model.sha256)
        return int(found[0][0])

    def _upload(self, load: UploadLoad) -> UploadAccount:
        found = self._driver.rows("receipt", upload_key=load.key)
        known = bool(found)
        if not known:
            self._driver.run(
                "insert_receipt",
                upload_key=load.key,
                batch_key=self._request.batch,
                home_id=self._request.home_id,
                file_name=load.file_name,
                sha256=load.sha256,
                options=load.options,
                model_id=self.model_id,
                first_loaded_at=self.now,
                last_loaded_at=self.now,
            )
            found = self._driver.rows("receipt", upload_key=load.key)
        upload_id, withdrawn_at = found[0]
        if withdrawn_at is not None:
            raise withdrawn_meanwhile(load, self._request.batch)
        return UploadAccount(load, int(upload_id), known)

    def count_inserted(self, keys: pl.DataFrame) -> None:
        """Count rows that are all new; ``keys`` has ``upload_id``."""
        for upload_id, rows in keys.group_by("upload_id").len().iter_rows():
            self._by_id[upload_id].inserted += rows

    def count_settled(self, settled: pl.DataFrame) -> None:
        """Count the outcomes that ``core.upserts.settle`` decided."""
        counts = settled.group_by("upload_id", "outcome").agg(
            rows=pl.len(), conflicts=pl.col("conflict").sum()
        )
        for upload_id, outcome, rows, conflicts in counts.iter_rows():
            upload = self._by_id[upload_id]
            upload.inserted += rows if outcome == INSERTED else 0
            upload.updated += rows if outcome == UPDATED else 0
            upload.duplicates += rows if outcome == DUPLICATE else 0
            upload.conflicting += conflicts

    def write(self) -> tuple[UploadOutcome, ...]:
        """Write the outcome of each upload, once its counts add up."""
        outcomes = tuple(upload.outcome() for upload in self._uploads)
        for outcome in outcomes:
            self._driver.run(
                "update_receipt",
                upload_id=outcome.upload_id,
                model_id=self.model_id,
                rows_read=outcome.rows_read,
                inserted=outcome.inserted,
                updated=outcome.updated,
                duplicates=outcome.duplicates,
                duplicates_conflicting=outcome.duplicates_conflicting,
                rejected=outcome.rejected,
                last_loaded_at=self.now,
            )
        return outcomes
