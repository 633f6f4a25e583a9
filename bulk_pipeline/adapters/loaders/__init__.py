"""Ways into databases; each keeps the promise of ``base``."""

from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING

# The process that loads in bulk lives in this package and can do without these.
if TYPE_CHECKING:
    from bulk_pipeline.adapters.database import Database
    from bulk_pipeline.adapters.loaders.base import Loader


def loader_for(database: "Database") -> "Loader":
    """The way into a database of its kind."""
    # Each kind brings drivers of its own; a run needs one.
    if database.url.get_backend_name() == "sqlite":
        from bulk_pipeline.adapters.loaders.sqlite import SqliteLoader  # noqa: PLC0415

        return SqliteLoader(database)
    from bulk_pipeline.adapters.loaders.sqlserver import (  # noqa: PLC0415
        SqlServerLoader,
    )

    return SqlServerLoader(database)


def prepared_ahead(database: "Database", rows: int) -> AbstractContextManager[None]:
    """Start what a load of about so many rows needs, before there is a loader for it.

    A run first imports for a second or more, on one core; what it loads with can be
    started on another one meanwhile. What no loader has taken by the end of the block
    is ended.
    """
    if database.url.get_backend_name() != "sqlite":
        return nullcontext()
    from bulk_pipeline.adapters.loaders.sqlite import started_ahead  # noqa: PLC0415

    return started_ahead(rows)
