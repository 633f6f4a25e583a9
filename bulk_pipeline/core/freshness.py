"""Whether new files still come: a moment in, a sentence out."""

from dataclasses import dataclass
from datetime import datetime

from bulk_pipeline.core.watching import ago


@dataclass(frozen=True, slots=True)
class Freshness:
    """When the last new file was taken, beside when one was expected.

    Attributes:
        newest: when the last one was taken, UTC; None where none ever was, and nothing
            can be late.
        hours: within how many hours people expect one.
        now: UTC.
        key: of that upload, "" for none.
        file: the user's name for it, "" for none.
    """

    newest: datetime | None
    hours: float
    now: datetime
    key: str = ""
    file: str = ""

    @property
    def seconds(self) -> float:
        """Since the last file was taken, at least 0; 0 where none ever was."""
        if self.newest is None:
            return 0.0
        return max(0.0, (self.now - self.newest).total_seconds())

    @property
    def late(self) -> bool:
        """Whether a file has been expected for some time."""
        return self.seconds > self.hours * 3_600

    @property
    def said(self) -> str:
        """What is to be said of it, without the name of the file."""
        expected = f"one is expected every {self.hours:g} h"
        if self.newest is None:
            return f"No file was ever taken; {expected}."
        when = f"{self.newest:%Y-%m-%d %H:%M} UTC, {ago(self.seconds)} ago"
        return f"The last new file was taken at {when}; {expected}."
