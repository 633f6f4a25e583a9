"""The publishing transaction on SQL Server: rows, history, counts, receipts, or none.

It is short: the rows wait in a heap, and each statement is about all of them.
"""

from collections.abc import Sequence
from typing import Any

import polars as pl
import sqlalchemy as sa

from bulk_pipeline.adapters.crash_points import reached
from bulk_pipeline.adapters.loaders import sqlserver_statements as statements
from bulk_pipeline.adapters.loaders.base import LoadRequest
from bulk_pipeline.adapters.loaders.sqlserver_receipts import Receipts
from bulk_pipeline.adapters.loaders.sqlserver_rules import Pairs
from bulk_pipeline.adapters.loaders.sqlserver_staging import StagedBatch
from bulk_pipeline.core.duplicates import CONFLICT_SCHEMA
from bulk_pipeline.core.errors import AccountingError
from bulk_pipeline.core.schema import KEY, RATIOS
from bulk_pipeline.core.upserts import DUPLICATE, INSERTED, UPDATED


class Publication:
    """One transaction in progress.

    Attributes:
        written: rows inserted or replaced so far.
        conflicts: conflicts with stored rows so far (``CONFLICT_SCHEMA``).
    """

    def __init__(
        self, connection: sa.Connection, request: LoadRequest, receipts: Receipts
    ) -> None:
        self._connection = connection
        self._request = request
        self._receipts = receipts
        self._bound = {"model_id": receipts.model_id, "now": request.now}
        self.written = 0
        self.conflicts = [pl.DataFrame(schema=CONFLICT_SCHEMA)]

    def move(self, batch: StagedBatch) -> None:
        """Move the staged rows into the table, round by round, and count them.

        Raises:
            AccountingError: counts that must agree do not; names them.
        """
        table = batch.stage.table
        found = self._pairs(statements.staged_counts(table))
        if found != batch.counts:
            raise AccountingError(
                f"{sum(batch.counts.values())} rows were staged, but the staging table "
                f"has {sum(found.values())}. Nothing was stored."
            )
        self._receipts.number()
        for number, rows in enumerate(batch.rounds):
            inserted = self._insert(table, number)
            reached("inserted")
            if sum(inserted.values()) < rows or self._receipts.known:
                self._settle(batch, number, rows)
            else:
                for upload_id, count in inserted.items():
                    self._receipts.accounts[upload_id].inserted += count
        self._receipts.forget_numbers()

    def _insert(self, table: sa.Table, number: int) -> dict[int, int]:
        """Insert the new keys of a round; returns how many by upload id."""
        last_id = self._connection.execute(statements.last_id()).scalar_one()
        said = self._connection.execute(
            statements.insert_new(table), {**self._bound, "round": number}
        ).rowcount
        found = self._pairs(statements.inserted_since(), last_id=last_id)
        if (
            sum(found.values()) != said
            or not found.keys() <= self._receipts.accounts.keys()
        ):
            raise AccountingError(
                f"The server counted {said} inserted rows, but the table has "
                f"{sum(found.values())} more. Nothing was stored."
            )
        self.written += said
        return found

    def _settle(self, batch: StagedBatch, number: int, rows: int) -> None:
        """Count what became of a round, replace what gives way, list conflicts."""
        pairs = Pairs(batch.stage.table, self._request.update, self._receipts.known)
        bound = {**self._bound, "round": number}
        settled = self._connection.execute(statements.outcomes(pairs), bound).all()
        if sum(row.found for row in settled) != rows:
            raise AccountingError(
                f"{rows} rows were to be settled, {sum(row.found for row in settled)} "
                "have a stored row. Nothing was stored."
            )
        self._count(settled)
        if conflicts := sum(row.conflicts for row in settled):
            self._list_conflicts(batch, pairs, number, conflicts)
        if replaced := sum(row.replaces for row in settled):
            self._replace(pairs, bound, replaced)

    def _count(self, settled: Sequence[sa.Row[Any]]) -> None:
        by_number = {a.load.number: a for a in self._receipts.accounts.values()}
        for row in settled:
            account = by_number[row.number]
            account.inserted += row.found if row.outcome == INSERTED else 0
            account.updated += row.found if row.outcome == UPDATED else 0
            account.duplicates += row.found if row.outcome == DUPLICATE else 0
            account.conflicting += row.conflicts

    def _replace(self, pairs: Pairs, bound: dict[str, object], wanted: int) -> None:
        kept = self._connection.execute(statements.keep_history(pairs), bound).rowcount
        values = {**bound, "model": self._receipts.model_id}
        replaced = self._connection.execute(statements.replace(pairs), values).rowcount
        if not wanted == kept == replaced:
            raise AccountingError(
                "Rows to replace, rows put into the history and rows replaced must be "
                f"equal, but are {[wanted, kept, replaced]}. Nothing was stored."
            )
        self.written += replaced

    def _list_conflicts(
        self, batch: StagedBatch, pairs: Pairs, number: int, wanted: int
    ) -> None:
        bound = {"model_id": self._receipts.model_id, "round": number}
        rows = self._connection.execute(statements.conflicting(pairs), bound).all()
        if len(rows) != wanted:
            raise AccountingError(
                f"{wanted} conflicts were counted, {len(rows)} found. Nothing was "
                "stored."
            )
        schema = {
            "position": pl.Int64,
            "kept_upload": pl.String,
            **{f"{name}_kept": pl.Float64 for name in RATIOS},
        }
        stored = pl.DataFrame([tuple(r) for r in rows], schema=schema, orient="row")
        ours = batch.incoming.rows.all().select("upload", "line", *KEY, *RATIOS)
        sides = [ours[stored["position"]], stored.drop("position")]
        listed = pl.concat(sides, how="horizontal").with_columns(
            kept_line=pl.lit(None, dtype=pl.Int64)
        )
        self.conflicts.append(
            listed.select(pl.col(n).cast(kind) for n, kind in CONFLICT_SCHEMA.items())
        )

    def _pairs(self, query: sa.Select[Any], **bound: object) -> dict[int, int]:
        rows = self._connection.execute(query, bound)
        return {int(key): int(count) for key, count in rows.all()}
