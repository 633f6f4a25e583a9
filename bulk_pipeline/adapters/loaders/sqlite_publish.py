"""The publishing transaction on SQLite: rows, history, counts and receipts, or none.

It needs frames and a driver, and neither SQLAlchemy nor Dagster, so the same code
runs in the process of the run and in the one that loads in bulk.
"""

import contextlib
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import polars as pl

from bulk_pipeline.adapters.loaders.base import (
    LoadRequest,
    LoadResult,
    UploadLoad,
    UploadOutcome,
)
from bulk_pipeline.adapters.loaders.incoming import Incoming, require_storable
from bulk_pipeline.adapters.loaders.sqlite_drivers import Driver
from bulk_pipeline.adapters.loaders.sqlite_stored import earlier_keys, stored_rows
from bulk_pipeline.core.duplicates import CONFLICT_SCHEMA
from bulk_pipeline.core.errors import AccountingError, PermanentError
from bulk_pipeline.core.schema import RATIOS
from bulk_pipeline.core.upserts import (
    DUPLICATE,
    INSERTED,
    UPDATED,
    WRITE_INSERT,
    WRITE_REPLACE,
    Rules,
    settle,
)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(slots=True)
class _Upload:
    """One upload inside the transaction: its receipt's id and its counts so far."""

    load: UploadLoad
    id: int
    known: bool
    inserted: int = 0
    updated: int = 0
    duplicates: int = 0
    conflicting: int = 0

    def outcome(self) -> UploadOutcome:
        """What the table owes to this upload.

        Raises:
            AccountingError: rows read are not the sum of what became of them.
        """
        load = self.load
        duplicates = load.duplicates + self.duplicates
        parts = (self.inserted, self.updated, duplicates, load.rejected)
        if sum(parts) != load.rows_read:
            raise AccountingError(
                f"{load.file_name}: {load.rows_read} rows were read, but inserted + "
                f"updated + duplicates + rejected is {' + '.join(map(str, parts))}. "
                "Nothing was stored; report this with the file."
            )
        return UploadOutcome(
            key=load.key,
            upload_id=self.id,
            rows_read=load.rows_read,
            inserted=self.inserted,
            updated=self.updated,
            duplicates=duplicates,
            duplicates_conflicting=load.conflicting + self.conflicting,
            rejected=load.rejected,
        )


def publish(driver: Driver, request: LoadRequest) -> LoadResult:
    """Run the whole transaction; on any error nothing of it is visible.

    Raises:
        AccountingError: counts that must agree do not; names them.
        PermanentError: a company of the batch is not in the register, or an upload
            was withdrawn meanwhile; names it.
    """
    started = time.perf_counter()
    driver.command("BEGIN IMMEDIATE")
    try:
        publication = _Publication(driver, request)
        publication.store()
        outcomes = publication.write_receipts()
        driver.command("COMMIT")
    except BaseException:
        # After some failures (a full disk) SQLite has rolled back by itself; a
        # connection that is given back or closed does it in any case.
        with contextlib.suppress(Exception):
            driver.command("ROLLBACK")
        raise
    seconds = time.perf_counter() - started
    return LoadResult(outcomes, publication.written, seconds)


class _Publication:
    """One transaction in progress."""

    def __init__(self, driver: Driver, request: LoadRequest) -> None:
        self.driver = driver
        self.request = request
        self.now = (request.now - _EPOCH) // timedelta(microseconds=1)
        self.model_id = self._model_id()
        self.uploads = [self._upload(upload) for upload in request.uploads]
        self.by_id = {upload.id: upload for upload in self.uploads}
        self.written = 0

    def _model_id(self) -> int:
        model = self.request.model
        found = self.driver.rows("model_id", sha256=model.sha256)
        if not found:
            self.driver.run(
                "insert_model",
                name=model.name,
                sha256=model.sha256,
                kind=model.kind,
                document=model.document,
                created_at=self.now,
            )
            found = self.driver.rows("model_id", sha256=model.sha256)
        return int(found[0][0])

    def _upload(self, load: UploadLoad) -> _Upload:
        found = self.driver.rows("receipt", upload_key=load.key)
        known = bool(found)
        if not known:
            self.driver.run(
                "insert_receipt",
                upload_key=load.key,
                batch_key=self.request.batch,
                home_id=self.request.home_id,
                file_name=load.file_name,
                sha256=load.sha256,
                options=load.options,
                model_id=self.model_id,
                first_loaded_at=self.now,
                last_loaded_at=self.now,
            )
            found = self.driver.rows("receipt", upload_key=load.key)
        upload_id, withdrawn_at = found[0]
        if withdrawn_at is not None:
            raise PermanentError(
                f"{load.file_name} (upload {load.key}) was withdrawn after it had been "
                f"read. Nothing of batch {self.request.batch} was stored; materialise "
                "its ingestion_file again to load what is left of it."
            )
        return _Upload(load, int(upload_id), known)

    def store(self) -> None:
        """Write the batch's rows and the list of its conflicts with stored ones."""
        conflicts = [pl.DataFrame(schema=CONFLICT_SCHEMA)]
        if self.request.rows is not None:
            symbols = self.request.companies
            self.driver.run("create_wanted")
            self.driver.append("wanted", [symbols.to_frame("symbol")], temporary=True)
            numbers = pl.DataFrame(
                {
                    "number": [upload.load.number for upload in self.uploads],
                    "id": [upload.id for upload in self.uploads],
                }
            )
            incoming = Incoming.of(self.request, numbers, self._company_ids(symbols))
            conflicts += [self._store(incoming, part) for part in incoming.parts()]
            self.driver.run("drop_wanted")
        pl.concat(conflicts).write_ipc(self.request.conflicts)

    def _company_ids(self, symbols: pl.Series) -> pl.DataFrame:
        ids = self.driver.frame("company_ids")
        if ids.height != len(symbols):
            # where none is known, the driver cannot tell that a symbol is a text
            registered = ids["symbol"].cast(pl.String)
            missing = symbols.filter(~symbols.is_in(registered.implode()))
            raise PermanentError(
                f"{len(missing)} companies are not in the register, the first is "
                f"{missing[0]}. Materialise companies of batch {self.request.batch} "
                "first."
            )
        return ids

    def _store(self, incoming: Incoming, keys: pl.DataFrame) -> pl.DataFrame:
        """Write one round; returns its conflicts with stored rows."""
        stored = stored_rows(self.driver)
        known = [upload.id for upload in self.uploads if upload.known]
        if stored.is_empty() and not known:
            self._insert(incoming, keys)
            for upload_id, rows in keys.group_by("upload_id").len().iter_rows():
                self.by_id[upload_id].inserted += rows
            return pl.DataFrame(schema=CONFLICT_SCHEMA)
        settled = settle(
            incoming.compared(keys),
            stored,
            earlier_keys(self.driver, known),
            Rules(self.request.update, self.model_id),
        )
        self._count(settled)
        self._insert(incoming, settled.filter(pl.col("write") == WRITE_INSERT))
        self._replace(settled.filter(pl.col("write") == WRITE_REPLACE))
        return self._conflicts(settled.filter("conflict"))

    def _insert(self, incoming: Incoming, keys: pl.DataFrame) -> None:
        last_id = self.driver.rows("last_id")[0][0]
        constants = {
            "model_id": self.model_id,
            "created_at": self.now,
            "updated_at": self.now,
        }
        frames = incoming.frames(keys, constants, self.request.rows_per_insert)
        said = self.driver.append("annual_predictions", frames)
        found = dict(self.driver.rows("count_new", last_id=last_id))
        wanted = dict(keys.group_by("upload_id").len().iter_rows())
        if said != keys.height or found != wanted:
            raise AccountingError(
                f"{keys.height} rows were to be inserted, the driver counted {said} "
                f"and the table has {sum(found.values())} more. Nothing was stored."
            )
        self.written += said

    def _replace(self, rows: pl.DataFrame) -> None:
        if rows.is_empty():
            return
        require_storable(rows)
        own = pl.col("stored_upload_id") == pl.col("upload_id")
        values = rows.select(
            *RATIOS,
            "probability",
            "risk_level",
            "confidence",
            "upload_id",
            prediction_id="stored_id",
            model_id=pl.lit(self.model_id, pl.Int64),
            reason=pl.when(own).then(pl.lit("reload")).otherwise(pl.lit("update")),
        )
        self.driver.run("create_replacing")
        self.driver.append("replacing", [values], temporary=True)
        counts = [rows.height]
        for statement in ("keep_history", "replace"):
            self.driver.run(statement, now=self.now)
            counts.append(self.driver.rows("changes")[0][0])
        self.driver.run("drop_replacing")
        if len(set(counts)) > 1:
            raise AccountingError(
                "Rows to replace, rows put into the history and rows replaced must be "
                f"equal, but are {counts}. Nothing was stored."
            )
        self.written += rows.height

    def _count(self, settled: pl.DataFrame) -> None:
        counts = settled.group_by("upload_id", "outcome").agg(
            rows=pl.len(), conflicts=pl.col("conflict").sum()
        )
        for upload_id, outcome, rows, conflicts in counts.iter_rows():
            upload = self.by_id[upload_id]
            upload.inserted += rows if outcome == INSERTED else 0
            upload.updated += rows if outcome == UPDATED else 0
            upload.duplicates += rows if outcome == DUPLICATE else 0
            upload.conflicting += conflicts

    def _conflicts(self, rows: pl.DataFrame) -> pl.DataFrame:
        owners = rows["stored_upload_id"].unique()
        keys = [self.driver.rows("upload_key", upload_id=o)[0][0] for o in owners]
        owner = pl.col("stored_upload_id").replace_strict(
            owners, keys, return_dtype=pl.String
        )
        nothing = pl.lit(None, dtype=pl.Int64)
        named = rows.with_columns(kept_upload=owner, kept_line=nothing)
        return named.select(
            pl.col(name).cast(kind) for name, kind in CONFLICT_SCHEMA.items()
        )

    def write_receipts(self) -> tuple[UploadOutcome, ...]:
        """Write the outcome of each upload, once its counts add up."""
        outcomes = tuple(upload.outcome() for upload in self.uploads)
        for outcome in outcomes:
            self.driver.run(
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
