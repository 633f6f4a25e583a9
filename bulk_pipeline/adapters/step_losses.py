"""Steps that Redis has lost: they wait nowhere, and no worker has them."""

import logging
import time
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

from bulk_pipeline.adapters.step_broker import QUEUES

logger = logging.getLogger(__name__)
LOOK_SECONDS = 5.0
LOOKS = 2
"""In vain and in a row, before a step counts as lost: on its way from its queue into a
worker's hand it is in neither for a moment."""


@dataclass
class Losses:
    """The steps that one run waits for, looked for every few seconds.

    A message can be lost without anybody's noticing: Redis was emptied or began anew
    from an older copy, or gave the message to a worker whose machine was gone.
    """

    _unseen: dict[str, int] = field(default_factory=dict)
    _looked: float = field(default_factory=time.monotonic)

    def add(self, step: str) -> None:
        """Look for a step from now on, by the id of its message."""
        self._unseen[step] = 0

    def drop(self, step: str) -> None:
        """Look for a step no more: it was answered."""
        self._unseen.pop(step, None)

    def has(self, step: str, app: Any) -> bool:
        """Whether a step is lost, as of the latest look; looks where it is time to.

        Whether it was answered is asked before this: an answer is stored first, and
        the message is removed then.

        Args:
            step: id of its message.
            app: the Celery app that it was asked for by; its broker is Redis.
        """
        now = time.monotonic()
        if now - self._looked >= LOOK_SECONDS:
            self._look(app)
            self._looked = time.monotonic()
        return self._unseen.get(step, 0) >= LOOKS

    def _look(self, app: Any) -> None:
        found = kept(app, self._unseen)
        for step, times in self._unseen.items():
            lost = found is not None and step not in found
            self._unseen[step] = times + 1 if lost else 0


def kept(app: Any, steps: Collection[str]) -> set[str] | None:
    """Those of some steps that wait in Redis or are in a worker's hand, at one moment.

    Args:
        app: a Celery app whose broker is Redis.
        steps: ids of their messages.

    Returns:
        None where Redis does not answer, which says nothing about them.
    """
    with app.connection_for_read() as connection:
        errors = connection.connection_errors + connection.channel_errors
        try:
            connection.ensure_connection(max_retries=1)
            channel = connection.default_channel
            with channel.client.pipeline(transaction=True) as asked:
                for queue in QUEUES:
                    asked.lrange(queue, 0, -1)
                asked.hvals(channel.unacked_key)
                messages = [text for texts in asked.execute() for text in texts]
        except errors as error:
            logger.warning("The broker does not answer: %s", type(error).__name__)
            return None
    # A message holds its id as it is; no other one does, by 122 random bits.
    ids = {step: step.encode() for step in steps}
    return {step for step in ids if any(ids[step] in text for text in messages)}
