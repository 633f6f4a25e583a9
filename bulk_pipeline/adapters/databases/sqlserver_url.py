"""URLs of SQL Server: what settings add, and whose driver they name."""

from collections.abc import Callable

import sqlalchemy as sa

from bulk_pipeline.adapters.database_settings import DatabaseSettings
from bulk_pipeline.adapters.databases.copying import Copier
from bulk_pipeline.adapters.databases.mssql import ArrowCopier
from bulk_pipeline.adapters.databases.odbc import OdbcCopier


def completed(url: sa.URL, settings: DatabaseSettings) -> sa.URL:
    """The URL with the password of the settings and encryption, where it has none.

    What the URL says about encryption and about trust in the server's certificate
    stays as it is: neither is ever weakened here.
    """
    if url.username and url.password is None and settings.database_password:
        url = url.set(password=settings.database_password.get_secret_value())
    if not any(name.lower() == "encrypt" for name in url.query):
        # An older ODBC driver would send everything in the clear.
        url = url.update_query_dict({"Encrypt": "yes"})
    return url


def copier_of(url: sa.URL) -> Callable[[sa.Engine, DatabaseSettings, int], Copier]:
    """What copies rows in bulk through the driver of a URL."""
    return OdbcCopier if url.get_driver_name() == "pyodbc" else ArrowCopier
