"""The figures of a report: from the database, the journal and the model."""

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime

from bulk_pipeline.adapters.installation import Installation
from bulk_pipeline.adapters.model_standing import standing
from bulk_pipeline.adapters.replica_lag import lag_note
from bulk_pipeline.adapters.reporting import LAST
from bulk_pipeline.adapters.reporting.stored import stored_scores
from bulk_pipeline.adapters.run_history import last_loads
from bulk_pipeline.adapters.upload_report import UploadReport
from bulk_pipeline.core.cleaning import REASONS
from bulk_pipeline.core.reporting import RejectReason, ReportFigures


def gathered(
    installation: Installation, made_at: datetime, last: int = LAST
) -> ReportFigures:
    """The figures of a report on an installation as it is now.

    Loads and stored rows are those of the database, which may be shared with other
    homes; uploads and their rejected rows are those of this home's journal.

    Args:
        installation: whose database, read replica, journal and model.
        made_at: the moment that the report gives as its own, UTC.
        last: loads and uploads to look at, at most.

    Raises:
        ConfigurationError: the tables are of another version; or the model's file is
            missing.
        PermanentError, TransientError: a database or a file cannot be read.
    """
    database = installation.read_database
    database.create_tables()
    # Before the rows are read: they may be younger than it says, never older.
    lag = lag_note(installation)
    model = standing(installation.settings).model
    uploads = list(installation.journal.each_upload(newest=last))
    return ReportFigures(
        made_at=made_at,
        database=database.name,
        last=last,
        loads=tuple(reversed(last_loads(database, last))),
        states=Counter(upload.state for upload in uploads),
        rejected=tuple(_rejected(uploads)),
        stored=stored_scores(database),
        thresholds=model.thresholds,
        model=model.name,
        notes=(lag,) if lag else (),
    )


def _rejected(uploads: Iterable[UploadReport]) -> Iterator[RejectReason]:
    """Why rows were rejected, most frequent first."""
    rows: Counter[str] = Counter()
    files: Counter[str] = Counter()
    for upload in uploads:
        rows.update(upload.rejected_by_reason)
        files.update(upload.rejected_by_reason.keys())
    for reason, count in sorted(rows.items(), key=lambda item: (-item[1], item[0])):
        # Older versions may have had a reason that is none any more.
        sentence = REASONS.get(reason, "")
        yield RejectReason(reason, count, files[reason], sentence)
