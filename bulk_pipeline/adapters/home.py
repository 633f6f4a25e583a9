"""Where things lie in the home of one installation.

Every path of the project comes from here, so that nothing is written elsewhere.
"""

from dataclasses import dataclass
from pathlib import Path

from bulk_pipeline.adapters.disk_space import is_full, room_needed
from bulk_pipeline.core.errors import ConfigurationError

CLAIM_PREFIX = ".claim-"


@dataclass(frozen=True, slots=True)
class Home:
    """The folders of one ``BULK_PIPELINE_HOME``; paths only, nothing is created."""

    root: Path

    @property
    def journal(self) -> Path:
        """SQLite file that knows every upload and batch of this home."""
        return self.root / "journal.db"

    @property
    def database(self) -> Path:
        """Target database where none is set."""
        return self.root / "bulk_pipeline.db"

    @property
    def dagster(self) -> Path:
        """Dagster's own instance folder where ``DAGSTER_HOME`` is not set."""
        return self.root / "dagster"

    @property
    def landings(self) -> Path:
        """Claimed files, one folder a batch."""
        return self.root / "landing"

    @property
    def models(self) -> Path:
        """Models that were activated, under the hash of their bytes."""
        return self.root / "models"

    @property
    def inbox(self) -> Path:
        """Where users drop files; a subfolder for each user or team is welcome."""
        return self.root / "inbox"

    @property
    def archive(self) -> Path:
        """Batches that ended, with their files."""
        return self.root / "archive"

    @property
    def reports(self) -> Path:
        """Performance reports, a folder each."""
        return self.root / "reports"

    def failed(self, upload: str) -> Path:
        """Folder of one upload that failed for good: its file and the reason."""
        return self.root / "failed" / upload

    def batch(self, batch: str) -> Path:
        """Folder of a batch wherever it is now: landed, or archived after its end."""
        landed = self.landing(batch)
        return landed if landed.exists() else self.archive / batch

    def landing(self, batch: str) -> Path:
        """Folder of one batch's files and its ``batch.json``."""
        return self.landings / batch

    def claim(self, batch: str) -> Path:
        """Folder of a batch that is being claimed."""
        return self.landings / f"{CLAIM_PREFIX}{batch}"

    def chunks(self, batch: str) -> Path:
        """Folder of one batch's Arrow chunks and reports; can be made again."""
        return self.root / "chunks" / batch

    def rejects(self, batch: str) -> Path:
        """Folder of one batch's reject files."""
        return self.root / "rejects" / batch


def make_home(root: Path) -> None:
    """Make the folder of a home, and those above it, where they are missing.

    Raises:
        ConfigurationError: it cannot be made, or something else is in its place; names
            it and the setting.
        TransientError: no space is left.
    """
    with room_needed(root):
        try:
            root.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            if is_full(error):
                raise
            raise ConfigurationError(
                f"The home {root} cannot be made ({error.strerror}). Name another "
                "folder in BULK_PIPELINE_HOME."
            ) from error
