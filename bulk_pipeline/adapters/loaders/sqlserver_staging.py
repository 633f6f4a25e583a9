"""Staging a batch for SQL Server: companies resolved, rows sorted, copied in bulk."""

from dataclasses import dataclass

import polars as pl
import sqlalchemy as sa

from bulk_pipeline.adapters.crash_points import reached
from bulk_pipeline.adapters.databases.stage import Stage, Staging
from bulk_pipeline.adapters.loaders.accounts import missing_companies
from bulk_pipeline.adapters.loaders.base import LoadRequest
from bulk_pipeline.adapters.loaders.incoming import Incoming
from bulk_pipeline.adapters.loaders.sqlserver_statements import staged_columns
from bulk_pipeline.adapters.tables import companies
from bulk_pipeline.core.errors import AccountingError


@dataclass(frozen=True, slots=True)
class StagedBatch:
    """The rows of a batch in a heap.

    Attributes:
        stage: the heap.
        incoming: the same rows here, with ``upload_id`` the number in the batch.
        counts: rows by upload number.
        rounds: rows by round, from round 0 on.
    """

    stage: Stage
    incoming: Incoming
    counts: dict[int, int]
    rounds: tuple[int, ...]


def staged_batch(
    staging: Staging, engine: sa.Engine, request: LoadRequest
) -> StagedBatch:
    """Stage the rows of a batch that count; ``request.rows`` must be there.

    Args:
        staging: the session that will own the heaps.
        engine: to read ids of companies.
        request: the load.

    Raises:
        PermanentError: a company is not in the register; names it.
        AccountingError: the server took another number of rows than were sent.
        TransientError: the way there broke; stage again.
    """
    ids = company_ids(staging, engine, request)
    numbers = pl.Series("number", [u.number for u in request.uploads], dtype=pl.Int64)
    incoming = Incoming.of(request, pl.DataFrame({"n": numbers, "id": numbers}), ids)
    stage = staging.heap(staged_columns())
    copied = stage.fill_all(incoming.staged(request.rows_per_insert))
    if copied != incoming.keys.height:
        raise AccountingError(
            f"{incoming.keys.height} rows of batch {request.batch} were sent, the "
            f"server took {copied}. Nothing was stored."
        )
    reached("staged")
    counts = dict(incoming.keys.group_by("upload_id").len().iter_rows())
    rounds = incoming.keys.group_by("round").len().sort("round")["len"].to_list()
    return StagedBatch(stage, incoming, counts, tuple(rounds))


def company_ids(
    staging: Staging, engine: sa.Engine, request: LoadRequest
) -> pl.DataFrame:
    """``symbol`` and ``id`` of the batch's companies.

    They are read before the publishing transaction, to keep it short: companies are
    never deleted, and a foreign key says so if somebody does it all the same.

    Raises:
        PermanentError: a company is not in the register; names it.
    """
    wanted = staging.heap([sa.Column("symbol", companies.c.symbol.type)])
    wanted.fill(request.companies.to_frame("symbol"))
    query = sa.select(companies.c.symbol, companies.c.id).join(
        wanted.table, wanted.table.c.symbol == companies.c.symbol
    )
    with engine.connect() as connection:
        rows = connection.execute(query).all()
    schema = {"symbol": pl.String, "id": pl.Int64}
    found = pl.DataFrame([tuple(row) for row in rows], schema=schema, orient="row")
    if found.height != len(request.companies):
        symbols = request.companies.cast(pl.String)
        missing = symbols.filter(~symbols.is_in(found["symbol"].implode()))
        raise missing_companies(missing, request.batch)
    return found
