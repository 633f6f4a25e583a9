"""Housekeeping: what is no longer kept goes, from the home and from Dagster."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

import dagster as dg
import sqlalchemy as sa

from bulk_pipeline.adapters import retention
from bulk_pipeline.adapters.installation import Installation
from bulk_pipeline.adapters.locks import only_one
from bulk_pipeline.adapters.removing import bytes_in, remove
from bulk_pipeline.core.errors import BulkPipelineError, TransientError
from bulk_pipeline.core.retention import EndedBatch, batches_to_retire
from bulk_pipeline.defs.operations.run_retention import (
    bytes_of_run,
    delete_run,
    partitions_at_work,
    runs_to_delete,
    runs_without_record,
)
from bulk_pipeline.defs.partitions import batches
from bulk_pipeline.defs.uploads.refused import SUFFIX, is_refused_sibling

if TYPE_CHECKING:
    from bulk_pipeline.defs.operations.exchange_leftovers import Leftovers

LOCK_FILE = "housekeeping.lock"
MOST_RUNS = 20_000
"""Runs deleted at a time; what is left goes the next time."""
logger = logging.getLogger(__name__)


@dataclass(slots=True)
class Tidied:
    """What housekeeping did, or would do.

    Attributes:
        batches: those retired.
        partition_keys: how many keys were dropped.
        failed_uploads: those whose file in ``failed`` was removed.
        runs: how many runs of Dagster were deleted.
        bytes: freed in the home and in Dagster's folder.
        exchange_batches: those whose chunks were removed from the exchange.
        exchange_bytes: freed there.
        left: what is no batch or has no known end, and why.
        failures: what should have gone and did not, and why.
        seconds: how long it took.
    """

    batches: list[str] = field(default_factory=list)
    partition_keys: int = 0
    failed_uploads: list[str] = field(default_factory=list)
    runs: int = 0
    bytes: int = 0
    exchange_batches: list[str] = field(default_factory=list)
    exchange_bytes: int = 0
    left: dict[str, str] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0


def tidy(
    installation: Installation,
    instance: dg.DagsterInstance,
    now: datetime,
    log: Callable[[str], None] = logger.info,
) -> Tidied:
    """Retire batches and delete runs as the settings say.

    May be cut short at any instant and called again. What fails is named in the result
    and keeps nothing else from going.

    Args:
        installation: whose home.
        instance: Dagster's.
        now: what ages are reckoned from, UTC.
        log: takes a line for each batch.

    Raises:
        TransientError: another housekeeping of this home is running.
        PermanentError: a folder of the home is a link.
    """
    with only_one(installation.home.root / LOCK_FILE) as alone:
        if not alone:
            raise TransientError("Another housekeeping is running. Wait for its end.")
        return _Housekeeping(installation, instance, now, log).done()


def would_tidy(
    installation: Installation, instance: dg.DagsterInstance, now: datetime
) -> Tidied:
    """What ``tidy`` would do now; nothing is changed."""
    return _Housekeeping(installation, instance, now, logger.debug, dry=True).done()


class _Housekeeping:
    """One pass."""

    def __init__(
        self,
        installation: Installation,
        instance: dg.DagsterInstance,
        now: datetime,
        log: Callable[[str], None],
        *,
        dry: bool = False,
    ) -> None:
        self._installation = installation
        self._home, self._journal = installation.home, installation.journal
        self._instance = instance
        self._now = now
        self._log = log
        self._dry = dry
        self._keys = _keys_by_batch(instance)
        self._result = Tidied()

    def done(self) -> Tidied:
        """Do it all."""
        started = time.monotonic()
        for batch in self._due():
            self._attempt(batch.key, partial(self._retire, batch))
        self._failed_files()
        if self._installation.settings.chunks_url:
            self._attempt("exchange", self._exchange)
        self._runs()
        self._result.seconds = time.monotonic() - started
        return self._result

    def _due(self) -> list[EndedBatch]:
        settings = self._installation.settings
        found = retention.survey(self._home, self._journal, self._keys)
        self._result.left = found.left
        begun = [EndedBatch(key, self._now, self._count(key)) for key in found.begun]
        at_work = partitions_at_work(self._instance)
        idle = [b for b in found.ended if at_work.isdisjoint(self._names(b.key))]
        return begun + batches_to_retire(
            idle,
            self._before(settings.keep_days),
            sum(map(len, self._keys.values())) - sum(b.partitions for b in begun),
            settings.keep_batches,
        )

    def _before(self, days: int) -> datetime:
        return self._now - timedelta(days=days)

    def _names(self, batch: str) -> set[str]:
        return {batch, *self._keys.get(batch, ())}

    def _count(self, batch: str) -> int:
        return len(self._keys.get(batch, ()))

    def _retire(self, batch: EndedBatch) -> None:
        keys = self._keys.get(batch.key, ())
        if self._dry:
            freed = retention.bytes_of(self._home, batch.key)
        else:
            freed = retention.retire(
                self._home,
                batch.key,
                lambda: self._is_as_it_was(batch),
                keys,
                lambda key: self._instance.delete_dynamic_partition(_NAME, key),
            )
        self._keys.pop(batch.key, None)
        self._result.batches.append(batch.key)
        self._result.partition_keys += len(keys)
        self._result.bytes += freed
        self._log(f"Batch {batch.key} is retired: {freed:,} bytes.")

    def _is_as_it_was(self, batch: EndedBatch) -> bool:
        found = retention.ends(self._journal, [batch.key])
        return found == {batch.key: batch.ended_at}

    def _failed_files(self) -> None:
        days = self._installation.settings.keep_failed_days
        if days is None:
            return
        waiting = retention.failed_before(self._home, self._journal, self._before(days))
        for key in waiting:
            self._attempt(key, partial(self._remove_failed, key))

    def _remove_failed(self, key: str) -> None:
        path = self._home.failed(key)
        self._result.bytes += bytes_in(path) if self._dry else remove(path)
        self._result.failed_uploads.append(key)
        self._log(f"The file of failed upload {key} is removed.")

    def _exchange(self) -> None:
        from bulk_pipeline.defs.operations.exchange_leftovers import (  # noqa: PLC0415
            Leftovers,  # few installations have an exchange
        )

        left = Leftovers.of(self._installation, self._instance)
        for batch, size in left.found().items():
            work = partial(self._remove_sent, left, batch, size)
            self._attempt(f"exchange/{batch}", work)

    def _remove_sent(self, left: "Leftovers", batch: str, size: int) -> None:
        freed = size if self._dry else left.remove(batch)
        if not freed:
            return
        self._result.exchange_batches.append(batch)
        self._result.exchange_bytes += freed
        self._log(f"Batch {batch} is removed from the exchange: {freed:,} bytes.")

    def _runs(self) -> None:
        before = self._before(self._installation.settings.keep_runs_days)
        kept = {key for keys in self._keys.values() for key in keys}
        chosen = runs_to_delete(self._instance, kept, before)
        chosen += runs_without_record(self._instance, before)
        for run_id in chosen[:MOST_RUNS]:
            self._attempt(f"run {run_id}", partial(self._delete_run, run_id))

    def _delete_run(self, run_id: str) -> None:
        delete = bytes_of_run if self._dry else delete_run
        self._result.bytes += delete(self._instance, run_id)
        self._result.runs += 1

    def _attempt(self, name: str, work: Callable[[], None]) -> None:
        """Do a piece of work; a failure is noted and keeps no other from being done."""
        try:
            work()
        except (OSError, BulkPipelineError, sa.exc.SQLAlchemyError) as error:
            self._result.failures[name] = str(error)
            self._log(f"{name} stays: {error}")


_NAME = str(batches.name)


def _keys_by_batch(instance: dg.DagsterInstance) -> dict[str, list[str]]:
    """Batch → its partition keys, that of its refused files first."""
    found: dict[str, list[str]] = {}
    for key in instance.get_dynamic_partitions(_NAME):
        found.setdefault(key.removesuffix(SUFFIX), []).append(key)
    return {
        batch: sorted(keys, key=is_refused_sibling, reverse=True)
        for batch, keys in found.items()
    }
