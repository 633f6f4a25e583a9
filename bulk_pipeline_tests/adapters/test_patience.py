"""Refused logins: a server that starts is waited for, a wrong password is not."""

import logging
import time

import pytest
import sqlalchemy as sa

from bulk_pipeline.adapters.breaker import Breaker
from bulk_pipeline.adapters.database import Database
from bulk_pipeline.adapters.databases.patience import Patience
from bulk_pipeline.adapters.databases.sqlserver import SqlServerBackend
from bulk_pipeline.adapters.failures import attempts
from bulk_pipeline.adapters.journal import Journal
from bulk_pipeline.adapters.settings import Settings
from bulk_pipeline.core.errors import (
    DatabaseLeftAlone,
    DatabaseUnavailable,
    LoginRefused,
    PermanentError,
    TransientError,
)

WRONG = "wrong"


def ended(patience: Patience, error: Exception) -> Exception:
    """What an attempt that ends with an error ends with under some patience."""
    with pytest.raises(TransientError) as found, patience:
        raise error
    return found.value


def test_a_refusal_is_transient_for_the_grace_time() -> None:
    """A server that starts refuses logins that it will take in a moment."""
    patience = Patience(60)
    for _ in range(3):
        assert isinstance(ended(patience, LoginRefused("no")), LoginRefused)


def test_a_refusal_is_permanent_after_the_grace_time() -> None:
    """A wrong password is not right the tenth time, and may lock the account."""
    patience = Patience(0.05)
    ended(patience, LoginRefused("user sa"))
    time.sleep(0.06)
    with pytest.raises(PermanentError, match="user sa"), patience:
        raise LoginRefused("user sa")


def test_a_breaker_that_opens_meanwhile_does_not_hide_the_refusal() -> None:
    """Whoever mistyped a password would be told to wait for the server."""
    patience = Patience(0.05)
    ended(patience, LoginRefused("user sa"))
    time.sleep(0.06)
    with pytest.raises(PermanentError, match="user sa"), patience:
        raise DatabaseLeftAlone("left alone")


def test_a_server_that_goes_away_starts_the_grace_time_anew() -> None:
    """It may be restarting, and will refuse again before it takes logins."""
    patience = Patience(0.05)
    ended(patience, LoginRefused("no"))
    time.sleep(0.06)
    ended(patience, DatabaseUnavailable("gone"))
    assert isinstance(ended(patience, LoginRefused("no")), LoginRefused)


def test_each_retry_says_why_and_when(caplog: pytest.LogCaptureFixture) -> None:
    """A line that only says that something is tried again helps nobody."""
    caplog.set_level(logging.WARNING)
    for number, attempt in enumerate(attempts(TransientError, 2, 0.01, 0.01)):
        with attempt:
            if number == 0:
                raise TransientError("the disk is busy")
    [said] = caplog.messages
    assert said.startswith("Tried again in 0.0 s: the disk is busy")


def test_a_wrong_password_is_told_as_such_though_the_breaker_opens(
    mssql_url: sa.URL, tmp_path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both count the same refusals; the one who mistyped needs the cure."""
    monkeypatch.setattr(SqlServerBackend, "first_wait_seconds", 0.1)
    monkeypatch.setattr(SqlServerBackend, "longest_wait_seconds", 0.2)
    url = mssql_url.set(password=WRONG).render_as_string(hide_password=False)
    settings = Settings.from_environment(
        {
            "DATABASE_URL": url,
            "BULK_PIPELINE_LOGIN_GRACE_SECONDS": "0.5",
            "BULK_PIPELINE_RETRIES": "20",
        }
    )
    journal = Journal(tmp_path / "journal.db")
    database = Database.from_settings(settings, Breaker(journal, "here", 2, 60))
    with pytest.raises(PermanentError, match="BULK_PIPELINE_LOGIN_GRACE_SECONDS"):
        database.create_tables()
    database.dispose()
    journal.close()
