"""The failed run that shows refused uploads beside a batch that went well."""

from typing import Never

import dagster as dg

from bulk_pipeline.adapters.installation import Installation
from bulk_pipeline.core.wording import amount

SUFFIX = "-refused"
SHOWN = 20


def refused_sibling(batch: str) -> str:
    """The partition whose failed run shows the refused uploads of a batch."""
    return f"{batch}{SUFFIX}"


def batch_of(partition: str) -> str:
    """The batch of a partition, its own or the one that shows its refused uploads."""
    return partition.removesuffix(SUFFIX)


def is_refused_sibling(partition: str) -> bool:
    """Whether a partition is there to show refused uploads."""
    return partition.endswith(SUFFIX)


def show_refused(installation: Installation, partition: str) -> Never:
    """Fail from the recorded reasons; the files are not read again.

    Raises:
        dg.Failure: names each refused file of the batch and its reason.
    """
    batch = batch_of(partition)
    refused = installation.journal.uploads(batch=batch, state="failed")
    installation.journal.show_refusals(batch)
    reasons = " ".join(f"{u.file}: {u.message}" for u in refused[:SHOWN])
    what = f"file of batch {batch} was", f"files of batch {batch} were"
    files = amount(len(refused), *what)
    raise dg.Failure(
        f"{files} refused. {reasons}",
        metadata={"files": [upload.file for upload in refused[:SHOWN]]},
        allow_retries=False,
    )
