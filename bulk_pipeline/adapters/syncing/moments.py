"""How many rows each side has of each moment: the cheap proof that nothing changed.

Whatever changes rows stamps all of them with one moment of its own, so two tables whose
moments have equally many rows are equal, as long as everybody who changes a row stamps
it and nobody but a synchronisation writes to the target. A load that was stamped early
and committed late shows as a moment that the target does not have, however late it is.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

Moments = Counter[datetime]
"""Moment → rows that were written last at it."""


def moments(
    connection: sa.Connection,
    stamp: sa.ColumnElement[Any],
    where: Sequence[sa.ColumnElement[bool]] = (),
) -> Moments:
    """Count the rows of a table by their moment; one look at each row."""
    query = sa.select(stamp, sa.func.count()).where(*where).group_by(stamp)
    return counted((moment, rows) for moment, rows in connection.execute(query))


def counted(pairs: Iterable[tuple[datetime | None, int]]) -> Moments:
    """Add up rows by moment; rows of no moment do not count."""
    found: Moments = Counter()
    for moment, rows in pairs:
        if moment is not None:
            found[moment] += int(rows)
    return found


def differing(there: Moments, here: Moments) -> list[datetime]:
    """Moments of which the two have not equally many rows, in order."""
    either = there.keys() | here.keys()
    return sorted(m for m in either if there[m] != here[m])


def missing(there: Moments, here: Moments) -> list[datetime]:
    """Moments of which the source has more rows than the target, in order."""
    return sorted(m for m in there if there[m] > here[m])
