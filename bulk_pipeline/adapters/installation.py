"""One installation: its settings, its home, its database and its journal."""

from dataclasses import dataclass

from bulk_pipeline.adapters.breaker import Breaker
from bulk_pipeline.adapters.database import Database
from bulk_pipeline.adapters.databases.target import target_url
from bulk_pipeline.adapters.home import Home
from bulk_pipeline.adapters.journal import Journal
from bulk_pipeline.adapters.settings import Settings


@dataclass(frozen=True, slots=True)
class Installation:
    """What every step of a batch works with; nothing is opened before it is used."""

    settings: Settings
    home: Home
    database: Database
    journal: Journal
    replica: Database | None = None

    @property
    def read_database(self) -> Database:
        """What reports and exports read: the replica where there is one.

        A replica may lag (see ``replica_lag``); whatever decides whether to write asks
        ``database``.
        """
        return self.replica or self.database

    @classmethod
    def from_environment(cls) -> "Installation":
        """The installation that this process's environment describes.

        Raises:
            ConfigurationError: a setting cannot be used; names it.
        """
        settings = Settings.from_environment()
        home = Home(settings.home)
        journal = Journal(home.journal)
        breaker = breaker_of(settings, journal)
        database = Database.from_settings(settings, breaker)
        return cls(settings, home, database, journal, _replica(settings))

    def close(self) -> None:
        """Close what was opened."""
        self.database.dispose()
        if self.replica is not None:
            self.replica.dispose()
        self.journal.close()


def _replica(settings: Settings) -> Database | None:
    if settings.read_url is None:
        return None
    from bulk_pipeline.adapters.replica import (  # noqa: PLC0415
        Replica,  # few installations have one
    )

    return Replica.of(settings)


def breaker_of(settings: Settings, journal: Journal) -> Breaker | None:
    """The breaker of the target database; None for a file, which is there or not.

    Raises:
        ConfigurationError: the URL cannot be read or names no supported database.
    """
    url = target_url(settings)
    if url.get_backend_name() == "sqlite":
        return None
    # A whole connection string, password included, may be in the query of a URL.
    name = url.set(query={}).render_as_string(hide_password=True)
    return Breaker(journal, name, settings.breaker_failures, settings.breaker_seconds)
