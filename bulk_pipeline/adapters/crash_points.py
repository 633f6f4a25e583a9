"""Named instants at which a test can have this process killed.

What must hold when a machine dies is tested by killing real processes; a name makes
each instant reachable instead of a matter of luck.
"""

import os
import signal

VARIABLE = "BULK_PIPELINE_CRASH_AT"


def reached(name: str) -> None:
    """Kill this process at once if its environment says so; else do nothing."""
    if os.environ.get(VARIABLE) == name:
        os.kill(os.getpid(), signal.SIGKILL)
