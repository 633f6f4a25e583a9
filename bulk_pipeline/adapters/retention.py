"""Retiring batches: their files, chunks, rejects and partitions go together.

Their receipts, rows, history and journal entries stay.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from bulk_pipeline.adapters.atomic import sync_directory
from bulk_pipeline.adapters.crash_points import reached
from bulk_pipeline.adapters.databases.portions import portions
from bulk_pipeline.adapters.home import Home
from bulk_pipeline.adapters.journal import Journal
from bulk_pipeline.adapters.journal_tables import UNFINISHED, uploads
from bulk_pipeline.adapters.locks import BATCH_LOCK, FileLock
from bulk_pipeline.adapters.removing import bytes_in, names_in, remove, require_no_link
from bulk_pipeline.core.errors import TransientError
from bulk_pipeline.core.retention import EndedBatch

RETIRING = ".retiring-"
"""What the name of an archived batch begins with once its retirement has begun."""
HANDLES = "handles"

Partitions = Mapping[str, Sequence[str]]
"""Batch → its partition keys, that of its refused files first."""


@dataclass(frozen=True, slots=True)
class Survey:
    """What there is of batches that have left the landing folder.

    Attributes:
        ended: those that have ended.
        begun: those whose retirement was begun and cut short.
        left: name → why it is left alone.
    """

    ended: list[EndedBatch]
    begun: list[str]
    left: dict[str, str]


def survey(home: Home, journal: Journal, partitions: Partitions) -> Survey:
    """Look at every batch of the home that has left the landing folder.

    Raises:
        PermanentError: a folder of the home is a link.
    """
    left = {}
    begun = []
    names = set(partitions)
    for folder in (home.archive, home.chunks(""), home.rejects("")):
        for entry in names_in(folder):
            if entry.name.startswith(RETIRING):
                begun.append(entry.name.removeprefix(RETIRING))
            elif entry.name.startswith("."):
                continue  # being written, or left by a process that died
            elif entry.is_dir(follow_symlinks=False):
                names.add(entry.name)
            else:
                left[f"{folder.name}/{entry.name}"] = "It is no folder of a batch."
    names.difference_update(entry.name for entry in names_in(home.landings))
    names.difference_update(begun)
    ended = []
    known = ends(journal, sorted(names))
    for name in sorted(names):
        if name not in known:
            left[name] = "The journal does not know it."
        elif (moment := known[name]) is None:
            left[name] = "It has not ended."
        else:
            ended.append(EndedBatch(name, moment, len(partitions.get(name, ()))))
    return Survey(ended, sorted(begun), left)


def ends(journal: Journal, batches: Sequence[str]) -> dict[str, datetime | None]:
    """When each batch ended, UTC; None where it has not; without the unknown ones."""
    unfinished = sa.func.sum(sa.case((uploads.c.state.in_(UNFINISHED), 1), else_=0))
    query = sa.select(
        uploads.c.batch, sa.func.max(uploads.c.changed_at), unfinished
    ).group_by(uploads.c.batch)
    found: dict[str, datetime | None] = {}
    for portion in portions(batches):
        with journal.reading() as connection:
            rows: Sequence[Any] = connection.execute(
                query.where(uploads.c.batch.in_(portion))
            ).all()
        found.update({batch: None if open_ else at for batch, at, open_ in rows})
    return found


def retire(
    home: Home,
    batch: str,
    still_due: Callable[[], bool],
    keys: Sequence[str],
    drop: Callable[[str], None],
) -> int:
    """Remove all that a batch has; one that was begun and cut short is finished.

    First its archived folder gets another name: from there on it is retired for
    everybody, and whatever cuts this short, that folder goes last.

    Args:
        home: where it lies.
        batch: its key.
        still_due: asked once nobody else can hold the batch.
        keys: its partition keys.
        drop: removes one of them.

    Returns:
        Bytes that were freed.

    Raises:
        TransientError: somebody holds it, or it is not due any more.
        PermanentError: a folder of it is a link.
        OSError: a part may not be removed.
    """
    archived, going = home.archive / batch, home.archive / f"{RETIRING}{batch}"
    parts = (home.chunks(batch), home.rejects(batch), *_handles(home, batch))
    for path in (archived, going, *parts):
        require_no_link(path)
    with closing(FileLock(archived / BATCH_LOCK)) as lock:
        if not going.exists():
            if archived.exists() and not lock.take():
                raise TransientError(f"Batch {batch} is being processed.")
            if not still_due():
                raise TransientError(f"Batch {batch} has changed meanwhile.")
            if archived.exists():
                archived.rename(going)
                sync_directory(home.archive)
        freed = 0
        for path in parts:
            freed += remove(path)
            reached("batch retiring")
        for key in keys:
            drop(key)
            reached("partition dropped")
        return freed + remove(going)


def bytes_of(home: Home, batch: str) -> int:
    """Bytes that retiring a batch would free."""
    names = (batch, f"{RETIRING}{batch}")
    places = (home.chunks(batch), home.rejects(batch), *_handles(home, batch))
    return sum(map(bytes_in, (*places, *(home.archive / name for name in names))))


def _handles(home: Home, batch: str) -> list[Path]:
    """The files in which steps noted where the chunks of a batch lie."""
    assets = names_in(home.root / HANDLES)
    folders = [a.path for a in assets if a.is_dir(follow_symlinks=False)]
    return [Path(folder, f"{batch}.json") for folder in folders]


def failed_before(home: Home, journal: Journal, oldest_kept: datetime) -> list[str]:
    """Failed uploads whose file has waited in ``failed`` since before a moment."""
    folder = home.failed("")
    names = sorted(e.name for e in names_in(folder) if e.is_dir(follow_symlinks=False))
    query = sa.select(uploads.c.key).where(
        uploads.c.state == "failed", uploads.c.changed_at < oldest_kept
    )
    found: list[str] = []
    for portion in portions(names):
        with journal.reading() as connection:
            chosen = query.where(uploads.c.key.in_(portion))
            found += connection.scalars(chosen.order_by(uploads.c.key))
    return found
