"""Batches that lie in the exchange although nobody is at work on them."""

from dataclasses import dataclass
from typing import Self

import dagster as dg

from bulk_pipeline.adapters.exchange.exchange import Exchange
from bulk_pipeline.adapters.exchange.leftovers import remove_batch, sent_batches
from bulk_pipeline.adapters.installation import Installation
from bulk_pipeline.adapters.locks import holder
from bulk_pipeline.defs.operations.run_retention import partitions_at_work


@dataclass(frozen=True, slots=True)
class Leftovers:
    """What runs that were killed, or workers that came late, left on shared storage."""

    installation: Installation
    instance: dg.DagsterInstance
    exchange: Exchange

    @classmethod
    def of(cls, installation: Installation, instance: dg.DagsterInstance) -> Self:
        """The leftovers of a home.

        Raises:
            ConfigurationError: the exchange cannot be opened.
        """
        return cls(installation, instance, Exchange.of(installation.settings))

    def found(self) -> dict[str, int]:
        """Batch → its bytes in the exchange, of those that nobody is at work on.

        Raises:
            TransientError: the store is busy.
            PermanentError: it cannot be used.
        """
        home_id = self.installation.journal.home_id()
        return {
            batch: sum(objects.values())
            for batch, objects in sorted(sent_batches(self.exchange, home_id).items())
            if not self._is_open(batch)
        }

    def remove(self, batch: str) -> int:
        """Remove a batch unless somebody is at work on it by now; returns its bytes.

        Raises:
            TransientError: the store is busy, or kept something.
            PermanentError: it cannot be used.
        """
        home_id = self.installation.journal.home_id()
        return remove_batch(
            self.exchange, home_id, batch, lambda: not self._is_open(batch)
        )

    def _is_open(self, batch: str) -> bool:
        """Whether a batch has landed and not ended, or is run again after its end."""
        home = self.installation.home
        return (
            home.landing(batch).exists()
            or batch in partitions_at_work(self.instance)
            or bool(holder(home.batch(batch)))
        )
