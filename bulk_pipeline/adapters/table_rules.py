"""Rules that the tables keep by themselves, whoever writes into them."""

import sys
from collections.abc import Iterable

import sqlalchemy as sa

_LARGEST = sys.float_info.max


def one_of(column: str, texts: Iterable[str], name: str) -> sa.CheckConstraint:
    """A column equal to one of these; SQLite takes 1.8 us a row longer for IN."""
    equals = (sa.column(column) == text for text in dict.fromkeys(texts))
    return sa.CheckConstraint(sa.or_(*equals), name=name)


def within(column: str, lowest: float, highest: float) -> sa.CheckConstraint:
    """A value between two, both included; a missing one passes."""
    rule = sa.CheckConstraint(sa.column(column).between(lowest, highest), name=column)
    if (lowest, highest) == (-_LARGEST, _LARGEST):
        # SQL Server's float holds no infinity, so there is nothing to check.
        rule.ddl_if(dialect="sqlite")
    return rule


def finite(column: str) -> sa.CheckConstraint:
    """Any number but the infinities; a missing one passes."""
    return within(column, -_LARGEST, _LARGEST)
