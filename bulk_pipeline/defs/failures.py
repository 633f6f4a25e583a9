"""Our errors as Dagster's: what is retried, what is shown, what the journal says."""

from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg

from bulk_pipeline.adapters.installation import Installation
from bulk_pipeline.core.errors import BulkPipelineError, TransientError


@contextmanager
def reported(installation: Installation, batch: str) -> Iterator[None]:
    """Enter one of our errors into the journal and fail the step with its message.

    A transient error leaves the batch waiting and may be retried; any other one ends
    it, and no retry policy of a deployment tries again.

    Raises:
        dg.Failure: with the message of the error.
    """
    try:
        yield
    except TransientError as error:
        installation.journal.stop(batch, "waiting", str(error))
        raise dg.Failure(str(error)) from error
    except BulkPipelineError as error:
        installation.journal.stop(batch, "failed", str(error))
        raise dg.Failure(str(error), allow_retries=False) from error
