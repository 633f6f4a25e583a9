"""When the last new file was taken, by the journal.

Every way in counts: the inbox, the upload API and the command line. A retry brings no
new file, and a batch that is materialised again is not claimed again.
"""

from datetime import datetime

import sqlalchemy as sa

from bulk_pipeline.adapters.journal_reading import JournalReader
from bulk_pipeline.adapters.journal_tables import uploads
from bulk_pipeline.adapters.settings import Settings
from bulk_pipeline.core.alerts import Alert, AlertedUpload
from bulk_pipeline.core.freshness import Freshness


def freshness(
    journal: JournalReader, settings: Settings, now: datetime
) -> Freshness | None:
    """How long ago the last new file was taken; None where nobody expects any.

    Args:
        journal: of the home.
        settings: of this process.
        now: UTC.

    Raises:
        PermanentError: the journal cannot be read.
    """
    if settings.inbox_fresh_hours is None:
        return None
    with journal.reading() as connection:
        return freshness_by(connection, settings.inbox_fresh_hours, now)


def freshness_by(connection: sa.Connection, hours: float, now: datetime) -> Freshness:
    """How long ago the last new file was taken.

    Args:
        connection: to the journal.
        hours: within how many one is expected.
        now: UTC.
    """
    query = (
        sa.select(uploads.c.key, uploads.c.file, uploads.c.claimed_at)
        .where(uploads.c.retry_of == "")
        .order_by(uploads.c.claimed_at.desc(), uploads.c.key)
        .limit(1)
    )
    row = connection.execute(query).first()
    if row is None:
        return Freshness(None, hours, now)
    return Freshness(row.claimed_at, hours, now, row.key, row.file)


def quiet_alert(found: Freshness) -> Alert:
    """What people are told when no file has come for too long."""
    last = AlertedUpload(found.key, found.file, "", found.said, "")
    return Alert("quiet", "", "", (last,))
