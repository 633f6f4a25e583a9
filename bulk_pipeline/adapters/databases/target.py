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
    return supported_url(settings.database_url.get_secret_value(), "DATABASE_URL")


def supported_url(text: str, variable: str) -> sa.URL:
    """The URL that a text is; that of a SQLite file with its whole path.

    Args:
        text: as a person wrote it.
        variable: what holds it, for messages.

    Raises:
        ConfigurationError: it cannot be read or names no supported database.
    """
    try:
        url = sa.make_url(text)
    except (sa.exc.ArgumentError, ValueError):  # a port that is no number
        # The text is not repeated: a mistyped URL may still hold a password.
        raise ConfigurationError(
            f"{variable} is no SQLAlchemy URL. Write sqlite:////path/to/file.db "
            "or mssql+mssqlpython://user:password@host/database."
        ) from None
    if url.drivername in SQLSERVER_DRIVERS:
        return url
    file = None if url.username or url.host else url.database
    if url.get_backend_name() != "sqlite" or not file:
        raise ConfigurationError(
            f"{variable} names {url.drivername!r}. Write sqlite:////path/to/file.db, "
            "mssql+mssqlpython://user:password@host/database (nothing to install) or "
            "mssql+pyodbc:// with a driver (needs unixODBC)."
        )
    return url.set(database=str(Path(file).absolute()))
