"""The publishing transaction on SQLite: rows, history, counts and receipts, or none.

It needs frames and a driver, and neither SQLAlchemy nor Dagster, so the same code
runs in the process of the run and in the one that loads in bulk.
"""

import time

import polars as pl

from bulk_pipeline.adapters.crash_points import reached
from bulk_pipeline.adapters.loaders.accounts import missing_companies
from bulk_pipeline.adapters.loaders.base import LoadRequest, LoadResult
from bulk_pipeline.adapters.loaders.incoming import Incoming, require_storable
from bulk_pipeline.adapters.loaders.sqlite_drivers import Driver
from bulk_pipeline.adapters.loaders.sqlite_key import TABLE, key_built_last
from bulk_pipeline.adapters.loaders.sqlite_receipts import Receipts
from bulk_pipeline.adapters.loaders.sqlite_stored import earlier_keys, stored_rows
from bulk_pipeline.adapters.loaders.sqlite_timed import TimedDriver
from bulk_pipeline.core.duplicates import CONFLICT_SCHEMA
from bulk_pipeline.core.errors import AccountingError
from bulk_pipeline.core.schema import RATIOS
from bulk_pipeline.core.upserts import (
    WRITE_INSERT,
    WRITE_REPLACE,
    Rules,
    settle,
)


def publish(driver: Driver, request: LoadRequest) -> LoadResult:
    """Run the whole transaction; on any error nothing of it is visible.

    Raises:
        AccountingError: counts that must agree do not; names them.
        PermanentError: a company of the batch is not in the register, or an upload
            was withdrawn meanwhile; names it.
    """
    started = time.perf_counter()
    timed = TimedDriver(driver)
    timed.begin()
    try:
        publication = _Publication(timed, request)
        publication.store()
        outcomes = publication.receipts.write()
        reached("receipts written")
        reached("before commit")
        timed.command("COMMIT")
        reached("committed")
    except BaseException:
        driver.rollback()
        raise
    seconds = time.perf_counter() - started
    return LoadResult(outcomes, publication.written, seconds, timed.asked)


class _Publication:
    """One transaction in progress."""

    def __init__(self, driver: Driver, request: LoadRequest) -> None:
        self.driver = driver
        self.request = request
        self.receipts = Receipts(driver, request)
        self.written = 0

    def store(self) -> None:
        """Write the batch's rows and the list of its conflicts with stored ones."""
        conflicts = [pl.DataFrame(schema=CONFLICT_SCHEMA)]
        if self.request.rows is not None:
            symbols = self.request.companies
            self.driver.run("create_wanted")
            self.driver.append("wanted", [symbols.to_frame("symbol")])
            company_ids = self._company_ids(symbols)
            incoming = Incoming.of(self.request, self.receipts.ids, company_ids)
            conflicts += [self._store(incoming, part) for part in incoming.parts()]
            self.driver.run("drop_wanted")
        pl.concat(conflicts).write_ipc(self.request.conflicts)

    def _company_ids(self, symbols: pl.Series) -> pl.DataFrame:
        ids = self.driver.frame("company_ids")
        if ids.height != len(symbols):
            # where none is known, the driver cannot tell that a symbol is a text
            registered = ids["symbol"].cast(pl.String)
            missing = symbols.filter(~symbols.is_in(registered.implode()))
            raise missing_companies(missing, self.request.batch)
        return ids

    def _store(self, incoming: Incoming, keys: pl.DataFrame) -> pl.DataFrame:
        """Write one round; returns its conflicts with stored rows."""
        stored = stored_rows(self.driver)
        known = self.receipts.known
        if stored.is_empty() and not known:
            self._insert(incoming, keys)
            self.receipts.count_inserted(keys)
            return pl.DataFrame(schema=CONFLICT_SCHEMA)
        settled = settle(
            incoming.compared(keys),
            stored,
            earlier_keys(self.driver, known),
            Rules(self.request.update, self.receipts.model_id),
        )
        self.receipts.count_settled(settled)
        self._insert(incoming, settled.filter(pl.col("write") == WRITE_INSERT))
        self._replace(settled.filter(pl.col("write") == WRITE_REPLACE))
        return self._conflicts(settled.filter("conflict"))

    def _insert(self, incoming: Incoming, keys: pl.DataFrame) -> None:
        last_id = self.driver.rows("last_id")[0][0]
        frames = incoming.frames(keys, self.request.rows_per_insert)
        with key_built_last(self.driver, keys.height, last_id):
            said = self.driver.append(
                TABLE,
                frames,
                model_id=self.receipts.model_id,
                created_at=self.receipts.now,
                updated_at=self.receipts.now,
            )
            reached("inserted")
        wanted = dict(keys.group_by("upload_id").len().iter_rows())
        found = self._new_rows(last_id, list(wanted))
        if said != keys.height or found != wanted:
            raise AccountingError(
                f"{keys.height} rows were to be inserted, the driver counted {said} "
                f"and the table has {sum(found.values())} more. Nothing was stored."
            )
        self.written += said

    def _new_rows(self, last_id: int, upload_ids: list[int]) -> dict[int, int]:
        """Rows that the table has since an id, by upload."""
        if len(upload_ids) == 1:  # a count without a look into the rows: a fifth
            [(rows,)] = self.driver.rows("count_all_new", last_id=last_id)
            return {upload_ids[0]: rows}
        return dict(self.driver.rows("count_new", last_id=last_id))

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
            model_id=pl.lit(self.receipts.model_id, pl.Int64),
            reason=pl.when(own).then(pl.lit("reload")).otherwise(pl.lit("update")),
        )
        self.driver.run("create_replacing")
        self.driver.append("replacing", [values])
        counts = [rows.height]
        for statement in ("keep_history", "replace"):
            self.driver.run(statement, now=self.receipts.now)
            counts.append(self.driver.rows("changes")[0][0])
        self.driver.run("drop_replacing")
        if len(set(counts)) > 1:
            raise AccountingError(
                "Rows to replace, rows put into the history and rows replaced must be "
                f"equal, but are {counts}. Nothing was stored."
            )
        self.written += rows.height

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
