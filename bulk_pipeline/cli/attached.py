"""Runs a program that dies with the process that started it, however that dies.

Started by path, ``python -I attached.py PARENT PROGRAM ARGUMENTS``: it imports nothing
of ours, so that it costs milliseconds, and then becomes the program.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def main() -> None:
    """Tie this process to its parent, and become the program.

    What the program starts itself is not tied: that is its own business.
    """
    parent, program = int(sys.argv[1]), sys.argv[2]
    # Only Linux can do it. Elsewhere a killed parent leaves the program running; the
    # next `up` then finds its port taken.
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:  # it died before we asked
            sys.exit(1)
    os.execv(program, sys.argv[2:])  # noqa: S606  # no shell, on purpose


if __name__ == "__main__":
    main()
