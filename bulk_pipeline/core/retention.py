"""Which batches have had their time."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class EndedBatch:
    """A batch whose uploads have all ended.

    Attributes:
        key: the batch.
        ended_at: when the last of its uploads changed, UTC.
        partitions: its partition keys, 0 to 2.
    """

    key: str
    ended_at: datetime
    partitions: int


def batches_to_retire(
    ended: Sequence[EndedBatch], oldest_kept: datetime, partitions: int, most: int
) -> list[EndedBatch]:
    """The batches that are no longer kept, oldest first.

    A batch goes because of its age, or because there are too many and it is the oldest
    that makes them fewer. What has not ended is never among them.

    Args:
        ended: every batch that has ended.
        oldest_kept: what ended before goes whatever the number.
        partitions: partition keys of all batches, ended or not.
        most: partition keys that may be left.
    """
    due = []
    left = partitions
    for batch in sorted(ended, key=lambda one: (one.ended_at, one.key)):
        too_many = left > most and batch.partitions > 0
        if batch.ended_at < oldest_kept or too_many:
            due.append(batch)
            left -= batch.partitions
    return due
