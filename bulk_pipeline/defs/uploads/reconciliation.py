"""What a tick puts right, as one call for whoever does it by hand."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import dagster as dg

from bulk_pipeline.adapters.claiming import finish_claims
from bulk_pipeline.adapters.installation import Installation
from bulk_pipeline.adapters.locks import only_one
from bulk_pipeline.adapters.reconciling import (
    correct_failed,
    end_lost,
    enter_archived,
    recover_home_id,
)
from bulk_pipeline.adapters.sweeping import sweep
from bulk_pipeline.adapters.tick import (
    LOCK_FILE,
    enter_unknown,
    landed_folders,
    open_batches,
)
from bulk_pipeline.core.errors import TransientError
from bulk_pipeline.defs.uploads.attempts import end_attempts
from bulk_pipeline.defs.uploads.runs import bury_dead

PATIENCE_SECONDS = 60.0
TRY_AGAIN_SECONDS = 0.2


def reconcile(
    instance: dg.DagsterInstance, installation: Installation, now: datetime
) -> list[str]:
    """Put right what dead processes, or a lost journal, left wrong; start nothing.

    Safe beside a daemon: the two wait for each other. What waits for a run afterwards
    is asked for by the daemon's next tick.

    Args:
        instance: where the runs are.
        installation: whose home, journal and database; its tables are there.
        now: this moment, UTC.

    Returns:
        A sentence for each thing that was done; none where all was well.

    Raises:
        TransientError: a tick was at work for a whole minute.
    """
    with _alone(installation.home.root / LOCK_FILE):
        said = recover_home_id(installation)
        for batch in finish_claims(installation.home):
            installation.journal.claim(batch)
            said.append(f"The claim of batch {batch.key} was cut short; it is done.")
        landed = landed_folders(installation.home)
        for key in enter_unknown(installation, landed):
            said.append(f"Batch {key} has landed and is entered again.")
        said += enter_archived(installation)
        said += end_lost(installation)
        said += bury_dead(instance, installation.home, now)
        waiting = open_batches(installation, now)
        said += end_attempts(instance, installation, waiting)[1]
        said += correct_failed(installation)
        open_batches(installation, now)
        left = landed_folders(installation.home)
        said += [
            f"Batch {key} has ended; its files are put away."
            for key in sorted(landed.keys() - left.keys())
        ]
        left_behind = sweep(installation)
        said += [f"Removed what was left behind: {name}." for name in left_behind]
    return said


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Wait until no tick looks, and keep ticks waiting."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        with only_one(path) as alone:
            if alone:
                yield
                return
        time.sleep(TRY_AGAIN_SECONDS)
    raise TransientError(
        f"A tick of the daemon has held {path} for {PATIENCE_SECONDS:.0f} s. Try again "
        "when it is done; the page of the inbox sensor shows how long it takes."
    )
