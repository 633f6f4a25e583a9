"""Driver errors in our classes: the one table of what a retry can clear."""

import contextlib
import logging
import sqlite3
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from bulk_pipeline.core.errors import (
    DatabaseUnusable,
    PermanentError,
    TransientError,
)
from bulk_pipeline.core.wording import AGAIN, GOES_ON

if TYPE_CHECKING:
    from stamina.instrumentation import RetryDetails

logger = logging.getLogger(__name__)
TRANSIENT_SQLITE = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})
"""Primary result codes that pass by themselves: another writer holds the file."""

OF_SOME_ROWS = frozenset(
    {sqlite3.SQLITE_CONSTRAINT, sqlite3.SQLITE_MISMATCH, sqlite3.SQLITE_TOOBIG, 0}
)
"""Primary result codes that may be due to the rows of one upload; 0 is not known."""

_PRIMARY_CODE = 0xFF  # the low byte of an extended result code
CURES = {
    sqlite3.SQLITE_READONLY: "The file or its folder is read-only. Grant write access.",
    sqlite3.SQLITE_CANTOPEN: "The file cannot be opened. Check that its folder exists "
    "and may be written.",
    sqlite3.SQLITE_NOTADB: "The file is no SQLite database. Name another one in "
    "DATABASE_URL.",
    sqlite3.SQLITE_CORRUPT: "The file is damaged. Restore it from a backup.",
}


_SAID = {
    "database is locked": sqlite3.SQLITE_BUSY,
    "database table is locked": sqlite3.SQLITE_LOCKED,
    "database schema is locked": sqlite3.SQLITE_LOCKED,
    "database or disk is full": sqlite3.SQLITE_FULL,
    "attempt to write a readonly database": sqlite3.SQLITE_READONLY,
    "unable to open database file": sqlite3.SQLITE_CANTOPEN,
    "failed to open": sqlite3.SQLITE_CANTOPEN,
    "file is not a database": sqlite3.SQLITE_NOTADB,
    "database disk image is malformed": sqlite3.SQLITE_CORRUPT,
    "constraint failed": sqlite3.SQLITE_CONSTRAINT,
    "no such table": sqlite3.SQLITE_ERROR,
    "no such column": sqlite3.SQLITE_ERROR,
}
"""What SQLite (and ADBC, which opens it) writes where it gives no code."""


def from_sqlite_text(text: str) -> PermanentError | TransientError:
    """Our error for a driver that hands on SQLite's words and no result code."""
    code = next((code for said, code in _SAID.items() if said in text), 0)
    return from_sqlite(code, text)


def from_sqlite(code: int, text: str) -> PermanentError | TransientError:
    """Our error for a result code of SQLite and the driver's text."""
    primary = code & _PRIMARY_CODE
    if primary in TRANSIENT_SQLITE:
        return TransientError(
            f"The database is busy ({text}). {AGAIN}; if it stays so, look for "
            "another program that holds the file open for writing."
        )
    if primary == sqlite3.SQLITE_FULL:
        # Nothing is wrong with the files, and whoever makes room clears it for all.
        return TransientError(
            f"The disk is full ({text}). Free some space where the database and the "
            f"home lie{GOES_ON}"
        )
    cure = CURES.get(primary, "See the database's own message.")
    kind = PermanentError if primary in OF_SOME_ROWS else DatabaseUnusable
    return kind(f"The database refused ({text}). {cure}")


@contextlib.contextmanager
def translated() -> Iterator[None]:
    """Turn what SQLAlchemy and its drivers raise inside the block into our errors."""
    # The process that loads in bulk needs the table above and not this function.
    import sqlalchemy as sa  # noqa: PLC0415

    try:
        yield
    except sqlite3.Error as error:
        raise from_sqlite(_code(error), str(error)) from error
    except sa.exc.TimeoutError as error:
        raise TransientError(
            "No pooled database connection became free in time. Raise "
            "ULTRA_CONNECTION_POOL_SIZE or load fewer batches at once."
        ) from error
    except sa.exc.DBAPIError as error:
        cause = error.orig
        if isinstance(cause, sqlite3.Error):
            raise from_sqlite(_code(cause), str(cause)) from error
        if isinstance(cause, _sqlserver_errors()):
            raise _from_sqlserver(cause, error) from None
        raise PermanentError(f"The database driver refused: {cause}") from error
    except _sqlserver_errors() as error:
        raise _from_sqlserver(error, error) from None


def attempts(
    on: type[Exception], number: int, first_seconds: float, longest_seconds: float
) -> Iterator[Any]:
    """Attempts at a block, each a context manager, with backoff and jitter between.

    Args:
        on: what another attempt may clear.
        number: of attempts; the error of the last one comes out.
        first_seconds: first wait.
        longest_seconds: longest wait.
    """
    import stamina  # noqa: PLC0415  # as above

    # stamina's own hooks log a name without the cause or, where structlog is installed,
    # print on standard output, among what a command answers there.
    stamina.instrumentation.set_on_retry_hooks([_tell])
    return iter(
        stamina.retry_context(
            on=on,
            attempts=number,
            wait_initial=first_seconds,
            wait_max=longest_seconds,
            wait_jitter=min(1.0, longest_seconds),
            timeout=None,
        )
    )


def _tell(details: "RetryDetails") -> None:
    """Log why something is tried again, and when."""
    cause = details.caused_by
    logger.warning("Tried again in %.1f s: %s", details.wait_for, cause)


def _sqlserver_errors() -> tuple[type[Exception], ...]:
    """Classes of errors of those drivers of SQL Server that anybody has imported."""
    classes: list[type[Exception]] = []
    if odbc := sys.modules.get("pyodbc"):
        classes += [odbc.Error]
    # Its errors and its warnings have a base of their own, errors of its parser none.
    if ours := sys.modules.get("mssql_python.exceptions"):
        classes += [ours.Exception, ours.ConnectionStringParseError]
    return tuple(classes)


def _from_sqlserver(
    cause: BaseException, raised: BaseException
) -> PermanentError | TransientError:
    """Our error, with the way to the driver's; not with its text, which quotes data."""
    # Where SQLite holds the data, this is never needed.
    from bulk_pipeline.adapters.sqlserver_errors import (  # noqa: PLC0415
        from_sqlserver,
    )

    return from_sqlserver(cause).with_traceback(raised.__traceback__)


def _code(error: sqlite3.Error) -> int:
    """Result code of an error; 0 for those that the Python driver raises itself."""
    code: int = getattr(error, "sqlite_errorcode", 0)
    return code
