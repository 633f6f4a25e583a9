"""One installation: its settings, its home, its database and its journal."""

from dataclasses import dataclass

from bulk_pipeline.adapters.database import Database
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

    @classmethod
    def from_environment(cls) -> "Installation":
        """The installation that this process's environment describes.

        Raises:
            ConfigurationError: a setting cannot be used; names it.
        """
        settings = Settings.from_environment()
        home = Home(settings.home)
        database = Database.from_settings(settings)
        return cls(settings, home, database, Journal(home.journal))

    def close(self) -> None:
        """Close what was opened."""
        self.database.dispose()
        self.journal.close()
