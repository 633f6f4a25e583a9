"""What of the inbox is taken now, and what goes together."""

import logging
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bulk_pipeline.adapters.batches import Batch, Options, shown
from bulk_pipeline.adapters.claiming import Remaining, claim, finish_claims, look
from bulk_pipeline.adapters.crash_points import reached
from bulk_pipeline.adapters.holding import sweep_holdings
from bulk_pipeline.adapters.installation import Installation
from bulk_pipeline.adapters.reservations import with_promises
from bulk_pipeline.core.errors import BulkPipelineError
from bulk_pipeline.core.inbox import (
    FileStamp,
    Quota,
    Share,
    in_batches,
    is_wanted,
    settled,
    within_quota,
)
from bulk_pipeline.core.wording import amount

MOST_NAMED = 10
MOST_QUEUED = 10
"""Small batches that wait for their runs. Beyond them files gather in the inbox: one
larger batch costs one start of a process and several small ones cost several."""
logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Intake:
    """What one look at the inbox left there, and why.

    Attributes:
        unfinished: files that somebody is still writing.
        over_quota: subfolder ("" for the inbox itself) → files that wait until others
            of it have ended.
        gathering: files that wait until batches before them have begun, to be one
            batch then.
        trouble: what an operator should know, one sentence each.
    """

    unfinished: int = 0
    over_quota: Mapping[str, int] = field(default_factory=dict)
    trouble: tuple[str, ...] = ()
    gathering: int = 0

    def __str__(self) -> str:
        parts = [
            amount(self.unfinished, "file is", "files are") + " still being written"
        ]
        if self.over_quota:
            waiting = sorted(self.over_quota.items(), key=lambda item: -item[1])
            named = [
                f"{amount(count, 'file')} of {folder or 'the inbox itself'}"
                for folder, count in waiting
            ]
            alone = sum(self.over_quota.values()) == 1
            wait = "waits for its" if alone else "wait for their"
            parts.append(f"{_some(named)} {wait} quota")
        if self.gathering:
            one = "file waits until batches before it have begun"
            many = "files wait until batches before them have begun"
            parts.append(amount(self.gathering, one, many))
        return "; ".join([*parts, *self.trouble])


def claim_settled(installation: Installation, now: datetime) -> Intake:
    """Take the settled files of the inbox as batches.

    Each batch has a later moment than the one before it, in the order in which they
    are to run. A full disk or an inbox that is away ends the look, and the files stay:
    the next tick goes on.
    """
    intake = _Intake(installation, now)
    try:
        intake.enter(finish_claims(installation.home))
        intake.take()
    except BulkPipelineError as error:
        intake.warn(f"Files stay in the inbox: {error}")
    except OSError as error:
        inbox = installation.home.inbox
        intake.warn(
            f"The inbox {inbox} cannot be used: {error.strerror}. Make it a folder, or "
            "a link to one, that this user may read and write."
        )
    return intake.told()


class _Intake:
    """One look at the inbox."""

    def __init__(self, installation: Installation, now: datetime) -> None:
        self._installation = installation
        self._now = now
        self._options = Options.from_settings(installation.settings)
        self._remaining = Remaining()
        self._unfinished = self._gathering = 0
        self._over_quota: dict[str, int] = {}
        self._trouble: list[str] = []
        self._in_work: dict[str, Share] = {}

    def enter(self, batches: Iterable[Batch]) -> None:
        """Enter claimed batches into the journal."""
        for batch in batches:
            self._installation.journal.claim(batch)
            reached("claim entered")

    def take(self) -> None:
        """Claim what is settled and within its folder's quota."""
        home, settings = self._installation.home, self._installation.settings
        seen = with_promises(self._installation.journal, look(home.inbox))
        found = [s for s in seen if is_wanted(s.title, settings.inbox_pattern)]
        quiet = settled(found, time.time_ns(), settings.quiet_seconds)
        self._unfinished = len(found) - len(quiet)
        sweep_holdings(home)
        queued = self._installation.journal.queued(settings.alone_bytes)
        if queued >= MOST_QUEUED and len(quiet) < settings.batch_files:
            self._gathering = len(quiet)
            return
        quota = Quota(settings.quota_files, settings.quota_bytes)
        if quota != Quota():
            self._in_work = dict(self._installation.journal.in_work())
        # A file that cannot be taken leaves its place to the next of its folder.
        waiting = quiet
        while waiting:
            used = {
                s.folder: self._in_work.get(shown(s.folder), Share()) for s in waiting
            }
            admitted, waiting = within_quota(waiting, used, quota)
            if not admitted:
                break
            self._claim(admitted)
        for stamp in waiting:
            folder = shown(stamp.folder)
            self._over_quota[folder] = self._over_quota.get(folder, 0) + 1

    def _claim(self, stamps: list[FileStamp]) -> None:
        settings = self._installation.settings
        for chosen in in_batches(
            stamps, settings.batch_files, settings.batch_bytes, settings.alone_bytes
        ):
            self._now += timedelta(microseconds=1)
            home = self._installation.home
            batch = claim(home, chosen, self._options, self._now, self._remaining)
            if batch is None:
                continue
            self.enter([batch])
            for upload in batch.uploads:
                share = self._in_work.get(upload.submitted_by, Share())
                self._in_work[upload.submitted_by] = share + Share(1, upload.bytes)

    def warn(self, sentence: str) -> None:
        """Note something that an operator should know."""
        logger.warning(sentence)
        self._trouble.append(sentence)

    def told(self) -> Intake:
        """What was left, and why."""
        refused = self._remaining.refused
        if refused:
            files = amount(len(refused), "file")
            self._trouble.append(f"{files} may not be read or moved: {_some(refused)}")
        return Intake(
            self._unfinished + self._remaining.written,
            self._over_quota,
            tuple(self._trouble),
            self._gathering,
        )


def _some(names: list[str]) -> str:
    """A list that stays readable however long it is."""
    more = len(names) - MOST_NAMED
    named = ", ".join(names[:MOST_NAMED])
    return named if more <= 0 else f"{named} and {more} more"
