"""A full disk as what it is: something that passes once somebody has made room."""

import errno
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bulk_pipeline.core.errors import TransientError
from bulk_pipeline.core.wording import GOES_ON

FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
"""No space left on the device, and none left for this user."""

_PARTIAL = ".partial"  # as in ``atomic``, which needs this module
_OS_ERROR = re.compile(r"\(os error (\d+)\)")  # polars gives the number in the text


@contextmanager
def room_needed(folder: Path) -> Iterator[None]:
    """A block that writes into a folder; a full disk comes out as ``TransientError``.

    Other errors are left alone.

    Raises:
        TransientError: no space is left; names the file that wanted it, or the folder
            where the writer does not say.
    """
    try:
        yield
    except OSError as error:
        if not is_full(error):
            raise
        named = error.filename
        place = Path(named).parent if isinstance(named, str) else folder
        raise TransientError(
            f"No space is left in {_lasting(place)}. Free some{GOES_ON}"
        ) from error


def _lasting(place: Path) -> Path:
    """The folder to look at: what is never finished is gone by then."""
    passing = [p for p in (place, *place.parents) if p.suffix == _PARTIAL]
    return passing[-1].parent if passing else place


def is_full(error: OSError) -> bool:
    """Whether an error says that a disk or a quota is full."""
    if error.errno is not None:
        return error.errno in FULL
    found = _OS_ERROR.search(str(error))
    return found is not None and int(found[1]) in FULL
