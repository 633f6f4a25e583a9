"""Values for IN lists, so many at a time."""

from collections.abc import Iterator, Sequence
from typing import TypeVar

T = TypeVar("T")
VALUES_AT_ONCE = 1_000
"""Values in one statement; SQL Server takes 2,100 parameters at most."""


def portions(values: Sequence[T]) -> Iterator[Sequence[T]]:
    """The values in order, ``VALUES_AT_ONCE`` at most in each portion."""
    starts = range(0, len(values), VALUES_AT_ONCE)
    return (values[start : start + VALUES_AT_ONCE] for start in starts)
