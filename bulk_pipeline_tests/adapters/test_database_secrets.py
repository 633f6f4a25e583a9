"""No password leaves the process, by whatever way people look into it."""

import itertools
import traceback

import pytest
import sqlalchemy as sa

from bulk_pipeline.adapters.database import Database
from bulk_pipeline.adapters.settings import Settings
from bulk_pipeline.core.errors import BulkPipelineError, ConfigurationError
from bulk_pipeline_tests import sqlserver
from bulk_pipeline_tests.adapters.harness import installation_in
from bulk_pipeline_tests.adapters.ways import DRIVERS, ON_SERVERS
from bulk_pipeline_tests.ports import free_port

SECRET = "hunter2"  # noqa: S105  # the one that must not be shown
REFUSED = [
    f"mssql+mssqlpython://user:{SECRET}@host:port/database",
    f"mssql+pymssql://user:{SECRET}@host/database",
    f"sqlite://user:{SECRET}@host/file.db",
    f"postgresql//user:{SECRET}@host",
]
WITH_IT = [
    *(f"mssql+{driver}://user:{SECRET}@host/database" for driver in DRIVERS),
    *(f"mssql+{driver}://host/database?PWD={SECRET}" for driver in DRIVERS),
    f"mssql+pyodbc:///?odbc_connect=Server%3Dhost%3BUID%3Duser%3BPWD%3D{SECRET}",
]
"""URLs that hold it in each of the places where the drivers look for it."""


def quick(url, **variables):
    """Settings of a database that is given up soon."""
    given = {
        "BULK_PIPELINE_RETRIES": "1",
        "BULK_PIPELINE_CONNECT_SECONDS": "1",
        "BULK_PIPELINE_LOGIN_GRACE_SECONDS": "0",
    }
    return {"DATABASE_URL": url, **given, **variables}


def said(error):
    """All that a log would have of an error, its causes and their contexts too."""
    texts = traceback.format_exception(error)
    while error is not None:
        texts += [str(error), repr(error)]
        error = error.__cause__ or error.__context__
    return "\n".join(texts)


@pytest.mark.parametrize("url", REFUSED)
def test_a_url_that_is_refused_is_not_repeated(url) -> None:
    """A mistyped URL may still hold a password, and ends up in a log."""
    settings = Settings.from_environment({"DATABASE_URL": url})
    assert SECRET not in repr(settings)
    assert SECRET not in str(settings)
    with pytest.raises(ConfigurationError) as refused:
        Database.from_settings(settings)
    assert SECRET not in str(refused.value)
    assert refused.value.__cause__ is None


@pytest.mark.parametrize("url", WITH_IT)
def test_no_password_is_shown(url) -> None:
    """Settings and databases end up in logs, tracebacks and bug reports."""
    settings = Settings.from_environment({"DATABASE_URL": url})
    database = Database.from_settings(settings)
    for shown in (settings, database, database.backend):
        assert SECRET not in repr(shown)
        assert SECRET not in str(shown)
    assert SECRET not in database.name  # which is in the metadata of every load


def test_a_file_is_named_but_not_in_tracebacks() -> None:
    """What has no password is of use to whoever looks for the rows."""
    good = Settings.from_environment({"DATABASE_URL": "sqlite:////data/a.db"})
    database = Database.from_settings(good)
    assert "a.db" not in repr(database)
    assert database.name == "sqlite:////data/a.db"


def test_a_password_of_its_own_is_not_shown() -> None:
    """It is set apart so that URLs can be shown, and must not come back in there."""
    given = {
        "DATABASE_URL": "mssql+mssqlpython://user@host/database",
        "BULK_PIPELINE_DATABASE_PASSWORD": SECRET,
    }
    settings = Settings.from_environment(given)
    database = Database.from_settings(settings)
    engine = database.engine
    assert engine.url.password == SECRET
    for shown in (settings, database, vars(database.backend), engine, engine.url):
        assert SECRET not in repr(shown)
        assert SECRET not in str(shown)
    assert database.name == "mssql+mssqlpython://user@host/database"


def named(driver, place):
    """Settings of a database that is not there, with the password in some place."""
    url = sa.URL.create(
        f"mssql+{driver}", "user", None, "127.0.0.1", free_port(), "database"
    )
    if driver == "pyodbc":
        url = url.update_query_dict({"driver": sqlserver.odbc_driver()})
    if place == "in the URL":
        return quick(url.set(password=SECRET))
    if place == "on its own":
        return quick(url, BULK_PIPELINE_DATABASE_PASSWORD=SECRET)
    text = (
        f"DRIVER={{{sqlserver.odbc_driver()}}};SERVER=127.0.0.1,{url.port};"
        f"UID=user;PWD={SECRET}"
    )
    return quick(sa.URL.create(f"mssql+{driver}", query={"odbc_connect": text}))


@pytest.mark.parametrize(
    ("driver", "place"),
    [
        *itertools.product(DRIVERS, ["in the URL", "on its own"]),
        ("pyodbc", "in a connection string"),
    ],
)
def test_a_server_that_is_not_there_shows_no_password(tmp_path, driver, place) -> None:
    """The driver quotes its connection string, or part of it, when it fails."""
    if driver == "pyodbc":
        pytest.importorskip("pyodbc", exc_type=ImportError)  # needs libodbc
    installation = installation_in(tmp_path / "home", **named(driver, place))
    with pytest.raises(BulkPipelineError) as failed:
        installation.database.create_tables()
    installation.close()
    assert SECRET not in said(failed.value)


@pytest.mark.parametrize("driver", ON_SERVERS)
def test_a_refused_login_shows_no_password(tmp_path, empty_mssql, driver) -> None:
    """A password that is wrong here is right somewhere else."""
    url = empty_mssql(driver).set(password=SECRET)
    installation = installation_in(tmp_path / "home", **quick(url))
    with pytest.raises(BulkPipelineError, match="18456") as failed:
        installation.database.create_tables()
    installation.close()
    assert SECRET not in said(failed.value)


@pytest.mark.parametrize("driver", ON_SERVERS)
def test_a_password_of_its_own_opens_the_database(
    tmp_path, empty_mssql, driver
) -> None:
    """Set apart or in the URL, it is the same password."""
    url = empty_mssql(driver)
    given = {"BULK_PIPELINE_DATABASE_PASSWORD": url.password}
    bare = sa.URL.create(  # since URL.set takes None for "as it is"
        url.drivername, url.username, None, url.host, url.port, url.database, url.query
    )
    assert bare.password is None
    installation = installation_in(tmp_path / "home", DATABASE_URL=bare, **given)
    installation.database.create_tables()
    installation.close()


@pytest.mark.parametrize("driver", ON_SERVERS)
def test_a_fault_of_a_statement_shows_no_password(
    tmp_path, empty_mssql, driver
) -> None:
    """Errors of statements are the ones that people copy into bug reports."""
    url = empty_mssql(driver)
    installation = installation_in(tmp_path / "home", DATABASE_URL=url)
    with (
        pytest.raises(BulkPipelineError) as failed,
        installation.database.reading() as connection,
    ):
        connection.exec_driver_sql("SELECT * FROM nowhere")
    installation.close()
    assert url.password not in said(failed.value)
