"""What of the inbox is taken now, and what goes together."""

import time
from datetime import datetime

from bulk_pipeline.adapters.batches import Options
from bulk_pipeline.adapters.claiming import claim, finish_claims, look
from bulk_pipeline.adapters.installation import Installation
from bulk_pipeline.core.inbox import is_wanted, next_batch, settled


def claim_settled(installation: Installation, now: datetime) -> int:
    """Take the settled files of the inbox as batches; returns the files still there.

    One batch is claimed at a time, oldest files first, until none is settled.
    """
    home, settings = installation.home, installation.settings
    for batch in finish_claims(home):
        installation.journal.claim(batch)
    found = [s for s in look(home.inbox) if is_wanted(s.name, settings.inbox_pattern)]
    quiet = settled(found, time.time_ns(), settings.quiet_seconds)
    left = len(found) - len(quiet)
    while quiet:
        chosen = next_batch(quiet, settings.batch_files, settings.batch_bytes)
        quiet = quiet[len(chosen) :]
        claimed = claim(home, chosen, Options.from_settings(settings), now)
        if claimed is not None:
            installation.journal.claim(claimed)
    return left
