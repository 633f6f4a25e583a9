"""Errors of SQL Server's drivers in our classes, without data and passwords."""

import contextlib
import re
from collections.abc import Iterator

from bulk_pipeline.adapters.sqlserver_cures import (
    CERTIFICATE,
    LOST,
    NO_DRIVER,
    NO_MANAGER,
    TIMED_OUT,
    UNKNOWN,
    UNREACHABLE,
    Rule,
)
from bulk_pipeline.adapters.sqlserver_error_table import BY_NUMBER, BY_STATE
from bulk_pipeline.adapters.sqlserver_texts import Told, shown, told
from bulk_pipeline.core.errors import (
    ConfigurationError,
    DatabaseUnusable,
    LoginRefused,
    PermanentError,
    TransientError,
)
from bulk_pipeline.core.wording import AGAIN_SOON

_STARTING = f" A server that starts does so for a while{AGAIN_SOON}"
_LOGIN_FAILED = 18456
# What a bulk copy was doing, as in "Failed to retrieve destination metadata: ".
_STEP = "(?:Failed to [a-z ]+: )?"
_OF_DRIVERS = (
    (r"(?is)(ssl provider|failed to connect|tls ).*certificate", CERTIFICATE),
    (r"(?i)ssl provider: the target principal name is incorrect", CERTIFICATE),
    (r"Can't open lib", NO_DRIVER),
    (r"Login timeout expired|Failed to connect to SQL Server", UNREACHABLE),
    (rf"{_STEP}(Query timeout expired|Timeout Error)", TIMED_OUT),
    (rf"{_STEP}(IO error|Connection closed)", LOST),
    (r"Cannot .* on (a )?closed connection", LOST),
)
"""How the drivers' own texts start, which have neither number nor SQLSTATE of use."""


def from_sqlserver(error: BaseException) -> PermanentError | TransientError:
    """Our error for what mssql-python, its bulk copy or pyodbc raised.

    Args:
        error: a DB-API error of either driver, one of SQLAlchemy around it, a
            RuntimeError, ValueError or TypeError of a bulk copy, or the ImportError
            of a driver. Raise the result ``from None``: the driver's own text may
            quote data, and would be logged as its cause.
    """
    cause = getattr(error, "orig", None) or error
    if isinstance(cause, ImportError):
        return _from_import(cause)
    if type(cause).__name__ == "ConnectionStringParseError":
        # Its text is not repeated: part of a mistyped password may look like a keyword.
        return ConfigurationError(
            "mssql-python cannot read the options in DATABASE_URL (after its question "
            "mark). Write only keywords that it knows, as in ?Encrypt=yes."
        )
    said = told(cause)
    rule, number = _rule(said)
    text = shown(said.text, quotes_data=rule.quotes_data)
    named = f"error {number}: {text}" if number else text
    starting = _STARTING if rule.kind is LoginRefused else ""
    return rule.kind(f"{rule.what} ({named}). {rule.cure}{starting}")


def permanent_login_refusal(error: LoginRefused) -> PermanentError:
    """The same refusal, once the server has had its time to start."""
    return DatabaseUnusable(
        str(error).removesuffix(_STARTING) + " It was refused for all of "
        "BULK_PIPELINE_LOGIN_GRACE_SECONDS."
    )


@contextlib.contextmanager
def bulk_copy() -> Iterator[None]:
    """Around one call of mssql-python's bulk copy and nothing else.

    Its errors are plain Python errors, which cannot be told from faults of our own
    farther out.

    Raises:
        TransientError: the way to the server broke, it gave way or took too long.
        PermanentError: the server or the driver refused a row, a type or the table.
    """
    try:
        yield
    except (RuntimeError, ValueError, TypeError) as error:
        ours = from_sqlserver(error)
        raise ours.with_traceback(error.__traceback__) from None


def _rule(said: Told) -> tuple[Rule, int]:
    """The rule for an error, and the number that it goes by; 0 for none."""
    # A database that is not there is refused by two messages. The one that names it
    # says more than the other, which is that of every refused login.
    numbers = [n for n in (said.number, *said.more) if n in BY_NUMBER]
    number = min(numbers, key=lambda n: n == _LOGIN_FAILED, default=said.number)
    rule = BY_NUMBER.get(number) or _by_words(said) or BY_STATE.get(said.state, UNKNOWN)
    nothing_sent = said.connecting and rule in (LOST, TIMED_OUT)
    return (UNREACHABLE if nothing_sent else rule), number


def _by_words(said: Told) -> Rule | None:
    # What has a number is the server's, which may quote any words.
    words = said.text if not said.number else ""
    return next((rule for start, rule in _OF_DRIVERS if re.match(start, words)), None)


def _from_import(error: ImportError) -> ConfigurationError:
    if "libodbc" in str(error):
        return ConfigurationError(f"{NO_MANAGER.what} ({error}). {NO_MANAGER.cure}")
    return ConfigurationError(
        f"A driver for SQL Server cannot be loaded ({error}). Install the project "
        "with its dependencies, and the system libraries that the text names."
    )
