"""How often somebody may ask: a bucket of tokens for each, in memory."""

import math
import time
from collections import OrderedDict
from dataclasses import dataclass, field

MOST_BUCKETS = 10_000
"""Who asked longest ago is forgotten beyond so many, and starts with a full bucket."""
SECONDS_PER_MINUTE = 60.0


@dataclass
class Rates:
    """Who asked how often; for one thread.

    Attributes:
        per_minute: requests a minute in the long run, and at once at most.
    """

    per_minute: int
    _buckets: OrderedDict[str, tuple[float, float]] = field(default_factory=OrderedDict)

    def wait_seconds(self, who: str, now: float | None = None) -> int:
        """Count a request; 0 if it may go on, else whole seconds until one may.

        Args:
            who: a user or an address.
            now: seconds of a clock that never goes back; the machine's when None.
        """
        moment = time.monotonic() if now is None else now
        left, since = self._buckets.pop(who, (float(self.per_minute), moment))
        speed = self.per_minute / SECONDS_PER_MINUTE
        left = min(self.per_minute, left + (moment - since) * speed)
        allowed = left >= 1
        self._buckets[who] = (left - 1 if allowed else left, moment)
        if len(self._buckets) > MOST_BUCKETS:
            self._buckets.popitem(last=False)
        return 0 if allowed else math.ceil((1 - left) / speed)
