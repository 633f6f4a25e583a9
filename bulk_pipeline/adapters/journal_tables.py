"""Tables of the journal; they are created in whatever journal lacks them."""

import sqlalchemy as sa

from bulk_pipeline.adapters.column_types import UtcMoment

metadata = sa.MetaData()

home = sa.Table("home", metadata, sa.Column("id", sa.CHAR(32), primary_key=True))

uploads = sa.Table(
    "uploads",
    metadata,
    sa.Column("key", sa.Unicode(100), primary_key=True),
    sa.Column("batch", sa.Unicode(200), nullable=False, index=True),
    sa.Column("file", sa.Unicode(255), nullable=False),
    sa.Column("submitted_by", sa.Unicode(255), nullable=False),
    sa.Column("retry_of", sa.Unicode(100), nullable=False),
    sa.Column("refusal_shown", sa.Boolean, nullable=False, default=False),
    sa.Column("state", sa.Unicode(10), nullable=False, index=True),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("claimed_at", UtcMoment, nullable=False),
    sa.Column("changed_at", UtcMoment, nullable=False),
    sa.Column("run_id", sa.Unicode(64), nullable=False),
    sa.Column("message", sa.UnicodeText, nullable=False),
    sa.Column("report", sa.UnicodeText, nullable=False),
)

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
