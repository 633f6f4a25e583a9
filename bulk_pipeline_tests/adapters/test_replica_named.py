"""A replica that is none, and what is shown of one: its own settings, no secret."""

import sqlite3
from contextlib import closing

import pytest

from bulk_pipeline.adapters.doctor.databases import replica_findings, servers
from bulk_pipeline.adapters.doctor.variables import variable_findings
from bulk_pipeline.adapters.exporting.export import Selection, export
from bulk_pipeline.adapters.replica import Replica
from bulk_pipeline.adapters.settings import Settings
from bulk_pipeline.core.errors import (
    BulkPipelineError,
    ConfigurationError,
)
from bulk_pipeline.core.findings import Level
from bulk_pipeline_tests.adapters.replicas import contents, reading_from

SECRET = "hunter2"  # noqa: S105  # the one that must not be shown


def test_a_replica_without_our_tables_is_refused_and_gets_none(on_sqlite, tmp_path):
    """Whoever made tables there would break what copies them."""
    with closing(sqlite3.connect(tmp_path / "empty.db")) as file:
        file.execute("CREATE TABLE other (a)")
    empty = reading_from(on_sqlite.installation, f"sqlite:///{tmp_path}/empty.db")
    with pytest.raises(ConfigurationError, match="has not our tables"):
        export(empty, Selection(), tmp_path / "out.csv")
    before = contents(tmp_path)["empty.db"]
    [finding] = [f for f in replica_findings(empty.settings) if f.level != Level.OK]
    assert "not our tables" in finding.what
    assert "BULK_PIPELINE_READ_URL" in finding.cure
    assert contents(tmp_path)["empty.db"] == before


def test_a_replica_of_an_older_version_is_not_upgraded(followed, tmp_path):
    """It follows the database by itself, or it is none."""
    _, installation, _, _ = followed
    with closing(sqlite3.connect(installation.replica.path)) as file:
        file.execute("UPDATE schema_version SET version = 1")
        file.commit()
    with pytest.raises(ConfigurationError, match="has schema version 1"):
        export(installation, Selection(), tmp_path / "out.csv")
    [finding] = [
        f for f in replica_findings(installation.settings) if f.level != Level.OK
    ]
    assert (finding.level, finding.area) == (Level.FAILURE, "replica")
    assert "version 1" in finding.what


def test_a_replica_that_is_not_there_is_named_by_its_own_setting(
    on_sqlite, base, tmp_path
):
    """The cure of the database of loads would be tried in vain."""
    on_sqlite.load(base)
    nowhere = reading_from(on_sqlite.installation, f"sqlite:///{tmp_path}/none.db")
    with pytest.raises(
        BulkPipelineError, match=r"Replica sqlite:///.*none\.db"
    ) as told:
        export(nowhere, Selection(), tmp_path / "out.csv")
    assert "DATABASE_URL" not in str(told.value)
    [finding] = replica_findings(nowhere.settings)
    assert finding.level == Level.FAILURE
    assert not (tmp_path / "none.db").exists()
    with pytest.raises(ConfigurationError, match="BULK_PIPELINE_READ_URL"):
        reading_from(on_sqlite.installation, "postgresql://h/d")


def test_no_password_of_a_replica_is_shown(followed):
    """A report is copied into tickets."""
    _, installation, _, _ = followed
    url = f"mssql+mssqlpython://u:{SECRET}@127.0.0.1:1/d"
    given = {
        "BULK_PIPELINE_READ_URL": url,
        "BULK_PIPELINE_READ_PASSWORD": SECRET,
        "BULK_PIPELINE_CONNECT_SECONDS": "1",
    }
    settings = Settings.from_environment(given)
    reading = reading_from(installation, url, BULK_PIPELINE_READ_PASSWORD=SECRET)
    said = [str(f) for f in (*variable_findings(given), *replica_findings(settings))]
    assert any("[replica]" in s or "REPLICA" in s for s in said)
    assert servers(settings) == 1
    said += [repr(settings), repr(reading), reading.read_database.name]
    assert SECRET not in " ".join(said)


def test_a_replica_has_a_password_of_its_own_and_no_other(followed):
    """That of the database of loads goes to no other server."""
    _, installation, _, _ = followed
    url = "mssql+mssqlpython://u@h/d"
    given = {"BULK_PIPELINE_DATABASE_PASSWORD": SECRET, "BULK_PIPELINE_READ_URL": url}
    replica = Replica.of(Settings.from_environment(given))
    assert replica.settings.database_password is None
    own = reading_from(installation, url, BULK_PIPELINE_READ_PASSWORD="other")  # noqa: S106
    assert own.replica.settings.database_password.get_secret_value() == "other"
    assert own.replica.breaker is None
