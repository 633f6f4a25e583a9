"""What the doctor says of a server: version, encryption, rights, an absent one."""

import socket
from contextlib import closing

import pytest
import sqlalchemy as sa

from bulk_pipeline.adapters.database import Database
from bulk_pipeline.adapters.databases.tsql import DIALECT
from bulk_pipeline.adapters.doctor.apart import apart
from bulk_pipeline.adapters.doctor.databases import database_findings
from bulk_pipeline.adapters.doctor.rights import (
    ROLE,
    Right,
    lacking,
    needed,
    rights_findings,
)
from bulk_pipeline.adapters.doctor.server import judged_transport, judged_version
from bulk_pipeline.adapters.settings import Settings
from bulk_pipeline.core.findings import Area, Level
from bulk_pipeline_tests.adapters.tsql import SQL_FOLDER

AREA = Area.DATABASE
URL = sa.make_url("mssql+mssqlpython://u@h/d")


def found_of(url: sa.URL, **given: str):
    """What the doctor finds of a database."""
    text = url.render_as_string(hide_password=False)
    settings = Settings.from_environment(
        {"DATABASE_URL": text, "BULK_PIPELINE_CONNECT_SECONDS": "2", **given}
    )
    return apart(AREA, lambda: database_findings(settings))


@pytest.mark.parametrize(
    ("version", "edition", "level"),
    [
        ("15.0.4000.0", 2, "ok"),
        ("17.0.1", 3, "ok"),
        ("14.0.3000.0", 2, "failure"),
        ("12.0.2000.8", 5, "ok"),
        ("12.0.2000.8", 8, "ok"),
    ],
)
def test_a_server_older_than_2019_is_refused(version, edition, level) -> None:
    """The version of Azure SQL stays 12 for ever."""
    assert judged_version(AREA, version, edition, "DATABASE_URL").level == level


@pytest.mark.parametrize(
    ("query", "told", "level", "said"),
    [
        ({"Encrypt": "yes"}, "", "ok", "VIEW SERVER STATE"),
        ({"Encrypt": "strict"}, "TRUE", "ok", "the server says so"),
        ({"ENCRYPT": "no"}, "", "warning", "not encrypted"),
        ({"Encrypt": "yes"}, "FALSE", "warning", "not encrypted"),
        ({"Encrypt": "yes", "trustservercertificate": "yes"}, "", "warning", "pose"),
        ({"odbc_connect": "x"}, "", "ok", "unknown"),
    ],
)
def test_a_way_that_others_can_read_is_a_warning(query, told, level, said) -> None:
    """The server's own view wins over what was asked for."""
    url = URL.update_query_dict(query)
    [found] = judged_transport(AREA, url, told, "DATABASE_URL")
    assert found.level == level
    assert said in found.what


def test_the_rights_are_those_of_the_role_in_the_script() -> None:
    """Who runs the script has what the doctor asks for, and no right more."""
    script = (SQL_FOLDER / "grants.sql").read_text()
    for right in needed("dbo", "bulk_pipeline_staging"):
        if right.kind == "OBJECT":
            part = script.split(f"ON dbo.{right.securable.split('.')[1]} TO")[0]
            granted = script if "GRANT" not in part else part.rsplit("GRANT", 1)[1]
            assert right.permission in granted, right
    assert f"GRANT CREATE TABLE TO {ROLE}" in script


def test_missing_rights_come_with_their_grants() -> None:
    """An administrator copies them."""
    asked = needed("dbo", "stage")
    answers: dict[Right, int | None] = dict.fromkeys(asked, 1)
    for right in asked:
        if right.securable.endswith("companies") and right.permission != "SELECT":
            answers[right] = 0
        if right.securable.endswith("uploads"):
            answers[right] = None  # not there: told of elsewhere
        if right.kind == "SCHEMA":
            answers[right] = None
    [found] = rights_findings(AREA, "me]", lacking(answers))

    assert found.level is Level.FAILURE
    assert "GRANT INSERT, UPDATE, DELETE ON dbo.companies TO [me]]]" in found.cure
    assert "GRANT ALTER ON SCHEMA::[stage] TO [me]]]" in found.cure
    assert "uploads" not in found.cure
    [well] = rights_findings(AREA, "me", lacking(dict.fromkeys(asked, 1)))
    assert well.level is Level.OK


def test_rights_are_asked_by_parameters() -> None:
    """The staging schema is a setting and no part of a statement."""
    from bulk_pipeline.adapters.doctor.rights import _question  # noqa: PLC0415

    query = sa.select(_question(Right("[x'y]", "SCHEMA", "ALTER")))
    assert "x'y" not in str(query.compile(dialect=DIALECT))


@pytest.mark.parametrize("driver", ["mssqlpython"])
def test_a_server_that_is_silent_is_a_failure_in_time(driver) -> None:
    """A firewall that drops packets says nothing at all."""
    with closing(socket.create_server(("127.0.0.1", 0))) as silent:
        port = silent.getsockname()[1]
        url = sa.URL.create(
            f"mssql+{driver}", "u", "hunter2", "127.0.0.1", port, "d", {"Encrypt": "no"}
        )
        [found] = found_of(url, BULK_PIPELINE_CONNECT_SECONDS="1")
    assert found.level is Level.FAILURE
    assert "cannot be reached" in found.what
    assert found.cure.startswith("Check that it runs")


def test_a_server_is_looked_at_from_its_version_to_its_rights(mssql_url) -> None:
    """Without tables a load fails; with them only warnings of the test server stay."""
    before = {finding.what: finding.level for finding in found_of(mssql_url)}
    assert Level.FAILURE in before.values()
    settings = Settings.from_environment(
        {"DATABASE_URL": mssql_url.render_as_string(hide_password=False)}
    )
    database = Database.from_settings(settings)
    database.create_tables()
    database.dispose()
    after = found_of(mssql_url)
    assert Level.FAILURE not in {finding.level for finding in after}
    assert any("schema version" in finding.what for finding in after)


def test_a_wrong_password_is_a_failure_and_is_not_shown(mssql_url) -> None:
    """It is the most usual fault of all."""
    [found] = found_of(mssql_url.set(password="hunter2"))  # noqa: S106
    assert found.level is Level.FAILURE
    assert "refused the login" in found.what
    assert "hunter2" not in repr(found)
    assert "tried again" not in found.cure
