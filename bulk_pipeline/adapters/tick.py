"""One look at the inbox and at what has landed: what is to be run now.

Level-triggered: nothing is remembered between two looks but what lies on disk and in
the journal, so a look whose answer is lost is simply asked again.
"""

import logging
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import sqlalchemy as sa

from bulk_pipeline.adapters.batches import batch_in
from bulk_pipeline.adapters.claiming import CLAIM_PREFIX
from bulk_pipeline.adapters.installation import Installation
from bulk_pipeline.adapters.locks import has_owner
from bulk_pipeline.adapters.moving import put_away

logger = logging.getLogger(__name__)
FIRST_WAIT_SECONDS = 5.0
LONGEST_WAIT_SECONDS = 3600.0


@dataclass(frozen=True, slots=True)
class OpenBatch:
    """A landed batch that has not ended and that no live process holds.

    Attributes:
        key: the batch.
        state: claimed, waiting or running; running means that its run died.
        attempts: runs that were started for it.
        run_id: the last of them.
        files: names of its files.
        due: whether it should be run now, rather than after its backoff.
    """

    key: str
    state: str
    attempts: int
    run_id: str
    files: tuple[str, ...]
    due: bool


def open_batches(installation: Installation, now: datetime) -> list[OpenBatch]:
    """Landed batches to run, oldest first; those that have ended are put away.

    A batch that the journal does not know (its claim was cut short, or the journal was
    lost) is entered again from its own list of members.
    """
    home, journal = installation.home, installation.journal
    if not home.landings.exists():
        return []
    found = []
    for folder in sorted(home.landings.iterdir()):
        if folder.name.startswith((".", CLAIM_PREFIX)) or not folder.is_dir():
            continue
        try:
            batch = batch_in(folder)
        except FileNotFoundError:
            logger.warning("%s is no batch and is left alone.", folder)
            continue
        if journal.progress(batch.key) is None:
            journal.claim(batch)
        progress = journal.progress(batch.key)
        if progress is None or has_owner(folder):
            continue
        if put_away(installation, batch.key):
            continue
        wait = min(FIRST_WAIT_SECONDS * 2**progress.attempts, LONGEST_WAIT_SECONDS)
        due = progress.state == "claimed" or (
            now - progress.changed_at >= timedelta(seconds=wait)
        )
        names = tuple(upload.file_name for upload in batch.uploads)
        found.append(
            OpenBatch(
                batch.key,
                progress.state,
                progress.attempts,
                progress.run_id,
                names,
                due,
            )
        )
    return found


def require_database(installation: Installation) -> None:
    """Ask the target database for anything, unless its breaker says to leave it alone.

    Once the breaker's time is over, this is the trial that closes it: batches that wait
    then go on by themselves.

    Raises:
        BulkPipelineError: it does not answer; says why and what to do.
    """
    database = installation.database
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
