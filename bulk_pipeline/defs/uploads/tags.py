"""Tags by which runs are found and queued."""

from collections.abc import Sequence

import dagster as dg

from bulk_pipeline.adapters.batches import Batch, Upload
from bulk_pipeline.core.inbox import FileStamp

BATCH_TAG, FILES_TAG = "bulk_pipeline/batch", "bulk_pipeline/files"
RUN_KEY_TAG = "dagster/run_key"
SIZE_TAG, GIANT = "bulk_pipeline/size", "giant"
"""One run with this tag at a time: ``tag_concurrency_limits`` in dagster.yaml."""
PRIORITY_TAG, DROPPED_FIRST = "dagster/priority", "1"
"""People wait for what they dropped; a back-fill of years waits for them."""
FILES_IN_TAG = 20
SHOWN_BY = dg.AssetKey("ingestion_file")
"""The asset that a refused file is to blame for."""


def batch_tags(key: str, files: Sequence[str]) -> dict[str, str]:
    """Tags by which a run can be found from its batch or from its files."""
    names = ", ".join(files[:FILES_IN_TAG])
    return {BATCH_TAG: key, **({FILES_TAG: names} if names else {})}


def is_giant(uploads: Sequence[Upload], alone_bytes: int) -> bool:
    """Whether a batch holds a file so large that the inbox gives it its own batch."""
    stamps = (
        FileStamp(
            folder="",
            name=upload.file_name,
            bytes=upload.bytes,
            modified_ns=0,
            changed_ns=0,
            device=0,
            inode=0,
        )
        for upload in uploads
    )
    return any(stamp.weight > alone_bytes for stamp in stamps)


def batch_request(batch: Batch, attempt: int, alone_bytes: int) -> dg.RunRequest:
    """The request of one attempt at a batch; each has a run key of its own."""
    tags = batch_tags(batch.key, [upload.file_name for upload in batch.uploads])
    if is_giant(batch.uploads, alone_bytes):
        tags[SIZE_TAG] = GIANT
    return dg.RunRequest(
        run_key=run_key(batch.key, attempt),
        partition_key=batch.key,
        tags={**tags, PRIORITY_TAG: DROPPED_FIRST},
    )


def showing_request(sibling: str, attempt: int) -> dg.RunRequest:
    """The request of a run that shows the refused uploads of a batch, by its failure.

    It has the one step that fails: with the others, every asset of a batch would be
    red for want of it, until the next batch.
    """
    return dg.RunRequest(
        run_key=run_key(sibling, attempt),
        partition_key=sibling,
        tags={**batch_tags(sibling, ()), PRIORITY_TAG: DROPPED_FIRST},
        asset_selection=[SHOWN_BY],
        asset_check_keys=[],
    )


def run_key(key: str, attempt: int) -> str:
    """What Dagster runs once and never again."""
    return f"{key}:{attempt}"
