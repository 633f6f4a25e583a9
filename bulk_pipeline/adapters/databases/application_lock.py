"""Application locks of SQL Server: locks on names, which only their takers know.

They need no right beyond ``public``, and the server lets go of them when the
transaction or the session ends, however it ends.
"""

import sqlalchemy as sa

from bulk_pipeline.adapters.databases.watching import WAITS_FOR_LOCK
from bulk_pipeline.core.errors import PermanentError, TransientError
from bulk_pipeline.core.wording import AGAIN

TRANSACTION, SESSION = "Transaction", "Session"
EXCLUSIVE, SHARED = "Exclusive", "Shared"
_TIMED_OUT, _CANCELLED, _DEADLOCK = -1, -2, -3
# With autocommit off the server begins a transaction at the first look into a table,
# and refuses a transaction's lock before; hence the look. Counts of rows would come to
# the drivers as results before ours.
_TAKE = sa.text(
    "SET NOCOUNT ON;"
    " DECLARE @taken int, @schemas int;"
    " SELECT @schemas = COUNT(*) FROM sys.schemas;"
    " EXEC @taken = sp_getapplock @Resource = :resource, @LockMode = :mode,"
    " @LockOwner = :owner, @LockTimeout = :milliseconds;"
    " SET NOCOUNT OFF;"
    " SELECT @taken"
).execution_options(**{WAITS_FOR_LOCK: True})


def take(
    connection: sa.Connection,
    resource: str,
    owner: str,
    seconds: float,
    *,
    mode: str = EXCLUSIVE,
) -> bool:
    """Take a lock, an exclusive one if nothing else is said.

    Args:
        connection: whose transaction or session will own it.
        resource: its name, up to 255 characters.
        owner: ``TRANSACTION`` or ``SESSION``.
        seconds: how long to wait for its present owner.
        mode: ``EXCLUSIVE``, or ``SHARED`` with others who ask for that.

    Returns:
        False where another owner held it all the time.

    Raises:
        TransientError: the wait was cancelled, or was one of a deadlock.
        PermanentError: the server refused the request itself.
    """
    values = {
        "resource": resource,
        "mode": mode,
        "owner": owner,
        "milliseconds": int(seconds * 1000),
    }
    code = connection.execute(_TAKE, values).scalar_one()
    if code in (_CANCELLED, _DEADLOCK):
        raise TransientError(
            f"The wait for the application lock {resource} ended with code {code}, "
            f"a cancellation or a deadlock. {AGAIN}."
        )
    if code < _DEADLOCK:
        raise PermanentError(
            f"SQL Server refused the application lock {resource} (code {code}). Ask "
            "its administrator whether sp_getapplock may be used."
        )
    return bool(code != _TIMED_OUT)
