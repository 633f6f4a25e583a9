"""One transaction over a target and its attached source, table by table."""

import time
from collections import Counter
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from datetime import datetime

import sqlalchemy as sa

from bulk_pipeline.adapters.crash_points import reached
from bulk_pipeline.adapters.syncing.attached_rows import (
    attached,
    find_same,
    only_here,
    relation,
    same_ids,
    staged,
)
from bulk_pipeline.adapters.syncing.compared import (
    PARENTS,
    PREDICTIONS,
    Compared,
    Merge,
)
from bulk_pipeline.adapters.syncing.first_copy import key_left_out
from bulk_pipeline.adapters.syncing.keeping import part
from bulk_pipeline.adapters.syncing.looking_ahead import (
    STAMPED,
    Ahead,
    Counts,
    still_true,
)
from bulk_pipeline.adapters.syncing.merging import NOTHING, brought, require_equal
from bulk_pipeline.adapters.syncing.moments import (
    Moments,
    counted,
    differing,
    missing,
    moments,
)
from bulk_pipeline.adapters.syncing.tally import (
    NO_YEAR,
    Tally,
    Years,
    by_year,
    of_years,
)
from bulk_pipeline.core.schema import YEAR
from bulk_pipeline.core.syncing import SyncMode, SyncOptions, SyncReport

MOST_MOMENTS = 500
"""Moments that are looked for at once; where more differ, all rows are compared."""

MOST_STAGED = 100_000
"""Rows of such moments that are put into a temporary table, 15 MB of them."""


@dataclass
class Comparison:
    """What is compared and, unless the mode is verify, written.

    Attributes:
        connection: the target's, with the source attached, in a transaction.
        options: what is asked for.
        ahead: what was counted before the transaction, by ``connection`` remembered.
    """

    connection: sa.Connection
    options: SyncOptions
    ahead: Ahead | None = None
    _same: set[str] = field(default_factory=set)

    @property
    def _writes(self) -> bool:
        return self.options.mode is not SyncMode.VERIFY

    def report(self) -> SyncReport:
        """Go through the tables; what became of their rows."""
        tables = {}
        years = {}
        wanted = (*PARENTS, PREDICTIONS) if self.options.predictions else PARENTS
        for compared in wanted:
            started = time.perf_counter()
            tally = self._brought(compared)
            seconds = time.perf_counter() - started
            tables[compared.table.name] = replace(tally.counts, seconds=seconds)
            years = tally.years
        if self.options.predictions:
            tables = part(self.connection, self.options, tables, _ids_only_here)
        else:
            tables = {name: replace(c, deleted=0) for name, c in tables.items()}
        reached("before commit")
        return SyncReport(self.options.mode, tables, years)

    def _brought(self, compared: Compared) -> Tally:
        """Bring one table to what the source has, rows only here left apart."""
        t = compared.table
        if self._writes and not self._any(t):
            return self._copied(compared)
        if self.options.mode is SyncMode.INCREMENTAL and compared in STAMPED:
            return self._by_moments(compared)
        return self._by_rows(compared)

    def _copied(self, compared: Compared) -> Tally:
        """Fill an empty table."""
        there = self._years_there(compared)
        rows = there.total()
        leaving_out = key_left_out(self.connection, rows)
        with leaving_out if compared is PREDICTIONS else nullcontext():
            merge = self._merge(compared)
            done = self.connection.execute(merge.insert_all()).rowcount
            reached("inserted")
        require_equal(compared, "inserted", rows, done)
        return Tally(there, inserted=there.copy())

    def _by_rows(self, compared: Compared) -> Tally:
        """Compare every row."""
        there = self._years_there(compared)
        here = by_year(self.connection, compared.table, self.options.years)
        what = brought(self.connection, self._merge(compared), write=self._writes)
        deleted = here + what.inserted - there
        if compared is PREDICTIONS and deleted:
            self._delete(compared, [], deleted.total())
        return Tally(there, what.inserted, what.updated, deleted)

    def _by_moments(self, compared: Compared) -> Tally:
        """Compare the rows of moments that are not as frequent here as there."""
        counts = self._counts(compared)
        there, here = counts.there, counts.here
        if here == there and not (compared is PREDICTIONS and self.options.years):
            return Tally(Counter({NO_YEAR: there.total()}))
        more = missing(there, here)
        if len(more) > MOST_MOMENTS:
            return self._by_rows(compared)
        what = NOTHING
        if more:
            rows = sum(there[moment] for moment in more)
            merge = self._merge(compared, more, stage=rows <= MOST_STAGED)
            what = brought(self.connection, merge, write=True)
        tally = Tally(self._years_there(compared), what.inserted, what.updated)
        here = here + what.come - what.gone
        rest = differing(there, here)
        if not rest:
            return tally
        only, tally.deleted = self._only_here(compared, rest)
        if differing(there, here - only):
            # Somebody else wrote to the target.
            more_found = self._by_rows(compared)
            more_found.inserted += tally.inserted
            more_found.updated += tally.updated
            return more_found
        if compared is PREDICTIONS:
            self._delete(compared, rest, only.total())
        return tally

    def _counts(self, compared: Compared) -> Counts:
        """How many rows each side has of each moment."""
        if self.ahead and still_true(self.connection):
            return self.ahead.counts[compared.table.name]
        source = attached(compared.table)
        there, here = (
            moments(
                self.connection,
                table.c[compared.stamp],
                self._where(table, compared),
            )
            for table in (source, compared.table)
        )
        return Counts(there, here)

    def _only_here(
        self, compared: Compared, rest: Sequence[datetime]
    ) -> tuple[Moments, Years]:
        """Rows of some moments whose key the source does not have."""
        t = compared.table
        self._find_same(compared)
        year: sa.ColumnElement[int] = (
            t.c[YEAR.name] if YEAR.name in t.c else sa.literal(NO_YEAR)
        )
        where = [*self._where(t, compared, rest), only_here(compared)]
        groups = (t.c[compared.stamp], year.label("year"))
        query = sa.select(*groups, sa.func.count()).where(*where).group_by(*groups)
        found = self.connection.execute(query).all()
        years: Years = Counter()
        for _, each, rows in found:
            years[each] += rows
        return counted((moment, rows) for moment, _, rows in found), years

    def _delete(
        self, compared: Compared, rest: Sequence[datetime], wanted: int
    ) -> None:
        """Delete what only the target has, of some moments or of all."""
        if not (self._writes and self.options.delete):
            return
        t = compared.table
        self._find_same(compared)
        where = [*self._where(t, compared, rest), only_here(compared)]
        done = self.connection.execute(t.delete().where(*where)).rowcount
        require_equal(compared, "deleted", wanted, done)

    def _merge(
        self, compared: Compared, some: Sequence[datetime] = (), *, stage: bool = False
    ) -> Merge:
        where = self._where(attached(compared.table), compared, some)
        if stage:
            rows = staged(self.connection, compared, where)
        else:
            self._find_same(compared)
            rows = relation(compared, where)
        return Merge(compared, rows, self.connection.dialect)

    def _find_same(self, compared: Compared) -> None:
        """Make the tables of ids that the relation of a table needs."""
        for parent in PARENTS:
            name = parent.table.name
            if parent.table not in compared.parents.values() or name in self._same:
                continue
            same_ids(parent.table).create(self.connection, checkfirst=False)
            self.connection.execute(find_same(parent))
            self._same.add(name)

    def _any(self, table: sa.Table) -> bool:
        return (
            self.connection.execute(sa.select(table.c.id).limit(1)).first() is not None
        )

    def _years_there(self, compared: Compared) -> Years:
        """Rows of the source that are looked at, by year."""
        coming = self.ahead.years if self.ahead and compared is PREDICTIONS else None
        if coming and still_true(self.connection):
            return coming.result()
        return by_year(self.connection, attached(compared.table), self.options.years)

    def _where(
        self, table: sa.FromClause, compared: Compared, some: Sequence[datetime] = ()
    ) -> list[sa.ColumnElement[bool]]:
        """Rows of the years, and of some moments, if only those are meant."""
        where = of_years(table, self.options.years)
        if some:
            where.append(table.c[compared.stamp].in_(some))
        return where


def _ids_only_here(connection: sa.Connection, compared: Compared) -> list[int]:
    """Ids of a parent's rows that only the target has."""
    query = sa.select(compared.table.c.id).where(only_here(compared))
    return list(connection.scalars(query))
