"""What can be wrong with SQL Server, each with its kind for us and its cure."""

from typing import NamedTuple

from bulk_pipeline.core.errors import (
    ConfigurationError,
    DatabaseUnavailable,
    DatabaseUnusable,
    LoginRefused,
    PermanentError,
    TransientError,
)
from bulk_pipeline.core.wording import AGAIN

Kind = type[PermanentError] | type[TransientError]


class Rule(NamedTuple):
    """What an error is to us.

    Attributes:
        kind: class of our error.
        what: what happened, in words for an operator; the driver's follow it.
        cure: what to do.
        quotes_data: whether the server's text may quote keys or cells.
    """

    kind: Kind
    what: str
    cure: str
    quotes_data: bool = False


UNKNOWN_OUTCOME = (
    "Whether the statement took effect is unknown: the receipt in the database is "
    "asked before anything is tried again."
)
UNREACHABLE = Rule(
    DatabaseUnavailable,
    "SQL Server cannot be reached",
    f"{AGAIN}; if it stays so, check that it runs and that host and port in "
    "DATABASE_URL can be reached from this machine.",
)
LOST = Rule(
    DatabaseUnavailable,
    "The connection to SQL Server broke",
    f"{UNKNOWN_OUTCOME} If it happens often, look for a restart, a failover or a "
    "firewall that drops idle connections.",
)
TIMED_OUT = Rule(
    TransientError,
    "SQL Server did not answer in time",
    f"{UNKNOWN_OUTCOME} Raise BULK_PIPELINE_STATEMENT_SECONDS, or "
    "BULK_PIPELINE_BULK_SECONDS for a bulk copy, if loads of that size are usual.",
)
CERTIFICATE = Rule(
    DatabaseUnusable,
    "The certificate of SQL Server is not trusted here",
    "Install the authority that signed it on this machine, or name the host that it "
    "was made for: add HostNameInCertificate=... to DATABASE_URL. Where you know that "
    "nobody can come between, TrustServerCertificate=yes there skips the check; it is "
    "never set for you, since it lets anybody pose as the server.",
)
_PACKAGED_DRIVER = (
    "The package mssql-python-odbc brings Microsoft's driver: its path (libmsodbcsql-18"
    "... below mssql_python_odbc/libs) can be given as driver=... in DATABASE_URL. "
    "mssql+mssqlpython:// URLs need neither an ODBC manager nor an installed driver."
)
NO_DRIVER = Rule(
    ConfigurationError, "The ODBC driver for SQL Server is not there", _PACKAGED_DRIVER
)
NO_MANAGER = Rule(
    ConfigurationError,
    "The ODBC manager that pyodbc needs is not there",
    "Install unixODBC (the package unixodbc, which has libodbc.so.2). "
    + _PACKAGED_DRIVER,
)
REFUSED = Rule(PermanentError, "SQL Server refused", "See SQL Server's own message.")
UNKNOWN = REFUSED._replace(
    cure="SQL Server's own log of this moment says more; if there is a number, look it "
    "up among its events and errors.",
    quotes_data=True,
)

BUSY = Rule(
    TransientError,
    "SQL Server gave way to another transaction",
    f"{AGAIN}; if it stays so, look for another program that holds the tables.",
)
SHORT = Rule(
    TransientError,
    "SQL Server is short of memory or locks",
    f"{AGAIN}; if it stays so, give it more memory or load fewer batches at once.",
)
AWAY = Rule(
    DatabaseUnavailable,
    "SQL Server turns everybody away for now",
    f"{AGAIN}; if it stays so, look into the server's own log.",
)
THROTTLED = Rule(
    DatabaseUnavailable,
    "The database service is busy or moves the database",
    f"{AGAIN}; if it stays so, load fewer batches at once or give the database more "
    "resources.",
)
LOGIN = Rule(
    LoginRefused,
    "SQL Server refused the login",
    "Check user and password in DATABASE_URL and BULK_PIPELINE_DATABASE_PASSWORD, and "
    "that the server allows SQL logins.",
)
NO_DATABASE = LOGIN._replace(
    what="SQL Server does not open the database",
    cure="Check that the database named in DATABASE_URL exists and is online, and that "
    "the login has a user in it.",
)
LOGIN_STATE = Rule(
    DatabaseUnusable,
    "SQL Server refused the login",
    "Ask an administrator: the login is locked, disabled, expired, of a domain that "
    "is not trusted, or from an address that the firewall does not let in.",
)
PERMISSION = Rule(
    DatabaseUnusable,
    "SQL Server refused for want of a permission",
    "Grant it to the login; the documents have a script of all that is needed.",
)
TABLES = Rule(
    DatabaseUnusable,
    "SQL Server does not know a table or a column",
    "Check that DATABASE_URL names the database that holds the tables, and that no "
    "other version of this project made them.",
)
SYNTAX = Rule(
    DatabaseUnusable,
    "SQL Server did not understand a statement",
    "Check that it is SQL Server 2019 or later, then report this as a fault.",
)
EXISTS = REFUSED._replace(
    kind=DatabaseUnusable,
    cure="Something of that name is there and is none of ours. Rename it, or name "
    "another database in DATABASE_URL.",
)
DUPLICATE = Rule(
    PermanentError,
    "A row has the key of another row",
    "Run the batch again: rows that another program wrote meanwhile are seen then.",
    quotes_data=True,
)
RULE = Rule(
    PermanentError,
    "A row breaks a rule of its table",
    "Check whether somebody changed the tables, and report this as a fault if not.",
)
VALUE = RULE._replace(
    what="A value does not fit its column or cannot be converted", quotes_data=True
)
FULL = Rule(
    DatabaseUnusable,
    "SQL Server has no room left",
    "Free or add disk space, let the files grow, and back the log up if the database "
    "is in full recovery. Then run the batch again.",
)
DAMAGED = Rule(
    DatabaseUnusable,
    "SQL Server cannot read its files",
    "Ask an administrator to check the disks, run DBCC CHECKDB and restore a backup.",
)
READ_ONLY = REFUSED._replace(
    kind=DatabaseUnusable,
    cure="The database is read-only or a secondary replica. Name the primary or the "
    "listener of the availability group in DATABASE_URL.",
)
