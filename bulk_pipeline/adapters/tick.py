"""One look at what has landed: what has ended, what is to be run now.

Level-triggered: nothing is remembered between two looks but what lies on disk and in
the journal, so a look whose answer is lost is simply asked again.
"""

import logging
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import sqlalchemy as sa

from bulk_pipeline.adapters.batches import Batch, batch_in
from bulk_pipeline.adapters.database import Database
from bulk_pipeline.adapters.home import Home
from bulk_pipeline.adapters.installation import Installation
from bulk_pipeline.adapters.journal import Progress
from bulk_pipeline.adapters.locks import has_owner
from bulk_pipeline.adapters.moving import put_away

logger = logging.getLogger(__name__)
LOCK_FILE = "inbox.lock"
"""Held by whoever looks at the inbox and the landing: one at a time in a home."""
FIRST_WAIT_SECONDS = 5.0
LONGEST_WAIT_SECONDS = 3600.0
MOST_DOUBLINGS = 20  # beyond the longest wait; a power of thousands would overflow


@dataclass(frozen=True, slots=True)
class OpenBatch:
    """A landed batch that has not ended and that no live process holds.

    Attributes:
        folder: where it has landed.
        state: claimed, waiting or running; running means that its run is over or dying.
        attempts: runs that were started for it.
        run_id: the last of them.
        due: whether it should be run now, rather than after its backoff.
    """

    folder: Path
    state: str
    attempts: int
    run_id: str
    due: bool

    @property
    def key(self) -> str:
        """The batch."""
        return self.folder.name

    @property
    def files(self) -> tuple[str, ...]:
        """Names of its files; read from disk each time, empty where that is gone."""
        batch = members(self.folder)
        return tuple(upload.file_name for upload in batch.uploads) if batch else ()


def open_batches(installation: Installation, now: datetime) -> list[OpenBatch]:
    """Landed batches that have not ended, first claimed first.

    Those that have ended are put away. A batch that the journal does not know (its
    claim was cut short, or the journal was lost) is entered again from its own list of
    members.
    """
    landed = landed_folders(installation.home)
    enter_unknown(installation, landed)
    found = installation.journal.open_batches()
    for key in landed.keys() - found.keys():
        if _is_free(landed[key]):
            put_away(installation, key)
    return [
        _open(landed[key], progress, now)
        for key, progress in found.items()
        if key in landed and _is_free(landed[key])
    ]


def landed_folders(home: Home) -> dict[str, Path]:
    """Key → folder of what has landed, whether it is a batch or not."""
    try:
        with os.scandir(home.landings) as entries:
            return {
                entry.name: Path(entry.path)
                for entry in entries
                if not entry.name.startswith(".")
                and entry.is_dir(follow_symlinks=False)
            }
    except FileNotFoundError:
        return {}


def enter_unknown(installation: Installation, landed: Mapping[str, Path]) -> list[str]:
    """Enter landed batches that the journal does not know; returns their keys."""
    known = installation.journal.known(list(landed))
    entered = []
    for key in sorted(landed.keys() - known):
        batch = members(landed[key])
        if batch is not None and batch.key == key:
            installation.journal.claim(batch)
            entered.append(key)
    return entered


def members(folder: Path) -> Batch | None:
    """The batch in a folder; None, and a line in the log, where there is none."""
    try:
        return batch_in(folder)
    except (OSError, ValueError, KeyError, TypeError) as error:
        logger.warning("%s is no batch and is left alone: %s", folder, error)
        return None


def wait_seconds(attempts: int) -> float:
    """How long to wait after so many attempts; doubles with each, up to an hour."""
    doublings = min(attempts, MOST_DOUBLINGS)
    return min(FIRST_WAIT_SECONDS * 2.0**doublings, LONGEST_WAIT_SECONDS)


def _open(folder: Path, progress: Progress, now: datetime) -> OpenBatch:
    wait = timedelta(seconds=wait_seconds(progress.attempts))
    due = progress.state == "claimed" or now - progress.changed_at >= wait
    return OpenBatch(folder, progress.state, progress.attempts, progress.run_id, due)


def _is_free(folder: Path) -> bool:
    """Whether a batch is still there and no live process holds it."""
    try:
        return not has_owner(folder)
    except FileNotFoundError:
        return False  # its run archived it since the listing


def require_database(installation: Installation) -> None:
    """Ask the target database for anything, unless its breaker says to leave it alone.

    Once the breaker's time is over, this is the trial that closes it: batches that wait
    then go on by themselves.

    Raises:
        BulkPipelineError: it does not answer; says why and what to do.
    """
    require_answer(installation.database)


def require_answer(database: Database) -> None:
    """Ask a database for anything, once; see ``require_database``."""
    with database.guarded(), database.reading() as connection:
        connection.execute(sa.select(1))


def due_again(mark: Path, seconds: float) -> bool:
    """Whether so many seconds have passed since this last said yes."""
    now = time.time()
    if mark.exists() and 0 <= now - mark.stat().st_mtime < seconds:
        return False
    mark.touch()
    return True


def utc_now() -> datetime:
    """The clock of the ticks."""
    return datetime.now(UTC)
