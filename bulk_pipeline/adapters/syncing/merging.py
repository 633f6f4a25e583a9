"""Bringing a table to what a relation has, and counting twice what became of it."""

from collections import Counter
from dataclasses import dataclass

import sqlalchemy as sa

from bulk_pipeline.adapters.crash_points import reached
from bulk_pipeline.adapters.syncing.compared import Compared, Merge
from bulk_pipeline.adapters.syncing.moments import Moments, counted
from bulk_pipeline.adapters.syncing.tally import NO_YEAR, Years
from bulk_pipeline.core.errors import AccountingError
from bulk_pipeline.core.wording import amount


@dataclass(frozen=True, slots=True)
class Brought:
    """What a relation's rows were, beside those of the target.

    Attributes:
        inserted: rows that the target lacked.
        updated: rows whose values differed.
        come: moments, as the source has them, of all these rows.
        gone: moments that the target had for those that differed.
    """

    inserted: Years
    updated: Years
    come: Moments
    gone: Moments


NOTHING = Brought(Counter(), Counter(), Counter(), Counter())
"""Where no row was to be compared."""


def brought(connection: sa.Connection, merge: Merge, *, write: bool) -> Brought:
    """Compare a table with a relation and, if that is wanted, write what differs.

    Raises:
        AccountingError: more or fewer rows were written than were found to differ;
            names the counts.
    """
    inserted: Years = Counter()
    updated: Years = Counter()
    moves = connection.execute(merge.moves()).all()
    for _, here, year, rows in moves:
        (inserted if here is None else updated)[year or NO_YEAR] += int(rows)
    for what, wanted, statement in (
        ("updated", updated.total(), merge.update),
        ("inserted", inserted.total(), merge.insert),
    ):
        if write and wanted:
            done = connection.execute(statement()).rowcount
            require_equal(merge.compared, what, wanted, done)
            reached("inserted")
    come = counted((there, rows) for there, _, _, rows in moves)
    gone = counted((here, rows) for _, here, _, rows in moves)
    return Brought(inserted, updated, come, gone)


def require_equal(compared: Compared, what: str, wanted: int, done: int) -> None:
    """Refuse to commit where the database wrote other rows than were meant.

    Raises:
        AccountingError: names the counts.
    """
    if wanted != done:
        name = compared.table.name
        rows = amount(wanted, f"row of {name} was", f"rows of {name} were")
        raise AccountingError(
            f"{rows} to be {what}, the target "
            f"says {done}. Nothing of this transaction was stored; report this."
        )
