"""What becomes of the rows of a table, added up by reporting year."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import sqlalchemy as sa

from bulk_pipeline.core.schema import YEAR
from bulk_pipeline.core.syncing import TableCounts

Years = Counter[int]
"""Reporting year → rows; rows of tables without years stand under ``NO_YEAR``."""

NO_YEAR = 0


@dataclass
class Tally:
    """Rows of one table by year.

    Attributes:
        there: rows of the source.
        inserted: rows that the target lacked.
        updated: rows whose values differed.
        deleted: rows that only the target had.
    """

    there: Years = field(default_factory=Counter)
    inserted: Years = field(default_factory=Counter)
    updated: Years = field(default_factory=Counter)
    deleted: Years = field(default_factory=Counter)

    @property
    def counts(self) -> TableCounts:
        """All years together."""
        return _counts(
            self.there.total(),
            self.inserted.total(),
            self.updated.total(),
            self.deleted.total(),
        )

    @property
    def years(self) -> dict[int, TableCounts]:
        """Year → its counts, in order, for each year with a row."""
        each = self.there.keys() | self.deleted.keys()
        return {
            year: _counts(
                self.there[year],
                self.inserted[year],
                self.updated[year],
                self.deleted[year],
            )
            for year in sorted(each - {NO_YEAR})
        }


def _counts(there: int, inserted: int, updated: int, deleted: int) -> TableCounts:
    unchanged = there - inserted - updated
    return TableCounts(there, inserted, updated, deleted, unchanged)


def years_of(table: sa.FromClause) -> sa.Select[int, int]:
    """Rows of a table by year; those of a table without years as of ``NO_YEAR``."""
    count = sa.func.count()
    if YEAR.name not in table.c:
        return sa.select(sa.literal(NO_YEAR), count).select_from(table)
    year = table.c[YEAR.name]
    return sa.select(year, count).group_by(year)


def by_year(
    connection: sa.Connection, table: sa.FromClause, years: Sequence[int]
) -> Years:
    """Rows of some years, or of all, by year."""
    query = years_of(table).where(*of_years(table, years))
    return Counter({int(y): int(n) for y, n in connection.execute(query)})


def of_years(
    table: sa.FromClause, years: Sequence[int]
) -> list[sa.ColumnElement[bool]]:
    """The condition that rows are of some years; none for no years or no such table."""
    if not years or YEAR.name not in table.c:
        return []
    year, distinct = table.c[YEAR.name], sorted(set(years))
    if len(distinct) == distinct[-1] - distinct[0] + 1:
        return [year.between(distinct[0], distinct[-1])]
    return [year.in_(distinct)]
