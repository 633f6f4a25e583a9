"""Working off the outbox: at least once each, and never long enough to be in the way.

A process that is killed between the answer of the other side and the note of it sends
that message again, under the same identity. What was noted as sent is never sent again.
"""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from bulk_pipeline.adapters.alert_channels import Channel
from bulk_pipeline.adapters.alert_outbox import Entry, Outbox
from bulk_pipeline.core.errors import (
    BulkPipelineError,
    ConfigurationError,
    TransientError,
)

logger = logging.getLogger(__name__)
LOOK_SECONDS = 25.0
"""After that no other message is begun; a tick of Dagster's may take a minute."""


@dataclass(frozen=True, slots=True)
class Delivered:
    """What one look at the outbox did.

    Attributes:
        sent: messages that the other side took.
        problems: why others were not taken, one sentence per channel.
    """

    sent: int
    problems: tuple[str, ...]


def deliver(
    outbox: Outbox, channels: Sequence[Channel], now: Callable[[], datetime]
) -> Delivered:
    """Send what is due, channel by channel, as long as there is time.

    Args:
        outbox: of the home.
        channels: those that are set up.
        now: the clock, UTC.
    """
    sent, problems = 0, {}
    end = time.monotonic() + LOOK_SECONDS
    for channel in channels:
        while time.monotonic() < end and (entry := outbox.due(channel.name, now())):
            try:
                channel.send(entry.alert, entry.identity)
            except BulkPipelineError as error:
                problems[channel.name] = f"{channel.name}: {error}"
                down = isinstance(error, TransientError | ConfigurationError)
                _note(outbox, entry, str(error), now(), down=down)
                if down:
                    break
            else:
                outbox.sent(entry, now())
                sent += 1
    return Delivered(sent, tuple(problems.values()))


def _note(
    outbox: Outbox, entry: Entry, error: str, now: datetime, *, down: bool
) -> None:
    """Note that an alert was not taken, and say in the log whether that was all."""
    if outbox.failed(entry, error, now, down=down):
        logger.error(
            "Alert about batch %s was given up after %d attempts through %s: %s",
            entry.alert.batch,
            entry.attempts + 1,
            entry.channel,
            error,
        )
    else:
        logger.warning("Alert through %s is tried again: %s", entry.channel, error)
