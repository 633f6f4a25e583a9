"""Taking files out of the inbox: each is either there or in a landed batch."""

import errno
import logging
import os
import shutil
import stat
from collections import defaultdict
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from bulk_pipeline.adapters.atomic import lasting_folder
from bulk_pipeline.adapters.batches import (
    Batch,
    Options,
    Upload,
    new_batch,
    shown,
    write_batch,
)
from bulk_pipeline.adapters.crash_points import reached
from bulk_pipeline.adapters.disk_space import is_full, room_needed
from bulk_pipeline.adapters.folders import (
    Place,
    give_back,
    make_lasting,
    opened,
    opened_in,
)
from bulk_pipeline.adapters.folders import move as _move
from bulk_pipeline.adapters.holding import hold
from bulk_pipeline.adapters.home import CLAIM_PREFIX, Home
from bulk_pipeline.adapters.landing_claims import (
    clear,
    finish_claims,
    land,
)
from bulk_pipeline.adapters.looking import look
from bulk_pipeline.adapters.writers import is_being_written, tells_writers
from bulk_pipeline.core.errors import TransientError
from bulk_pipeline.core.inbox import FileStamp

__all__ = ["CLAIM_PREFIX", "Remaining", "claim", "finish_claims", "look"]

logger = logging.getLogger(__name__)
_READING = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_NO_FOLDER = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP)


@dataclass
class Remaining:
    """What a claim was to take and left in the inbox.

    Attributes:
        written: files that a process has open for writing.
        refused: name of each that may not be read or moved, and why.
    """

    written: int = 0
    refused: list[str] = field(default_factory=list)


def claim(
    home: Home,
    stamps: Sequence[FileStamp],
    options: Options,
    now: datetime,
    remaining: Remaining | None = None,
) -> Batch | None:
    """Move files from the inbox into a new landed batch.

    The list of members is on disk before the first file moves, so a claim that is
    killed half-way is finished by ``finish_claims``. What is no longer the file that
    was seen stays or goes back. A file that may not be moved is logged and stays; it
    keeps no other from being claimed. Where the inbox is another file system the files
    wait there to be brought in; see ``bringing``.

    Args:
        home: where to.
        stamps: the files, as a look saw them.
        options: what the batch is loaded under.
        now: moment of the claim, UTC.
        remaining: is told what was left, and why.

    Returns:
        The batch; None if no file could be taken.

    Raises:
        TransientError: no space is left for the list; no file has moved then.
        OSError: the inbox cannot be reached.
    """
    left = Remaining() if remaining is None else remaining
    seen = [
        Upload(s.key, shown(s.title), "", s.bytes, s.modified_ns, shown(s.folder))
        for s in stamps
    ]
    batch = new_batch(seen, options, now)
    folder = home.claim(batch.key)
    _begin(folder, batch)
    with ExitStack() as stack:
        inbox = stack.enter_context(opened(home.inbox))
        landing = stack.enter_context(opened(folder))
        taking = _Taking(stack, inbox, landing, folder, batch.key, left)
        taking.take(list(zip(stamps, batch.uploads, strict=True)))
    return land(home, folder)


def _begin(folder: Path, batch: Batch) -> None:
    try:
        with room_needed(folder.parent):
            lasting_folder(folder)
            write_batch(folder, batch)
    except TransientError as error:
        if folder.exists():
            clear(folder)
        free = shutil.disk_usage(folder.parent).free
        raise TransientError(f"{error} {free} bytes are free there.") from error
    reached("claim begun")


@dataclass
class _Taking:
    """The files of one claim on their way out of the inbox."""

    stack: ExitStack
    inbox: int
    landing: int
    folder: Path
    batch: str
    left: Remaining
    targets: dict[str | None, int] = field(default_factory=dict)
    apart: set[tuple[int, str | None]] = field(default_factory=set)
    honest: dict[int, bool] = field(default_factory=dict)

    def take(self, members: Sequence[tuple[FileStamp, Upload]]) -> None:
        """Move what is still there and still the same, folder by folder."""
        self.targets[None] = self.landing
        of_folder = defaultdict(list)
        for stamp, upload in members:
            of_folder[stamp.folder].append((stamp, upload))
        refused = len(self.left.refused)
        for name, files in of_folder.items():
            try:
                with opened_in(self.inbox, name) as source:
                    self._take_from(name, source, files)
            except OSError as error:
                if error.errno not in _NO_FOLDER:
                    self._refuse(name, "", error)
                if is_full(error):
                    break
        if new := self.left.refused[refused:]:
            logger.warning("Files stay in the inbox: %s", "; ".join(new))
        # A rename is one step for a file system, so the source need not be synced; at
        # worst a loss of power leaves a file in both, and it is loaded once all the
        # same. Five hundred folders of users would cost a second.
        for target in self.targets.values():
            make_lasting(target)

    def _take_from(
        self, folder: str, source: int, files: Sequence[tuple[FileStamp, Upload]]
    ) -> None:
        """Move the files of one open folder of the inbox."""
        for stamp, upload in files:
            place = Place(source, stamp.name)
            try:
                if self._is_whole(place, stamp):
                    self._move_out(folder, place, upload.stored_name, stamp)
                    reached("file claimed")
            except FileNotFoundError:
                continue  # taken away since the look
            except OSError as error:
                if is_full(error):
                    raise
                self._refuse(folder, stamp.name, error)

    def _is_whole(self, place: Place, stamp: FileStamp) -> bool:
        """Whether a file is still what was seen, and nobody has it open for writing."""
        try:
            descriptor = os.open(place.name, _READING, dir_fd=place.folder)
        except OSError as error:
            if error.errno in (errno.ELOOP, errno.ENXIO):
                return False  # a link or a socket by now
            raise
        try:
            if not _is_same(os.fstat(descriptor), stamp):
                return False
            if stamp.device not in self.honest:
                self.honest[stamp.device] = tells_writers(place.folder)
            written = self.honest[stamp.device] and is_being_written(descriptor)
        finally:
            os.close(descriptor)
        self.left.written += written
        return not written

    def _move_out(
        self, folder: str, place: Place, stored: str, stamp: FileStamp
    ) -> None:
        """Rename a file into the nearest folder of ours that a rename reaches."""
        for where in dict.fromkeys((None, "", folder)):
            if (stamp.device, where) in self.apart:
                continue
            target = Place(self._target(where), stored)
            try:
                _move(place, target)
            except OSError as error:
                if error.errno != errno.EXDEV:
                    raise
                self.apart.add((stamp.device, where))
                continue
            if not _is_same(target.seen(), stamp):
                name = give_back(target, place)
                logger.warning(
                    "%r changed while it was taken and is back in the inbox.", name
                )
            return

    def _target(self, where: str | None) -> int:
        """The open folder of the claim: in the landing, or in a part of the inbox."""
        if where not in self.targets:
            descriptor = hold(self.inbox, where or "", self.folder, self.batch)
            self.stack.callback(os.close, descriptor)
            self.targets[where] = descriptor
        return self.targets[where]

    def _refuse(self, folder: str, name: str, error: OSError) -> None:
        path = shown("/".join(filter(None, (folder, name))))
        self.left.refused.append(f"{path!r}: {error.strerror}")


def _is_same(seen: os.stat_result, stamp: FileStamp) -> bool:
    """Whether this is the file that a look saw, untouched since."""
    return stat.S_ISREG(seen.st_mode) and (
        (stamp.device, stamp.inode, stamp.bytes, stamp.modified_ns)
        == (seen.st_dev, seen.st_ino, seen.st_size, seen.st_mtime_ns)
    )
