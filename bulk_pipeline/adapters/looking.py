"""What lies in the inbox now."""

import logging
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from bulk_pipeline.adapters.folders import opened, opened_in
from bulk_pipeline.core.inbox import FileStamp

logger = logging.getLogger(__name__)


def look(inbox: Path) -> list[FileStamp]:
    """The regular files in the inbox and in its subfolders, one level deep.

    Links, pipes, sockets, devices and deeper folders are passed over: nothing outside
    the inbox is ever read. The inbox is made if it is missing; it may be a link that
    the operator made. A folder that may not be read is logged, and keeps no other from
    being looked at.

    Raises:
        OSError: the inbox cannot be made or read.
    """
    inbox.mkdir(parents=True, exist_ok=True)
    with opened(inbox) as descriptor:
        found = list(_files(descriptor, ""))
        for name in subfolders(descriptor):
            try:
                with opened_in(descriptor, name) as subfolder:
                    found += _files(subfolder, name)
            except PermissionError as error:
                logger.warning(
                    "The folder %r of the inbox is left out: %s", name, error.strerror
                )
            except OSError:
                continue  # no folder any more: taken away since the listing
    return found


def subfolders(inbox: int) -> list[str]:
    """The folders in the open inbox that may hold files of users: no hidden ones."""
    with os.scandir(inbox) as entries:
        return [
            entry.name
            for entry in entries
            if not entry.name.startswith(".") and entry.is_dir(follow_symlinks=False)
        ]


def _files(folder: int, name: str) -> Iterator[FileStamp]:
    """The regular files in an open folder of this name."""
    with os.scandir(folder) as entries:
        for entry in entries:
            try:
                seen = entry.stat(follow_symlinks=False)
            except FileNotFoundError:
                continue  # taken away between the listing and the look
            if stat.S_ISREG(seen.st_mode):
                yield FileStamp(
                    name,
                    entry.name,
                    seen.st_size,
                    seen.st_mtime_ns,
                    seen.st_ctime_ns,
                    seen.st_dev,
                    seen.st_ino,
                )
