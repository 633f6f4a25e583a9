"""Laws of the error map of SQL Server, over errors that a server is made to raise."""

import contextlib
import socket
import struct
import threading
import time

import pyarrow as pa
import pytest
import sqlalchemy as sa

from bulk_pipeline.adapters.failures import translated
from bulk_pipeline.adapters.sqlserver_errors import bulk_copy
from bulk_pipeline.core.errors import (
    ConfigurationError,
    DatabaseUnavailable,
    DatabaseUnusable,
    LoginRefused,
    PermanentError,
    TransientError,
)

LOGIN_TIMEOUT = 103  # SQL_ATTR_LOGIN_TIMEOUT of ODBC
LOGIN_SECONDS = 3
ROWS = sa.Table(
    "error_rows",
    sa.MetaData(),
    sa.Column("id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("name", sa.Unicode(10), unique=True),
    sa.Column("ratio", sa.Float, sa.CheckConstraint("ratio >= 0"), nullable=False),
)
CHILDREN = sa.Table(
    "error_children",
    ROWS.metadata,
    sa.Column("row_id", sa.ForeignKey(ROWS.c.id), nullable=False),
)
ACME = {"id": 1, "name": "Acme", "ratio": 1.0}


def engine_of(url):
    """An engine for a URL, which does not wait long for a server that is not there."""
    pyodbc = url.get_driver_name() == "pyodbc"
    waits = {"timeout": LOGIN_SECONDS}
    if not pyodbc:
        waits = {"attrs_before": {LOGIN_TIMEOUT: LOGIN_SECONDS}}
    return sa.create_engine(url, connect_args=waits, hide_parameters=True)


@pytest.fixture
def engine(mssql_url):
    """An engine on a database with one row."""
    engine = engine_of(mssql_url)
    with engine.begin() as connection:
        ROWS.metadata.create_all(connection)
        connection.execute(ROWS.insert(), ACME)
    yield engine
    engine.dispose()


class Line:
    """A way to the server that can be cut."""

    def __init__(self, url) -> None:
        self._target = (url.host, url.port or 1433)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._ends = []
        self.bytes_left = float("inf")
        port = self._listener.getsockname()[1]
        self.url = url.set(host="127.0.0.1", port=port)
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        """Let clients through until the end."""
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(self._target)
                self._ends += [client, server]
                for ends in ((client, server), (server, client)):
                    threading.Thread(target=self._pass, args=ends, daemon=True).start()

    def _pass(self, source, target) -> None:
        """Hand on what one end sends."""
        with contextlib.suppress(OSError):
            while data := source.recv(65_536):
                self.bytes_left -= len(data)
                if self.bytes_left < 0:
                    self.cut()
                target.sendall(data)

    def cut(self) -> None:
        """Reset every connection there is; new ones get through."""
        ends, self._ends = self._ends, []
        self.bytes_left = float("inf")
        for end in ends:
            with contextlib.suppress(OSError):
                reset = struct.pack("ii", 1, 0)
                end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, reset)
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def close(self) -> None:
        """Let nobody in any more."""
        # Without it, the thread that waits for a client would still let one in.
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()


@pytest.fixture
def line(mssql_url):
    """A way to the server of its own for this test."""
    line = Line(mssql_url)
    yield line
    with contextlib.suppress(OSError):  # closed by the test
        line.close()


def error_of(action):
    """Our error for something that must fail."""
    with pytest.raises((PermanentError, TransientError)) as caught, translated():
        action()
    return caught.value


def refused(engine, statement, values=None):
    """Our error for a statement that must fail."""

    def execute() -> None:
        with engine.begin() as connection:
            connection.execute(statement, values)

    return error_of(execute)


@pytest.mark.parametrize(
    ("values", "number"),
    [
        ({"id": 1, "name": "Secret", "ratio": 1.0}, "2627"),
        ({"id": 2, "name": "Acme", "ratio": 1.0}, "2627"),
        ({"id": 3, "name": "Secret", "ratio": None}, "515"),
        ({"id": 4, "name": "Secret", "ratio": -1.0}, "547"),
        ({"id": 5, "name": "Secret Secret", "ratio": 1.0}, "2628"),
    ],
)
def test_a_refused_row_is_permanent_and_not_quoted(engine, values, number) -> None:
    """No retry makes the row fit, and the journal must not hold its company."""
    error = refused(engine, ROWS.insert(), values)
    assert type(error) is PermanentError
    assert f"error {number}: " in str(error)
    assert "Secret" not in str(error)
    assert "Acme" not in str(error)


def test_an_orphan_is_permanent(engine) -> None:
    """A foreign key that points nowhere is a fault, not bad luck."""
    error = refused(engine, CHILDREN.insert(), {"row_id": 99})
    assert type(error) is PermanentError
    assert "error 547: " in str(error)


@pytest.mark.parametrize(
    ("statement", "number"),
    [
        (sa.select(sa.table("nosuch", sa.column("id"))), "208"),
        (sa.select(sa.table("error_rows", sa.column("nosuch"))), "207"),
        (sa.text("SELECT 1 1"), "102"),
    ],
)
def test_a_statement_that_cannot_be_understood_is_permanent(
    engine, statement, number
) -> None:
    """Tables of another version, or a fault of ours; the message names the thing."""
    error = refused(engine, statement)
    assert type(error) is DatabaseUnusable
    assert f"error {number}: " in str(error)


def test_a_deadlock_is_transient_for_its_victim(engine) -> None:
    """The other one goes on; this one starts anew."""
    with engine.begin() as connection:
        connection.execute(ROWS.insert(), {"id": 2, "name": "Other", "ratio": 1.0})
    both = threading.Barrier(2, timeout=20)
    raised = []

    def work(first, second) -> None:
        try:
            with translated(), engine.begin() as connection:
                for row in (first, second):
                    connection.execute(
                        ROWS.update().where(ROWS.c.id == row).values(ratio=2.0)
                    )
                    if row == first:
                        both.wait()
        except TransientError as error:
            raised.append(error)

    pairs = [threading.Thread(target=work, args=ids) for ids in ((1, 2), (2, 1))]
    for thread in pairs:
        thread.start()
    for thread in pairs:
        thread.join()
    (victim,) = raised
    assert type(victim) is TransientError
    assert "error 1205: " in str(victim)


def blocked(engine, prepare):
    """Our error for an update of a row that another transaction holds."""
    update = ROWS.update().values(ratio=2.0)

    def wait() -> None:
        with engine.connect() as waiting:
            prepare(waiting)
            waiting.execute(update)

    with engine.connect() as holder, holder.begin():
        holder.execute(update)
        return error_of(wait)


def test_a_lock_that_was_not_given_is_transient(engine) -> None:
    """Nothing was done, so nothing need be asked before the next attempt."""
    error = blocked(engine, lambda c: c.exec_driver_sql("SET LOCK_TIMEOUT 200"))
    assert type(error) is TransientError
    assert "error 1222: " in str(error)
    assert "unknown" not in str(error)


def test_a_statement_that_took_too_long_has_an_unknown_outcome(engine) -> None:
    """It may have been done all the same, so the receipt has the last word."""

    def hurry(connection) -> None:
        connection.connection.dbapi_connection.timeout = 1

    error = blocked(engine, hurry)
    assert type(error) is TransientError
    assert "took effect is unknown" in str(error)


def test_a_wrong_password_is_a_refused_login(mssql_url) -> None:
    """A starting server says the same, so only the caller knows when to give up."""
    wrong = engine_of(mssql_url.set(password="Not;this}one"))  # noqa: S106  # no secret
    error = refused(wrong, sa.select(1))
    assert type(error) is LoginRefused
    assert "error 18456: " in str(error)
    assert "Not;this" not in str(error)


def test_a_starting_server_refuses_logins(mssql_url, mssql_faults) -> None:
    """All drivers must agree on it: the grace time starts with this class."""
    mssql_faults(refuse_logins=30)
    assert type(refused(engine_of(mssql_url), sa.select(1))) is LoginRefused


def test_a_database_that_is_not_there_is_named(mssql_url) -> None:
    """It may still be recovering, or be misspelt in DATABASE_URL."""
    lost = engine_of(mssql_url.set(database="no_such_database_of_ours"))
    with contextlib.suppress(sa.exc.DBAPIError), lost.connect():
        pytest.skip("this server opens a database of any name")
    error = refused(lost, sa.select(1))
    assert type(error) is LoginRefused
    assert "exists and is online" in str(error)


def test_nobody_listening_is_unavailable(line) -> None:
    """It is what a stopped server looks like."""
    line.close()
    error = refused(engine_of(line.url), sa.select(1))
    assert type(error) is DatabaseUnavailable
    assert "cannot be reached" in str(error)


def test_a_certificate_that_is_not_trusted_is_explained(mssql_url) -> None:
    """Encryption is on by default, so this is the first thing that people see."""
    strict = mssql_url.difference_update_query(["TrustServerCertificate"])
    strict = strict.update_query_dict({"Encrypt": "yes"})
    with contextlib.suppress(sa.exc.DBAPIError), engine_of(strict).connect():
        pytest.skip("the certificate of this server is trusted here")
    error = refused(engine_of(strict), sa.select(1))
    assert type(error) is DatabaseUnusable
    assert "TrustServerCertificate=yes" in str(error)


def test_an_option_that_mssql_python_does_not_know_is_explained(mssql_url) -> None:
    """The driver refuses it before there is a connection; ODBC leaves it out."""
    if mssql_url.get_driver_name() == "pyodbc":
        pytest.skip("the ODBC driver ignores keywords that it does not know")
    error = refused(
        engine_of(mssql_url.update_query_dict({"Nosuch": "1"})), sa.select(1)
    )
    assert type(error) is ConfigurationError


def test_an_odbc_driver_that_is_not_there_is_explained(mssql_url) -> None:
    """Whoever has nothing but pip gets a way that works with it."""
    if mssql_url.get_driver_name() != "pyodbc":
        pytest.skip("mssql-python brings its driver")
    absent = mssql_url.update_query_dict({"driver": "/nowhere/libmsodbcsql-18.so"})
    error = refused(engine_of(absent), sa.select(1))
    assert type(error) is ConfigurationError
    assert "mssql+mssqlpython://" in str(error)


@pytest.mark.parametrize("moment", ["idle", "statement", "commit"])
def test_a_broken_connection_is_unavailable_and_not_used_again(
    engine, line, moment
) -> None:
    """What was under way may have taken effect; the next attempt must connect anew."""
    broken = engine_of(line.url)
    update = ROWS.update().values(ratio=2.0)
    with engine.connect() as holder, broken.connect() as connection:
        connection.execute(update if moment == "commit" else sa.select(1))
        if moment == "statement":
            holder.execute(update)  # so that the statement waits
            threading.Timer(0.5, line.cut).start()
        else:
            line.cut()
            time.sleep(0.2)
        if moment == "commit":
            error = error_of(connection.commit)
        else:
            error = error_of(lambda: connection.execute(update))
        assert connection.invalidated
    assert type(error) is DatabaseUnavailable
    assert "took effect is unknown" in str(error)
    with translated(), broken.connect() as connection:
        assert connection.scalar(sa.select(1)) == 1
    broken.dispose()


def arrow(ids, names):
    """Rows as a bulk copy takes them."""
    ratios = pa.array([1.0] * len(ids))
    return pa.table({"id": pa.array(ids, pa.int64()), "name": names, "ratio": ratios})


def copied(engine, table, data, seconds=20):
    """Our error for a bulk copy that must fail."""

    def copy() -> None:
        with engine.connect() as connection:
            cursor = connection.connection.driver_connection.cursor()
            with bulk_copy():
                cursor.bulkcopy_arrow(
                    table, data, timeout=seconds, column_mappings=data.column_names
                )

    return error_of(copy)


@pytest.fixture
def bulk_engine(engine, mssql_url):
    """The engine, where its driver copies in bulk."""
    if mssql_url.get_driver_name() == "pyodbc":
        pytest.skip("pyodbc has no bulk copy")
    return engine


@pytest.mark.parametrize(
    ("table", "ids", "names", "words"),
    [
        ("error_rows", [1], ["Secret"], "error 2627: "),
        ("error_rows", [2], ["Secret Secret"], "error 2628: "),
        ("error_rows", [None], ["Secret"], "error 515: "),
        ("error_rows", ["Secret"], ["x"], "Cannot map Arrow column 'id'"),
        ("nosuch", [2], ["Secret"], "error 208: "),
    ],
)
def test_what_a_bulk_copy_refuses_is_permanent_and_not_quoted(
    bulk_engine, table, ids, names, words
) -> None:
    """The driver raises plain Python errors, and checks some rows by itself."""
    data = arrow([0], names)
    if ids == ["Secret"]:
        data = data.set_column(0, "id", pa.array(ids))
    else:
        data = data.set_column(0, "id", pa.array(ids, pa.int64()))
    error = copied(bulk_engine, table, data)
    assert type(error) is (DatabaseUnusable if table == "nosuch" else PermanentError)
    assert words in str(error)
    assert "Secret" not in str(error)


def test_a_bulk_copy_that_waits_too_long_is_transient(bulk_engine) -> None:
    """It blocks on what another transaction holds; its rows may be there later."""
    held = {"id": 7, "name": "Held", "ratio": 1.0}
    with bulk_engine.connect() as holder, holder.begin():
        holder.execute(ROWS.insert(), held)
        error = copied(bulk_engine, "error_rows", arrow([7], ["x"]), seconds=1)
    assert type(error) is TransientError
    assert "BULK_PIPELINE_BULK_SECONDS" in str(error)


def test_a_bulk_copy_whose_connection_breaks_is_unavailable(bulk_engine, line) -> None:
    """The connection is one of its own, which nobody else could look at."""
    ids = list(range(10, 200_010))
    broken = engine_of(line.url)
    with broken.connect():
        line.bytes_left = 1_000_000
        error = copied(broken, "error_rows", arrow(ids, [None] * len(ids)))
    assert type(error) is DatabaseUnavailable
    broken.dispose()


def test_a_bulk_copy_cut_by_the_server_is_unavailable(
    bulk_engine, mssql_faults
) -> None:
    """A server that ends the connection itself is as gone as one behind a cut."""
    mssql_faults(drop_after_bulk_rows=1000)
    ids = list(range(10, 200_010))
    error = copied(bulk_engine, "error_rows", arrow(ids, [None] * len(ids)))
    assert type(error) is DatabaseUnavailable


def test_a_bulk_copy_that_is_not_let_in_is_a_refused_login(
    bulk_engine, mssql_faults
) -> None:
    """The copy logs in by itself, while its cursor's connection is long open."""
    with bulk_engine.connect():
        pass
    mssql_faults(refuse_logins=30)
    error = copied(bulk_engine, "error_rows", arrow([8], ["x"]))
    assert type(error) is LoginRefused
