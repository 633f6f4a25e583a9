"""Keys that are promised before the claim: who hands in a file can ask for it at once.

A promise is in the journal before its file lies in the inbox, and is kept in the
transaction that enters the batch with the file. What is never kept, since its maker
died in between, is swept.
"""

import secrets
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa

from bulk_pipeline.adapters.home import Home
from bulk_pipeline.adapters.journal import Journal
from bulk_pipeline.adapters.journal_tables import reservations
from bulk_pipeline.core.inbox import FileStamp
from bulk_pipeline.core.keys import upload_key
from bulk_pipeline.core.upload_names import known_suffix

FORGOTTEN = timedelta(hours=1)
"""Between a promise and the rename of its file lies one rename; this is for ever."""
_NAME_BYTES, _KEY_BYTES = 16, 8


@dataclass(frozen=True, slots=True)
class Reservation:
    """A key promised to a file.

    Attributes:
        key: of its upload.
        folder: subfolder of the inbox that it will lie in.
        name: its name there, which nobody can guess; never the client's.
        file: what its user calls it, for people.
        bytes: its size.
        made_at: moment of the promise, UTC.
    """

    key: str
    folder: str
    name: str
    file: str
    bytes: int
    made_at: datetime


def promised(folder: str, file: str, size: int) -> Reservation:
    """A promise for a file; nothing is written yet."""
    now = datetime.now(UTC)
    name = f"upload-{secrets.token_hex(_NAME_BYTES)}{known_suffix(file)}"
    key = upload_key(now, secrets.token_hex(_KEY_BYTES))
    return Reservation(key, folder, name, file, size, now)


def reserve(journal: Journal, reservation: Reservation) -> None:
    """Enter a promise; its file may appear in the inbox from here on."""
    with journal.transaction() as connection:
        connection.execute(reservations.insert(), asdict(reservation))


def forget(journal: Journal, key: str) -> None:
    """Take a promise back whose file never appeared."""
    with journal.transaction() as connection:
        connection.execute(reservations.delete().where(reservations.c.key == key))


def promises_in(
    connection: sa.Connection,
    key: str | None = None,
    newest: int | None = None,
    after: int = 0,
) -> list[Reservation]:
    """Promises that are not kept yet, newest first.

    Args:
        connection: to the journal of the home.
        key: only that of one upload.
        newest: only so many.
        after: leave out so many of the newest.
    """
    order = (reservations.c.made_at.desc(), reservations.c.key)
    query = sa.select(reservations).order_by(*order).limit(newest).offset(after)
    if key is not None:
        query = query.where(reservations.c.key == key)
    return [Reservation(*row) for row in connection.execute(query)]


def reserved(journal: Journal) -> list[Reservation]:
    """All promises of a home that are not kept yet, newest first."""
    with journal.reading() as connection:
        return promises_in(connection)


def count_reserved(connection: sa.Connection) -> int:
    """How many promises are not kept yet."""
    query = sa.select(sa.func.count()).select_from(reservations)
    return int(connection.scalar(query) or 0)


def with_promises(journal: Journal, stamps: Sequence[FileStamp]) -> list[FileStamp]:
    """Files of one look, each with what was promised to it.

    The promises are read after the look: each is made before its file appears.
    """
    kept = {(one.folder, one.name): one for one in reserved(journal)} if stamps else {}
    if not kept:
        return list(stamps)
    return [
        replace(stamp, key=one.key, given_name=one.file)
        if (one := kept.get((stamp.folder, stamp.name)))
        else stamp
        for stamp in stamps
    ]


def sweep_reservations(home: Home, journal: Journal) -> list[str]:
    """Forget old promises whose file is not in the inbox; returns their keys.

    A file that waits in the inbox keeps its promise however old it is.
    """
    oldest = datetime.now(UTC) - FORGOTTEN
    dead = [
        one.key
        for one in reserved(journal)
        if one.made_at < oldest and not (home.inbox / one.folder / one.name).exists()
    ]
    for key in dead:
        forget(journal, key)
    return dead
