"""Named instants at which a test can have this process killed.

What must hold when a machine dies is tested by killing real processes; a name makes
each instant reachable instead of a matter of luck.
"""

import os
import signal
from typing import Literal, get_args

VARIABLE = "BULK_PIPELINE_CRASH_AT"

CrashPoint = Literal[
    "upload promised",
    "claim begun",
    "file claimed",
    "claim landed",
    "claim entered",
    "file brought in",
    "run entered",
    "file read",
    "chunks written",
    "chunks in place",
    "companies registered",
    "span scored",
    "scores gathered",
    "stage created",
    "staged",
    "inserted",
    "receipts written",
    "before commit",
    "committed",
    "outcome entered",
    "reject file written",
    "figures stored",
    "reason written",
    "file failed",
    "archived",
    "batch retiring",
    "partition dropped",
]
"""Every such instant, in the order of a batch's life."""

POINTS: tuple[str, ...] = get_args(CrashPoint)


def reached(point: CrashPoint) -> None:
    """Kill this process at once if its environment says so; else do nothing."""
    if os.environ.get(VARIABLE) == point:
        os.kill(os.getpid(), signal.SIGKILL)
