"""Items made one ahead are the same items, and no thread is left behind."""

import threading
from collections.abc import Iterator
from contextlib import closing

import pytest

from bulk_pipeline.adapters.one_ahead import one_ahead


def test_the_items_come_in_their_order_and_their_error_comes_last() -> None:
    """What a load or a synchronisation writes is what was read."""

    def items() -> Iterator[int]:
        yield from range(3)
        raise ValueError("the fourth")

    coming = one_ahead(items())
    assert [next(coming) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(ValueError, match="the fourth"):
        next(coming)


def test_closing_waits_for_the_item_that_is_being_made() -> None:
    """A connection is given back after it; two threads would use it at once."""
    begun, ended = threading.Event(), threading.Event()
    go_on = threading.Timer(0.2, begun.set)

    def items() -> Iterator[int]:
        yield 0
        begun.wait()
        ended.set()
        yield 1

    with closing(one_ahead(items())) as coming:
        assert next(coming) == 0
        go_on.start()
    assert ended.is_set()
