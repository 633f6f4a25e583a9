"""Whether new files still come, where people expect them."""

from collections.abc import Iterator
from datetime import UTC, datetime

from bulk_pipeline.adapters.doctor.sqlite_file import looked_into
from bulk_pipeline.adapters.freshness import freshness_by
from bulk_pipeline.adapters.home import Home
from bulk_pipeline.adapters.settings import Settings
from bulk_pipeline.core.findings import Area, Finding, fine, warning


def inbox_findings(settings: Settings) -> Iterator[Finding]:
    """When the last new file was taken; nothing where nobody expects any.

    Raises:
        BulkPipelineError: the journal cannot be read.
    """
    hours, journal = settings.inbox_fresh_hours, Home(settings.home).journal
    if hours is None or not journal.exists():
        return
    with looked_into(journal) as connection:
        found = freshness_by(connection, hours, datetime.now(UTC))
    if not found.late:
        yield fine(Area.HOME, found.said)
        return
    yield warning(
        Area.HOME,
        found.said,
        "See whether the sender still sends, whether it is to the inbox of this home, "
        "and whether `bulk-pipeline up` runs.",
    )
