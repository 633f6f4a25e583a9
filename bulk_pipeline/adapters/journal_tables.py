"""Tables of the journal; they are created in whatever journal lacks them."""

import sqlalchemy as sa

from bulk_pipeline.adapters.column_types import UtcMoment

STATES = (
    "claimed",
    "waiting",
    "running",
    "loaded",
    "repeated",
    "failed",
    "withdrawn",
)
UNFINISHED = ("claimed", "waiting", "running")

# As texts, because SQLite uses a partial index only where a query repeats its condition
# word for word; a parameter hides it.
IS_OPEN = sa.text("state IN ('claimed', 'waiting', 'running')")
"""Condition of an upload that has not ended."""
IS_TO_SHOW = sa.text("state = 'failed' AND refusal_shown = 0")
"""Condition of a failed upload that no failed run shows yet."""
IS_FAILED = sa.text("state = 'failed'")
"""Condition of a failed upload."""

metadata = sa.MetaData()

home = sa.Table("home", metadata, sa.Column("id", sa.CHAR(32), primary_key=True))

uploads = sa.Table(
    "uploads",
    metadata,
    sa.Column("key", sa.Unicode(100), primary_key=True),
    sa.Column("batch", sa.Unicode(200), nullable=False, index=True),
    sa.Column("file", sa.Unicode(255), nullable=False),
    sa.Column("bytes", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("submitted_by", sa.Unicode(255), nullable=False),
    sa.Column("retry_of", sa.Unicode(100), nullable=False),
    sa.Column("refusal_shown", sa.Boolean, nullable=False, default=False),
    sa.Column("state", sa.Unicode(10), nullable=False, index=True),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("claimed_at", UtcMoment, nullable=False, index=True),
    sa.Column("changed_at", UtcMoment, nullable=False),
    sa.Column("run_id", sa.Unicode(64), nullable=False),
    sa.Column("message", sa.UnicodeText, nullable=False),
    sa.Column("report", sa.UnicodeText, nullable=False),
    sa.Index("ix_uploads_open", "batch", sqlite_where=IS_OPEN),
    sa.Index("ix_uploads_to_show", "batch", sqlite_where=IS_TO_SHOW),
    sa.Index("ix_uploads_failed", "batch", "key", sqlite_where=IS_FAILED),
)
"""One row an upload. ``bytes`` is the size of its file, 0 where that is not known."""

reservations = sa.Table(
    "reservations",
    metadata,
    sa.Column("key", sa.Unicode(100), primary_key=True),
    sa.Column("folder", sa.Unicode(255), nullable=False),
    sa.Column("name", sa.Unicode(255), nullable=False),
    sa.Column("file", sa.Unicode(255), nullable=False),
    sa.Column("bytes", sa.BigInteger, nullable=False),
    sa.Column("made_at", UtcMoment, nullable=False, index=True),
    sa.UniqueConstraint("folder", "name"),
)
"""Keys promised to files before they lie in the inbox; see ``reservations``."""

breaker = sa.Table(
    "breaker",
    metadata,
    sa.Column("database", sa.Unicode(500), primary_key=True),
    sa.Column("failures", sa.Integer, nullable=False),
    sa.Column("reason", sa.UnicodeText, nullable=False),
    sa.Column("opened_at", UtcMoment),
    sa.Column("retry_at", UtcMoment),
    sa.Column("trial", sa.Unicode(32), nullable=False),
)
"""One row a target database that was ever away; see ``core.breaker.Circuit``."""

alerted = sa.Table(
    "alerted",
    metadata,
    sa.Column("kind", sa.Unicode(10), primary_key=True),
    sa.Column("subject", sa.Unicode(200), primary_key=True),
)
"""What an alert was made of once: a failed upload's key, or the batch that waits."""

alerts = sa.Table(
    "alerts",
    metadata,
    sa.Column("id", sa.CHAR(32), primary_key=True),
    sa.Column("channel", sa.Unicode(20), primary_key=True),
    sa.Column("kind", sa.Unicode(10), nullable=False),
    sa.Column("content", sa.UnicodeText, nullable=False),
    sa.Column("state", sa.Unicode(10), nullable=False, index=True),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("made_at", UtcMoment, nullable=False),
    sa.Column("next_try", UtcMoment, nullable=False),
    sa.Column("changed_at", UtcMoment, nullable=False),
    sa.Column("error", sa.UnicodeText, nullable=False),
)
"""The outbox: one row per alert and channel; see ``alert_outbox``."""

alerted.add_is_dependent_on(uploads)
sa.event.listen(
    alerted,
    "after_create",
    sa.DDL(  # type: ignore[no-untyped-call]
        "INSERT INTO alerted (kind, subject)"
        " SELECT 'failed', key FROM uploads WHERE state = 'failed'"
    ),
)
"""A journal of before has failures that are old news: nobody is told of them."""
