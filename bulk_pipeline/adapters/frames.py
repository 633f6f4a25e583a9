"""Stored rows as pandas frames, for notebooks and for assets further down.

pandas is imported when a frame is asked for, and nowhere else.
"""

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING

import sqlalchemy as sa

from bulk_pipeline.adapters.database import Database
from bulk_pipeline.adapters.installation import Installation
from bulk_pipeline.adapters.tables import annual_predictions, companies, uploads
from bulk_pipeline.core.errors import BulkPipelineError
from bulk_pipeline.core.schema import MARKET_CAP, RATIOS

if TYPE_CHECKING:
    import pandas as pd

logger = logging.getLogger(__name__)


def companies_frame(database: Database) -> "pd.DataFrame":
    """Every company of the register: one row each, columns as the table's."""
    query = sa.select(companies).order_by(companies.c.symbol)
    return _frame(database, query, (MARKET_CAP.name,))


def predictions_frame(
    database: Database,
    *,
    batch: str | None = None,
    years: tuple[int, int] | None = None,
) -> "pd.DataFrame":
    """Stored predictions with the symbol and name of their company.

    Args:
        database: where they are.
        batch: only rows that an upload of this batch stored.
        years: only reporting years from the first to the second, both included.

    Returns:
        One row per company, year and quarter, ordered so; a missing ratio is NaN.
    """
    p = annual_predictions.c
    query = (
        sa.select(
            companies.c.symbol.label("company_symbol"),
            companies.c.name.label("company_name"),
            *(column for column in p if column.name not in ("id", "company_id")),
        )
        .join(companies, companies.c.id == p.company_id)
        .order_by(companies.c.symbol, p.reporting_year, p.reporting_quarter)
    )
    if batch is not None:
        query = query.join(uploads, uploads.c.id == p.upload_id)
        query = query.where(uploads.c.batch_key == batch)
    if years is not None:
        query = query.where(p.reporting_year.between(*years))
    return _frame(database, query, RATIOS)


def batch_frame(installation: Installation, batch: str) -> "pd.DataFrame":
    """Stored predictions of a batch's uploads, for what comes after their load.

    They are read from the replica where it has the whole batch as the database has it,
    and from the database where it has not, or does not answer: a batch is asked for
    right after it was loaded, and half of it would be taken for all.
    """
    database = installation.read_database
    if installation.replica is not None:
        from bulk_pipeline.adapters.exporting.receipts import (  # noqa: PLC0415
            loaded_of,  # for a replica alone
        )

        try:
            loaded_of(installation, batch)
        except BulkPipelineError as error:
            logger.info("The database itself is read: %s", error)
            database = installation.database
    return predictions_frame(database, batch=batch)


def _frame(
    database: Database, query: sa.Select[tuple[object, ...]], numbers: Sequence[str]
) -> "pd.DataFrame":
    """The rows of a query; ``numbers`` are floats even where no row has one."""
    import pandas as pd  # noqa: PLC0415  # half a second, for those who want a frame

    with database.reading() as connection:
        frame = pd.read_sql_query(query, connection)
    return frame.astype(dict.fromkeys(numbers, "float64"))
