"""Laws of the error map of SQL Server, over what its drivers and servers write.

Texts under RECORDED were written by mssql-python 1.16 and by pyodbc 5.5 with driver
18.6 of Microsoft, against a test server. All others are the real server's, from the
list of its events and errors; they have not been seen to arrive, but for the German
and the Chinese ones, which people quote in public reports.
"""

import subprocess
import sys
import traceback

import pytest
import sqlalchemy as sa
from mssql_python import exceptions as mssql

from bulk_pipeline.adapters.failures import translated
from bulk_pipeline.adapters.sqlserver_errors import (
    bulk_copy,
    from_sqlserver,
    permanent_login_refusal,
)
from bulk_pipeline.core.errors import (
    ConfigurationError,
    DatabaseUnavailable,
    DatabaseUnusable,
    LoginRefused,
    PermanentError,
    TransientError,
)

ODBC = "[Microsoft][ODBC Driver 18 for SQL Server]"


def by_odbc(state, text, call="SQLExecDirectW"):
    """An error with pyodbc's arguments; its class plays no part."""
    return Exception(state, f"[{state}] {ODBC}{text} ({call})")


def by_words(driver_error, text):
    """An error of mssql-python, which has no number."""
    return mssql.OperationalError(driver_error, ODBC + text)


SYNTAX = "Syntax error or access violation"  # what mssql-python calls SQLSTATE 42000
NO_CONNECTION = "Client unable to establish connection"
DEADLOCKED = (
    "[SQL Server]Transaction (Process ID 52) was deadlocked on lock resources with "
    "another process and has been chosen as the deadlock victim. Rerun the transaction."
)
SELF_SIGNED = (
    "SSL Provider: [error:0A000086:SSL routines::certificate verify failed:self-signed "
    "certificate]"
)

RECORDED = [
    (by_odbc("40001", f"{DEADLOCKED} (1205)"), TransientError, "tried again"),
    (by_words("Serialization failure", DEADLOCKED), TransientError, "error 1205"),
    (
        by_odbc("42000", "[SQL Server]Lock request time out period exceeded. (1222)"),
        TransientError,
        "another program that holds the tables",
    ),
    (
        by_words(SYNTAX, "[SQL Server]Lock request time out period exceeded."),
        TransientError,
        "error 1222",
    ),
    (
        by_odbc("HYT00", "Query timeout expired (0)"),
        TransientError,
        "took effect is unknown",
    ),
    (
        by_words("Timeout expired", "Query timeout expired"),
        TransientError,
        "took effect is unknown",
    ),
    (
        RuntimeError("Timeout Error: Elapsed: deadline has elapsed"),
        TransientError,
        "BULK_PIPELINE_BULK_SECONDS",
    ),
    (
        by_odbc("HYT00", "Login timeout expired (0)", "SQLDriverConnect"),
        DatabaseUnavailable,
        "cannot be reached",
    ),
    (
        by_words(NO_CONNECTION, "TCP Provider: Error code 0x2749"),
        DatabaseUnavailable,
        "cannot be reached",
    ),
    (
        by_words(NO_CONNECTION, "TCP Provider: Timeout error [258]. "),
        DatabaseUnavailable,
        "cannot be reached",
    ),
    (
        RuntimeError(
            "Failed to connect to SQL Server: IO error: Connection refused (os error "
            "111)"
        ),
        DatabaseUnavailable,
        "cannot be reached",
    ),
    (
        by_odbc("08001", "TCP Provider: Error code 0x2746 (10054)", "SQLDriverConnect"),
        DatabaseUnavailable,
        "cannot be reached",
    ),
    (
        by_odbc("08S01", "TCP Provider: Error code 0x2746 (10054)"),
        DatabaseUnavailable,
        "took effect is unknown",
    ),
    (
        by_odbc("08S01", "TCP Provider: Error code 0x20 (32)", "SQLEndTran"),
        DatabaseUnavailable,
        "took effect is unknown",
    ),
    (
        by_words("Communication link failure", "TCP Provider: Error code 0x20"),
        DatabaseUnavailable,
        "broke",
    ),
    (RuntimeError("IO error: Broken pipe (os error 32)"), DatabaseUnavailable, "broke"),
    (
        # The driver's own check, with its arguments in the other order.
        Exception("String data, right truncation: length 26 buffer 10", "HY000"),
        PermanentError,
        "error 2628: String data, right truncation...",
    ),
    (
        Exception("HY000", "The driver did not supply an error!"),
        PermanentError,
        "did not supply an error",
    ),
    (
        RuntimeError(
            "Connection closed: Connection closed by server while reading TDS packet "
            "header"
        ),
        DatabaseUnavailable,
        "broke",
    ),
    (
        mssql.InterfaceError("Cannot create cursor on closed connection", ""),
        DatabaseUnavailable,
        "broke",
    ),
    (
        by_odbc(
            "28000",
            "[SQL Server]Login failed for user 'sa'. (18456)",
            "SQLDriverConnect",
        ),
        LoginRefused,
        "Check user and password",
    ),
    (
        by_words(
            "Invalid authorization specification",
            "[SQL Server]Login failed for user 'sa'.",
        ),
        LoginRefused,
        "error 18456",
    ),
    (
        RuntimeError(
            "Failed to connect to SQL Server: Sql Error: 18456: Class 14: State 1: "
            "Login failed for user 'sa'. on gateway in  at line 1"
        ),
        LoginRefused,
        "(error 18456: Login failed for user 'sa')",
    ),
    (by_odbc("08001", f"{SELF_SIGNED} (-1)"), DatabaseUnusable, "TrustServerCert"),
    (by_words(NO_CONNECTION, SELF_SIGNED), DatabaseUnusable, "never set for you"),
    (
        RuntimeError(
            "Failed to connect to SQL Server: TLS handshake failed while connecting to "
            "'127.0.0.1': error:0A000086:SSL routines:"
            "tls_post_process_server_certificate:certificate verify failed"
        ),
        DatabaseUnusable,
        "Install the authority",
    ),
    (
        by_odbc("42S02", "[SQL Server]Invalid object name 'nosuch'. (208)"),
        DatabaseUnusable,
        "Invalid object name 'nosuch'",
    ),
    (
        by_words("Base table or view not found", "[SQL Server]Invalid object name 't'"),
        DatabaseUnusable,
        "error 208",
    ),
    (
        RuntimeError(
            "Failed to retrieve destination metadata: Sql Error: 208: Class 16: State "
            "1: Invalid object name '[nosuch]'. on gateway in  at line 1"
        ),
        DatabaseUnusable,
        "(error 208: Invalid object name '[nosuch]')",
    ),
    (
        ValueError("Cannot insert NULL value into non-nullable column 'id'"),
        PermanentError,
        "non-nullable column 'id'",
    ),
    (
        ValueError(
            "Cannot map Arrow column 'id' (Utf8) to SQL column 'id' (Int): Usage Error"
        ),
        PermanentError,
        "Arrow column 'id' (Utf8)",
    ),
    (
        TypeError("bulkcopy data rows must be tuples or Row objects, got list"),
        PermanentError,
        "must be tuples",
    ),
    (
        Exception(
            "01000",
            "[01000] [unixODBC][Driver Manager]Can't open lib 'ODBC Driver 99' : file "
            "not found (0) (SQLDriverConnect)",
        ),
        ConfigurationError,
        "mssql-python-odbc",
    ),
    (
        mssql.ConnectionStringParseError(["Unknown keyword 'hunter2' is not ..."]),
        ConfigurationError,
        "?Encrypt=yes",
    ),
    (
        ImportError(
            "libodbc.so.2: cannot open shared object file: No such file or directory"
        ),
        ConfigurationError,
        "Install unixODBC",
    ),
    (ImportError("libkrb5.so.3: cannot open"), ConfigurationError, "libkrb5.so.3"),
]


@pytest.mark.parametrize(("error", "kind", "words"), RECORDED)
def test_what_the_drivers_raise_is_understood(error, kind, words) -> None:
    """One class says whether a retry helps, and one sentence what to do."""
    ours = from_sqlserver(error)
    assert type(ours) is kind
    assert words in str(ours)
    assert "hunter2" not in str(ours)


DOCUMENTED = [
    (18401, "Login failed for user 'x'. Reason: Server is in script upgrade mode."),
    (17142, "SQL Server service has been paused. No new connections are allowed."),
    (6005, "SHUTDOWN is in progress."),
    (921, "Database 'x' has not been recovered yet. Wait and try again."),
    (983, "Unable to access availability database 'x' because the database replica"),
    (596, "Cannot continue the execution because the session is in the kill state."),
    (40197, "The service has encountered an error processing your request."),
    (40501, "The service is currently busy. Retry the request after 10 seconds."),
    (40613, "Database 'x' on server 'y' is not currently available."),
    (49918, "Cannot process request. Not enough resources to process request."),
    (49919, "Cannot process create or update request. Too many create or update"),
    (10928, "Resource ID: 1. The request limit for the database is 90 and has been"),
    (10929, "Resource ID: 1. The request minimum guarantee is 1, maximum limit is 2"),
]


def every_way(number, text):
    """One error of the server, as each way of the drivers hands it on."""
    return [
        by_odbc("42000", f"[SQL Server]{text} ({number})"),
        by_words(SYNTAX, f"[SQL Server]{text}"),
        RuntimeError(f"Sql Error: {number}: Class 14: State 1: {text} on x in  at ..."),
    ]


@pytest.mark.parametrize(("number", "text"), DOCUMENTED)
def test_a_server_that_turns_everybody_away_is_unavailable(number, text) -> None:
    """It is what the circuit breaker counts, by whichever driver it is said."""
    for error in every_way(number, text):
        ours = from_sqlserver(error)
        assert type(ours) is DatabaseUnavailable
        assert f"error {number}: " in str(ours)


OF_SOME_ROWS = {515, 547, 8152}
"""What other rows of the same batch may escape."""


@pytest.mark.parametrize(
    ("number", "text", "cure"),
    [
        (229, "The INSERT permission was denied on the object 'x'", "Grant it"),
        (262, "CREATE TABLE permission denied in database 'x'.", "Grant it"),
        (300, "VIEW SERVER STATE permission was denied on object 'x'", "Grant it"),
        (207, "Invalid column name 'x'.", "version of this project"),
        (515, "Cannot insert the value NULL into column 'x', table 'y'", "report"),
        (547, 'The INSERT statement conflicted with the CHECK constraint "x".', "rep"),
        (8152, "String or binary data would be truncated.", "changed the tables"),
        (1105, "Could not allocate space for object 'x' in database 'y'", "disk space"),
        (
            9002,
            "The transaction log for database 'x' is full due to",
            "back the log up",
        ),
        (824, "SQL Server detected a logical consistency-based I/O error", "DBCC"),
        (
            3906,
            'Failed to update database "x" because the database is read-only.',
            "li",
        ),
        (
            18486,
            "Login failed for user 'x' because the account is currently locked out",
            "",
        ),
        (
            18488,
            "Login failed for user 'x'.  Reason: The password of the account must be",
            "",
        ),
        (
            40615,
            "Cannot open server 'x' requested by the login. Client with IP",
            "fire",
        ),
    ],
)
def test_what_no_retry_clears_is_permanent_and_says_for_whom(
    number, text, cure
) -> None:
    """Trying again would hide it; the message says what somebody must do."""
    for error in every_way(number, text):
        ours = from_sqlserver(error)
        kind = PermanentError if number in OF_SOME_ROWS else DatabaseUnusable
        assert type(ours) is kind
        assert cure in str(ours)


@pytest.mark.parametrize(
    "number", [3960, 41301, 41302, 41305, 41325, 41839, 701, 1204, 8645, 8651]
)
def test_numbers_that_pass_by_themselves_are_transient(number) -> None:
    """They tell nothing of the server's health, so they do not open the breaker."""
    assert type(from_sqlserver(by_odbc("HY000", f"x ({number})"))) is TransientError


@pytest.mark.parametrize("number", [10053, 10054, 10060, 233, 121, 64, 20, 49920])
def test_numbers_of_the_network_mean_unavailable(number) -> None:
    """A broken connection is the server's or the network's, not the statement's."""
    error = from_sqlserver(by_odbc("08S01", f"x ({number})"))
    assert type(error) is DatabaseUnavailable


def test_a_database_that_is_not_there_is_named_before_the_login() -> None:
    """The server refuses the login too, which would send people to the password."""
    both = by_odbc("28000", "[SQL Server]登录失败。 (18456)", "SQLDriverConnect")
    both.args = ("28000", f"{both.args[1]}; [28000] {ODBC}[SQL Server]无法打开 (4060)")
    ours = from_sqlserver(both)
    assert type(ours) is LoginRefused
    assert "exists and is online" in str(ours)


def test_a_refused_login_promises_no_retry_after_the_grace_time() -> None:
    """The cure is still there then; somebody reads this who must act."""
    login = "[SQL Server]Login failed for user 'sa'. (18456)"
    refused = from_sqlserver(by_odbc("28000", login))
    assert isinstance(refused, LoginRefused)
    assert "it is tried again" in str(refused)
    ended = permanent_login_refusal(refused)
    assert "Check user and password" in str(ended)
    assert "it is tried again" not in str(ended)
    assert "BULK_PIPELINE_LOGIN_GRACE_SECONDS" in str(ended)


DUPLICATE = (
    "Violation of UNIQUE KEY constraint 'uq_b'. Cannot insert duplicate key in object "
    "'dbo.b'. The duplicate key value is (Secret (UK) Ltd. (1205) (SQLExecute), 2020)."
)
QUOTING = [
    *every_way(2627, DUPLICATE),
    *every_way(
        2601,
        "Cannot insert duplicate key row in object 'dbo.t' with unique index 'ux'. The "
        "duplicate key value is (Secret).",
    ),
    *every_way(
        2628,
        "String or binary data would be truncated in table 'a.dbo.t', column 'name'. "
        "Truncated value: 'Secret's'.",
    ),
    *every_way(
        2628,
        'Zeichenfolgen- oder Binärdaten werden in Tabelle "dbo.t", Spalte "name" '
        "abgeschnitten. Abgeschnittener Wert: Secret (C:\\certificate).",
    ),
    *every_way(
        245,
        "Conversion failed when converting the nvarchar value 'Secret' to data type "
        "int.",
    ),
    *every_way(
        248, "The conversion of the nvarchar value 'Secret' overflowed an int column."
    ),
    *every_way(220, "Arithmetic overflow error for data type tinyint, value = Secret."),
    *every_way(99999, "Somebody's trigger says: 'Secret'"),
    ValueError("Value Secret out of range for INT column 'id'"),
    ValueError("Cannot convert 'Secret' to float"),
    by_words(NO_CONNECTION, "Login with UID=sa;PWD={Sec}}ret};Server=x"),
    by_words(NO_CONNECTION, "Login with UID=sa;Password=Secret;Server=x"),
    RuntimeError("Failed to connect to SQL Server: access_token=Secret"),
]


@pytest.mark.parametrize("error", QUOTING)
def test_no_message_quotes_a_key_a_cell_or_a_password(error) -> None:
    """Messages reach the journal and the web; a row of company data must not."""
    message = str(from_sqlserver(error))
    assert "Secret" not in message
    assert "ret}" not in message


@pytest.mark.parametrize("error", every_way(2627, DUPLICATE))
def test_a_quoted_key_cannot_pass_for_another_error(error) -> None:
    """A company may be named after a deadlock; its duplicate stays one."""
    ours = from_sqlserver(error)
    assert type(ours) is PermanentError
    assert "constraint 'uq_b'" in str(ours)


@pytest.mark.parametrize("error", QUOTING[:3])
def test_the_driver_s_own_text_is_not_logged_as_a_cause(error) -> None:
    """Dagster stores causes and contexts of what fails, texts and all."""
    raised = []
    try:
        with bulk_copy():
            raise RuntimeError(*error.args)
    except PermanentError as ours:
        raised.append(ours)
    if isinstance(error, mssql.Exception):
        for cause in (error, sa.exc.DBAPIError("INSERT", {}, error)):
            try:
                with translated():
                    raise cause
            except PermanentError as ours:
                raised.append(ours)
    for ours in raised:
        printed = "".join(traceback.format_exception(ours))
        assert "Secret" not in printed
        assert "raise " in printed  # the way to the fault is still shown


@pytest.mark.parametrize("wrapped", [False, True])
def test_errors_of_pyodbc_are_translated_wherever_they_come_from(wrapped) -> None:
    """Bulk inserts go past SQLAlchemy, and fail the same way."""
    pyodbc = pytest.importorskip("pyodbc", exc_type=ImportError)
    error = pyodbc.Error("40001", f"[40001] {ODBC}{DEADLOCKED} (1205) (SQLExecute)")
    cause = sa.exc.DBAPIError("INSERT", {}, error) if wrapped else error
    with pytest.raises(TransientError, match="1205"), translated():
        raise cause


def test_errors_of_a_connection_string_are_translated() -> None:
    """They are no DB-API errors, so SQLAlchemy lets them through."""
    error = mssql.ConnectionStringParseError(["Unknown keyword 'x'"])
    with pytest.raises(ConfigurationError, match="DATABASE_URL"), translated():
        raise error


def test_only_what_a_bulk_copy_raises_is_taken_for_its_error() -> None:
    """A fault of our own that is no RuntimeError must come out as what it is."""
    with pytest.raises(KeyError), bulk_copy():
        raise KeyError


def test_the_loading_process_imports_no_driver() -> None:
    """It starts for each load; a driver of SQL Server takes longer than SQLite."""
    code = (
        "import sys, bulk_pipeline.adapters.failures;"
        "print([m for m in sys.modules if 'sqlserver' in m or 'odbc' in m"
        " or 'mssql_python' in m or m == 'sqlalchemy'])"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    )
    assert found.stdout.strip() == "[]"
