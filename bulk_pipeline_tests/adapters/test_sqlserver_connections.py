"""Connections to SQL Server: what settings add to a URL, and what they never do."""

import pytest
import sqlalchemy as sa

from bulk_pipeline.adapters.database import Database
from bulk_pipeline.adapters.databases.sqlserver_url import completed
from bulk_pipeline.adapters.settings import Settings
from bulk_pipeline.core.errors import ConfigurationError

PASSWORD = "BULK_PIPELINE_DATABASE_PASSWORD"  # noqa: S105  # the variable's name
OTHER = {PASSWORD: "other"}
SECRET = "s3cret;}{%@/:"  # noqa: S105  # a password with all that could break a text
BOTH = pytest.mark.parametrize("driver", ["mssql+mssqlpython", "mssql+pyodbc"])


def connection_string(url: str, **variables: str) -> str:
    """What the driver is given for a URL and some settings."""
    settings = Settings.from_environment({"DATABASE_URL": url, **variables})
    full = completed(Database.from_settings(settings).url, settings)
    arguments, _ = full.get_dialect()().create_connect_args(full)
    return str(arguments[0])


def parts(text: str) -> dict[str, str]:
    """A connection string by key, for values without a semicolon."""
    pairs = (part.partition("=") for part in text.split(";") if part)
    return {key.lower(): value for key, _, value in pairs}


@BOTH
def test_encryption_is_asked_for_where_the_url_does_not_say(driver: str) -> None:
    """An older ODBC driver would send the password's hash and the rows in the clear."""
    found = parts(connection_string(f"{driver}://u:p@h/d?driver=x"))
    assert found["encrypt"] == "yes"
    assert "trustservercertificate" not in found


@BOTH
@pytest.mark.parametrize("said", ["Encrypt=no", "encrypt=strict", "ENCRYPT=optional"])
def test_what_the_url_says_about_encryption_stays(driver: str, said: str) -> None:
    """Whoever says so has a reason, and strict must not become merely yes."""
    found = connection_string(f"{driver}://u:p@h/d?driver=x&{said}")
    assert found.lower().count("encrypt=") == 1
    assert said.partition("=")[2] in found


@BOTH
def test_trust_in_a_certificate_is_the_operators_word_alone(driver: str) -> None:
    """Trust that is set in silence is an open door to whoever stands in between."""
    url = f"{driver}://u:p@h/d?driver=x"
    assert "trust" not in connection_string(url).lower()
    given = parts(connection_string(f"{url}&TrustServerCertificate=yes"))
    assert given["trustservercertificate"] == "yes"


@BOTH
def test_a_password_can_come_from_its_own_variable(driver: str) -> None:
    """A URL is copied into tickets and shell histories; a secret need not be in it."""
    found = connection_string(f"{driver}://u@h/d?driver=x", **OTHER)
    assert parts(found)["pwd"] == OTHER[PASSWORD]


@BOTH
def test_the_password_of_the_url_comes_first(driver: str) -> None:
    """Two passwords are settled by what stands nearer to the user's name."""
    found = connection_string(f"{driver}://u:mine@h/d?driver=x", **OTHER)
    assert "PWD=mine" in found


@BOTH
def test_a_password_of_any_signs_reaches_the_driver_whole(driver: str) -> None:
    """A semicolon in a password must not end it and begin another option."""
    found = connection_string(f"{driver}://u@h/d?driver=x", **{PASSWORD: SECRET})
    assert "PWD={" + SECRET.replace("}", "}}") + "}" in found


@BOTH
@pytest.mark.parametrize("user", ["", "app-id:key@"])
def test_entra_authentication_is_handed_to_the_driver(driver: str, user: str) -> None:
    """Logins of Entra are the driver's business; we only must not lose the word."""
    how = "ActiveDirectoryServicePrincipal" if user else "ActiveDirectoryDefault"
    name = "authentication" if not user else "Authentication"
    found = parts(connection_string(f"{driver}://{user}h/d?driver=x&{name}={how}"))
    assert found["authentication"] == how
    assert ("uid" in found) == bool(user)


@BOTH
def test_no_part_of_a_database_shows_its_password(driver: str) -> None:
    """What is shown is logged, and what is logged is kept."""
    url = f"{driver}://u:{SECRET.replace('%', '%25').replace('@', '%40')}@h/d?driver=x"
    url = url.replace("/:@", "%2F%3A@")
    settings = Settings.from_environment(
        {"DATABASE_URL": url, "BULK_PIPELINE_DATABASE_PASSWORD": SECRET}
    )
    database = Database.from_settings(settings)
    for text in (repr(database), repr(settings), str(settings), database.name):
        assert SECRET not in text
        assert "s3cret" not in text


def test_a_password_within_a_connection_string_is_not_shown() -> None:
    """With odbc_connect, a URL's query is a whole connection string."""
    text = "DRIVER%3Dx%3BSERVER%3Dh%3BUID%3Du%3BPWD%3Ds3cret"
    settings = Settings.from_environment(
        {"DATABASE_URL": f"mssql+pyodbc:///?odbc_connect={text}"}
    )
    database = Database.from_settings(settings)
    assert "s3cret" not in database.name + repr(database)


def test_the_pool_is_as_the_settings_say() -> None:
    """Twenty connections, none beyond, each tried before it is used."""
    url = "mssql+mssqlpython://u:p@h/d"
    database = Database.from_settings(
        Settings.from_environment(
            {
                "DATABASE_URL": url,
                "ULTRA_CONNECTION_POOL_SIZE": "7",
                "BULK_PIPELINE_POOL_OVERFLOW": "2",
                "BULK_PIPELINE_POOL_RECYCLE_SECONDS": "9",
                "BULK_PIPELINE_POOL_TIMEOUT_SECONDS": "3",
            }
        )
    )
    pool = database.engine.pool
    assert isinstance(pool, sa.pool.QueuePool)
    assert (pool.size(), pool._max_overflow, pool._recycle, pool._timeout) == (
        (7, 2, 9, 3)
    )
    assert pool._pre_ping
    plain = Database.from_settings(Settings.from_environment({"DATABASE_URL": url}))
    pool = plain.engine.pool
    assert isinstance(pool, sa.pool.QueuePool)
    assert (pool.size(), pool._max_overflow, pool._recycle, pool._timeout) == (
        (20, 0, 3600, 30)
    )
    assert pool._pre_ping


@pytest.mark.parametrize(
    "url", ["mssql://u:s3cret@h/d", "mssql+pymssql://u:s3cret@h/d", "oracle://h/d"]
)
def test_another_driver_is_refused_with_those_that_can(url: str) -> None:
    """An unknown driver would fail much later, with a message of its own."""
    settings = Settings.from_environment({"DATABASE_URL": url})
    with pytest.raises(ConfigurationError, match=r"mssql\+mssqlpython") as refused:
        Database.from_settings(settings)
    assert "s3cret" not in str(refused.value)
