"""When Python looks for garbage: not while modules are imported, and not at the end."""

import atexit
import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def nothing_to_collect() -> Iterator[None]:
    """A block of imports and other set-up, whose objects stay as long as the process.

    Collections meanwhile would find next to nothing and look at ever more objects. What
    is there at the end of the block is left out of all later collections.
    """
    if not gc.isenabled():  # a block around this one, or somebody's decision
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def end_without_collecting() -> None:
    """Let this process end without a last look at every object that it leaves.

    Files, locks and connections are closed by their owners before, and memory goes with
    the process. Python's last collection takes about as long as the imports did. May be
    called again.
    """
    atexit.unregister(gc.freeze)
    atexit.register(gc.freeze)
