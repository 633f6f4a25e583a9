"""Laws of the database that a benchmark loads into: nobody's data is in danger."""

import sqlite3

import pytest
import sqlalchemy as sa

from bulk_pipeline.adapters.database import Database
from bulk_pipeline.adapters.settings import Settings
from bulk_pipeline.adapters.tables import models, uploads
from bulk_pipeline.bench.targets import Target
from bulk_pipeline.core.errors import ConfigurationError, PermanentError


def test_a_database_that_exists_is_refused(tmp_path) -> None:
    """What is removed after each round must have been made by it."""
    file = tmp_path / "accounts.db"
    with sqlite3.connect(file) as connection:
        connection.execute("CREATE TABLE precious (id INTEGER)")
    connection.close()
    before = file.read_bytes()

    with pytest.raises(ConfigurationError, match="name a file that does not exist"):
        Target.of(f"sqlite:///{file}").require_empty()
    assert file.read_bytes() == before


def test_a_folder_that_is_not_there_is_refused(tmp_path) -> None:
    """A folder made in passing would stay."""
    with pytest.raises(ConfigurationError, match="there is no directory"):
        Target.of(f"sqlite:///{tmp_path}/no/bench.db").require_empty()


def test_the_environments_own_database_is_not_heeded(tmp_path, monkeypatch) -> None:
    """Whoever has it set for real loads does not mean it for a benchmark."""
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path}/real.db")
    target = Target.of(None)
    variables = target.environment(tmp_path / "home")

    assert target.kind == "sqlite"
    assert variables["DATABASE_URL"] == ""
    assert variables["BULK_PIPELINE_HOME"] == str(tmp_path / "home")
    assert "DAGSTER_HOME" not in variables


def test_a_url_that_cannot_be_read_is_not_repeated() -> None:
    """It may hold a password."""
    with pytest.raises(ConfigurationError) as caught:
        Target.of("mssql+mssqlpython//sa:secret@host")
    assert "secret" not in str(caught.value)


def _receipt(url, home_id):
    """Tables of ours with one receipt of a home."""
    settings = Settings.from_environment({"DATABASE_URL": _text(url)})
    database = Database.from_settings(settings)
    database.create_tables()
    now = sa.func.current_timestamp()
    moments = {"first_loaded_at": now, "last_loaded_at": now}
    with database.engine.begin() as connection:
        model = {"name": "m", "sha256": "0" * 64, "kind": "k", "created_at": now}
        connection.execute(models.insert().values(model))
        model_id = connection.scalar(sa.select(models.c.id))
        names = ("upload_key", "batch_key", "file_name", "options")
        given = {**dict.fromkeys(names, "u"), **moments, "model_id": model_id}
        row = {**given, "home_id": home_id, "sha256": "0" * 64}
        connection.execute(uploads.insert().values(row))
    return database


def _text(url: sa.URL) -> str:
    """A URL as a user gives it, with its password."""
    return url.render_as_string(hide_password=False)


def test_a_server_is_left_as_it_was(mssql_url: sa.URL) -> None:
    """Tables that somebody else has loaded into are not dropped, whoever made them."""
    target = Target(mssql_url)
    target.require_empty()
    database = _receipt(mssql_url, "b" * 32)
    try:
        with pytest.raises(ConfigurationError, match="name an empty database"):
            target.require_empty()
        with pytest.raises(PermanentError, match="left as they are"):
            target.clear("a" * 32)
        with pytest.raises(ConfigurationError):
            target.require_empty()
        target.clear("b" * 32)
        target.require_empty()
    finally:
        database.dispose()
