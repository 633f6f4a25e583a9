"""The outbox of alerts, in the journal: what is to be told, through which channel.

What is new is found by asking the journal which failed uploads no alert was made of,
so a look that never happens or dies loses nothing. The alert, and the note that it was
made, are one transaction.
"""

import json
import secrets
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from bulk_pipeline.adapters.alert_noticing import is_news, new_alerts
from bulk_pipeline.adapters.journal import Journal
from bulk_pipeline.adapters.journal_tables import alerted, alerts, uploads
from bulk_pipeline.core.alerts import Alert, AlertedUpload

GIVEN_UP_AFTER = timedelta(hours=24)
KEPT_FOR = timedelta(days=30)
FIRST_WAIT, LONGEST_WAIT = timedelta(seconds=30), timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Entry:
    """An alert that waits in the outbox for one channel.

    Attributes:
        identity: of the alert, the same in every channel.
        channel: which one.
        alert: what is told.
        attempts: how often it was sent in vain.
        made_at: when the failure was noticed, UTC.
        error: why the last attempt failed.
        state: waiting, sent or given up.
    """

    identity: str
    channel: str
    alert: Alert
    attempts: int
    made_at: datetime
    error: str
    state: str


class Outbox:
    """The alerts of one home."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    def notice(self, channels: Sequence[str], now: datetime) -> int:
        """Make an alert of each batch with failed uploads that nobody was told of.

        Batches that wait are told of together, once each.

        Args:
            channels: which channels each alert is for.
            now: UTC.

        Returns:
            Alerts made.
        """
        with self._journal.reading() as connection:
            if not is_news(connection):
                return 0
        with self._journal.transaction() as connection:
            made = new_alerts(connection, now)
            rows = [_row(alert, now) for alert in made]
            for row in rows:
                values = [{**row, "channel": channel} for channel in channels]
                connection.execute(alerts.insert(), values)
        return len(made)

    def notice_once(
        self, alert: Alert, subject: str, channels: Sequence[str], now: datetime
    ) -> bool:
        """Make an alert of something, unless one of its kind was made of it before.

        Args:
            alert: what is told.
            subject: what it is about, such as the key of an upload.
            channels: which channels it is for.
            now: UTC.

        Returns:
            Whether it was made.
        """
        mine = (alerted.c.kind == alert.kind) & (alerted.c.subject == subject)
        known = sa.select(1).where(mine)
        with self._journal.reading() as connection:
            if connection.scalar(known):
                return False
        with self._journal.transaction() as connection:
            if connection.scalar(known):
                return False
            connection.execute(alerted.insert(), [_subject(alert, subject)])
            row = _row(alert, now)
            values = [{**row, "channel": channel} for channel in channels]
            connection.execute(alerts.insert(), values)
        return True

    def due(self, channel: str, now: datetime) -> Entry | None:
        """The alert to send next through a channel: the least tried, then the oldest.

        One that no attempt was made at for days, because nothing ran, is still due.
        """
        mine = (alerts.c.state == "waiting") & (alerts.c.channel == channel)
        query = sa.select(alerts).where(mine & (alerts.c.next_try <= now))
        query = query.order_by(alerts.c.attempts, alerts.c.made_at).limit(1)
        with self._journal.reading() as connection:
            row = connection.execute(query).first()
        return None if row is None else _entry(row)

    def sent(self, entry: Entry, now: datetime) -> None:
        """Note that the other side took an alert."""
        self._change(entry, state="sent", error="", changed_at=now)

    def failed(self, entry: Entry, error: str, now: datetime, *, down: bool) -> bool:
        """Note that an alert could not be sent; it is tried again later, for a day.

        Args:
            entry: the alert.
            error: why, without secrets.
            now: UTC.
            down: whether nobody answers there, so that the others of this channel are
                not tried any sooner.

        Returns:
            Whether it was given up.
        """
        over = now - entry.made_at >= GIVEN_UP_AFTER
        wait = min(FIRST_WAIT * 2 ** min(entry.attempts, 20), LONGEST_WAIT)
        with self._journal.transaction() as connection:
            values = {
                "state": "given up" if over else "waiting",
                "attempts": entry.attempts + 1,
                "next_try": now + wait,
                "changed_at": now,
                "error": error,
            }
            connection.execute(alerts.update().where(_is(entry)).values(values))
            if down:
                others = (alerts.c.state == "waiting") & (
                    alerts.c.channel == entry.channel
                )
                sooner = others & (alerts.c.next_try < now + wait)
                later = alerts.update().where(sooner).values(next_try=now + wait)
                connection.execute(later)
        return over

    def tidy(self, channels: Sequence[str], now: datetime) -> None:
        """Give up old alerts of channels that are set up no more; forget what is over.

        Args:
            channels: those that are set up.
            now: UTC.
        """
        waiting = alerts.c.state == "waiting"
        old = alerts.c.made_at < now - GIVEN_UP_AFTER
        orphaned = waiting & old & alerts.c.channel.not_in(channels)
        over = ~waiting & (alerts.c.changed_at < now - KEPT_FOR)
        values = {"state": "given up", "changed_at": now, "error": "No longer set up."}
        known = sa.union_all(sa.select(uploads.c.key), sa.select(uploads.c.batch))
        with self._journal.reading() as connection:
            if not connection.scalar(sa.select(alerts.c.id).where(orphaned | over)):
                return
        with self._journal.transaction() as connection:
            connection.execute(alerts.update().where(orphaned).values(values))
            if connection.execute(alerts.delete().where(over)).rowcount:
                gone = alerted.c.subject.not_in(known)
                connection.execute(alerted.delete().where(gone))

    def unsent(self) -> list[Entry]:
        """Alerts that wait or were given up, oldest first; with the last error."""
        query = sa.select(alerts).where(alerts.c.state != "sent")
        with self._journal.reading() as connection:
            rows = connection.execute(query.order_by(alerts.c.made_at))
            return [_entry(row) for row in rows]

    def _change(self, entry: Entry, **values: Any) -> None:
        with self._journal.transaction() as connection:
            connection.execute(alerts.update().where(_is(entry)).values(values))


def _is(entry: Entry) -> sa.ColumnElement[bool]:
    return (alerts.c.id == entry.identity) & (alerts.c.channel == entry.channel)


def _subject(alert: Alert, subject: str) -> dict[str, str]:
    """The note that an alert was made of something."""
    return {"kind": alert.kind, "subject": subject}


def _row(alert: Alert, now: datetime) -> dict[str, Any]:
    """A row of the outbox, for any channel."""
    return {
        "id": secrets.token_hex(16),
        "kind": alert.kind,
        "content": json.dumps(asdict(alert)),
        "state": "waiting",
        "attempts": 0,
        "made_at": now,
        "next_try": now,
        "changed_at": now,
        "error": "",
    }


def _entry(row: sa.Row[Any]) -> Entry:
    known = json.loads(row.content)
    members = tuple(AlertedUpload(**member) for member in known["uploads"])
    alert = Alert(**{**known, "uploads": members})
    return Entry(
        row.id,
        row.channel,
        alert,
        row.attempts,
        row.made_at,
        row.error,
        row.state,
    )
