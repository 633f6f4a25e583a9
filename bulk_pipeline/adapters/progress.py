"""Who is told how far a batch is: nobody, unless a command line listens."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

Listener = Callable[[str, int], None]
"""Told the stage and how many units (bytes while reading, rows later) are done more."""

_listener: ContextVar[Listener | None] = ContextVar("listener", default=None)


def advance(stage: str, units: int) -> None:
    """Say that a stage is further by some units."""
    listener = _listener.get()
    if listener is not None:
        listener(stage, units)


@contextmanager
def listening(listener: Listener) -> Iterator[None]:
    """Tell a listener of all progress in this thread while the block runs."""
    token = _listener.set(listener)
    try:
        yield
    finally:
        _listener.reset(token)
