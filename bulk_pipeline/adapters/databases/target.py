"""Which database the settings name."""

from pathlib import Path

import sqlalchemy as sa

from bulk_pipeline.adapters.home import Home
from bulk_pipeline.adapters.settings import Settings
from bulk_pipeline.core.errors import ConfigurationError

SQLSERVER_DRIVERS = ("mssql+mssqlpython", "mssql+pyodbc")


def target_url(settings: Settings) -> sa.URL:
    """URL of the target database; by default a SQLite file in the home.

    Raises:
        ConfigurationError: the URL cannot be read or names no supported database.
    """
    if settings.database_url is None:
        path = Home(settings.home).database
        return sa.URL.create("sqlite", database=str(path))
    try:
        url = sa.make_url(settings.database_url.get_secret_value())
    except (sa.exc.ArgumentError, ValueError):  # a port that is no number
        # The text is not repeated: a mistyped URL may still hold a password.
        raise ConfigurationError(
            "DATABASE_URL is no SQLAlchemy URL. Write sqlite:////path/to/file.db "
            "or mssql+mssqlpython://user:password@host/database."
        ) from None
    if url.drivername in SQLSERVER_DRIVERS:
        return url
    file = None if url.username or url.host else url.database
    if url.get_backend_name() != "sqlite" or not file:
        raise ConfigurationError(
            f"DATABASE_URL names {url.drivername!r}. Write sqlite:////path/to/file.db, "
            "mssql+mssqlpython://user:password@host/database (nothing to install) or "
            "mssql+pyodbc:// with a driver (needs unixODBC)."
        )
    return url.set(database=str(Path(file).absolute()))
