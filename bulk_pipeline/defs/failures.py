"""Our errors as Dagster's: what is retried, what is shown, what the journal says."""

from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg

from bulk_pipeline.adapters.disk_space import room_needed
from bulk_pipeline.adapters.installation import Installation
from bulk_pipeline.adapters.moving import put_away
from bulk_pipeline.core.errors import BulkPipelineError, TransientError
from bulk_pipeline.defs.resources import InstallationResource


@contextmanager
def reported(installation: Installation, batch: str) -> Iterator[None]:
    """Enter one of our errors into the journal and fail the step with its message.

    A transient error leaves the batch waiting and may be retried; any other one ends
    it, and no retry policy of a deployment tries again.

    Raises:
        dg.Failure: with the message of the error.
    """
    try:
        with room_needed(installation.home.root):
            yield
    except TransientError as error:
        installation.journal.stop(batch, "waiting", str(error))
        raise dg.Failure(str(error)) from error
    except BulkPipelineError as error:
        installation.journal.stop(batch, "failed", str(error))
        put_away(installation, batch)
        raise dg.Failure(str(error), allow_retries=False) from error


@contextmanager
def explained() -> Iterator[None]:
    """Fail the step with the message of one of our errors; for work of no batch.

    Raises:
        dg.Failure: with the message; a retry policy heeds only transient errors.
    """
    try:
        yield
    except BulkPipelineError as error:
        may_pass = isinstance(error, TransientError)
        raise dg.Failure(str(error), allow_retries=may_pass) from error


@contextmanager
def working_on(
    resource: InstallationResource, batch: str, run_id: str
) -> Iterator[Installation]:
    """Hold a batch for this run and report our errors of the block.

    Yields:
        The installation.

    Raises:
        dg.Failure: as ``reported``; also where another run holds the batch.
    """
    installation = resource.installation
    try:
        resource.hold(batch, run_id)
    except TransientError as error:
        raise dg.Failure(str(error)) from error
    with reported(installation, batch):
        yield installation
