"""Predictions over a wire, so many companies at a time."""

from collections import Counter
from contextlib import closing

import polars as pl
import sqlalchemy as sa

from bulk_pipeline.adapters.crash_points import reached
from bulk_pipeline.adapters.databases.portions import portions
from bulk_pipeline.adapters.one_ahead import one_ahead
from bulk_pipeline.adapters.syncing.compared import PREDICTIONS, Merge
from bulk_pipeline.adapters.syncing.frames import (
    as_kept,
    fill,
    of_columns,
    read,
    staged_columns,
    staged_rows,
)
from bulk_pipeline.adapters.syncing.merging import brought, require_equal
from bulk_pipeline.adapters.syncing.receiving import Receiving, SourceChanged
from bulk_pipeline.adapters.syncing.streamed_parents import Parents
from bulk_pipeline.adapters.syncing.streamed_portions import (
    COMPANY,
    MOMENT,
    Portion,
    grouped,
    portions_to_compare,
)
from bulk_pipeline.adapters.syncing.tally import (
    NO_YEAR,
    Tally,
    Years,
    by_year,
    of_years,
)
from bulk_pipeline.core.schema import YEAR
from bulk_pipeline.core.syncing import SyncMode

_T = PREDICTIONS.table


class Rows:
    """The predictions of both sides, once the parents are brought over."""

    def __init__(
        self, receiving: Receiving, source: sa.Connection, parents: Parents
    ) -> None:
        self._receiving = receiving
        self._source = source
        self._parents = parents
        self._dialect = receiving.target.engine.dialect
        self._years = of_years(_T, receiving.options.years)
        self._at_once = receiving.options.batch_size

    def bring(self) -> Tally:
        """Bring the target's predictions to what the source has.

        Raises:
            SourceChanged: some rows were not what they had been; all that was written
                is right, and nothing was deleted for them.
        """
        options = self._receiving.options
        incremental = options.mode is SyncMode.INCREMENTAL
        there = by_year(self._source, _T, options.years)
        if incremental and self._equal_moments():
            total = Counter({NO_YEAR: there.total()})
            return Tally(there if options.years else total)
        tally, changed = Tally(there), False
        compared = portions_to_compare(
            self._receiving.looking(lambda c: self._groups(c, COMPANY, MOMENT)),
            self._groups(self._source, COMPANY, MOMENT),
            self._parents.companies,
            self._at_once,
            differing=incremental,
        )
        each = ((portion, self._read(portion)) for portion in compared)
        # Closed, so that no thread reads from a connection that is given back.
        with closing(one_ahead(each) if options.workers > 1 else each) as coming:
            for portion, rows in coming:
                complete = portion.groups.equals(grouped(rows, COMPANY, MOMENT))
                changed = changed or not complete
                found = self._written(portion, rows, complete=complete)
                tally.inserted += found.inserted
                tally.updated += found.updated
                tally.deleted += found.deleted
        if changed or by_year(self._source, _T, options.years) != there:
            raise SourceChanged(_T.name)
        return tally

    def _equal_moments(self) -> bool:
        here = self._receiving.looking(lambda c: self._groups(c, MOMENT))
        return here.equals(self._groups(self._source, MOMENT))

    def _groups(self, connection: sa.Connection, *names: str) -> pl.DataFrame:
        """Rows by some columns, in order; moments as exact as the target keeps them."""
        columns = [_T.c[name] for name in names]
        count = sa.func.count().label("rows")
        query = sa.select(*columns, count).where(*self._years).group_by(*columns)
        found = as_kept(read(connection, query, self._at_once), self._dialect)
        return found.group_by(names).agg(pl.col("rows").sum()).sort(names)

    def _read(self, portion: Portion) -> pl.DataFrame:
        """The source's rows of some companies, as exact as the target keeps them."""
        parts = [
            read(self._source, query, self._at_once)
            for some in portions(portion.there)
            for query in [
                of_columns(PREDICTIONS).where(_T.c[COMPANY].in_(some), *self._years)
            ]
        ]
        nothing = of_columns(PREDICTIONS).where(sa.false())
        rows = pl.concat(parts) if parts else read(self._source, nothing, 1)
        return as_kept(rows, self._dialect)

    def _written(
        self, portion: Portion, rows: pl.DataFrame, *, complete: bool
    ) -> Tally:
        """Bring over one portion in one transaction.

        Args:
            portion: which companies.
            rows: what the source has of them.
            complete: whether that is all that it had.

        Raises:
            SourceChanged: rows name a company, an upload or a model that is newer than
                what was brought over.
        """
        staged = self._parents.with_ids(PREDICTIONS, rows)
        if self._receiving.writes and any(
            staged[name].null_count() for name in PREDICTIONS.parents
        ):
            raise SourceChanged("its companies, uploads or models")
        # A company that the target lacks, which only verify sees, has no id that is.
        staged = staged.with_columns(pl.col(COMPANY).fill_null(-rows[COMPANY]))

        def change(connection: sa.Connection) -> Tally:
            return self._change(connection, portion, staged, complete=complete)

        found = self._receiving.transaction(change)
        reached("committed")
        return found

    def _change(
        self,
        connection: sa.Connection,
        portion: Portion,
        staged: pl.DataFrame,
        *,
        complete: bool,
    ) -> Tally:
        receiving = self._receiving
        columns = staged_columns(PREDICTIONS, connection.dialect)
        with receiving.target.scratch(connection, "source_rows", columns) as scratch:
            done = fill(scratch, staged)
            require_equal(PREDICTIONS, "staged", staged.height, done)
            rows = staged_rows(PREDICTIONS, scratch.table)
            merge = Merge(PREDICTIONS, rows, connection.dialect)
            what = brought(connection, merge, write=receiving.writes)
            deleted: Years = Counter()
            if complete:
                deleted = self._deleted(connection, portion, scratch.table)
            reached("before commit")
        return Tally(Counter(), what.inserted, what.updated, deleted)

    def _deleted(
        self, connection: sa.Connection, portion: Portion, staged: sa.Table
    ) -> Years:
        """Delete what the target has of the companies and the source has not."""
        found: Years = Counter()
        same = (_T.c[name] == staged.c[name] for name in PREDICTIONS.key)
        there = sa.select(staged.c.source_id).where(*same).correlate(_T).exists()
        for some in portions(portion.here):
            where = [_T.c[COMPANY].in_(some), ~there, *self._years]
            year = _T.c[YEAR.name]
            query = sa.select(year, sa.func.count()).where(*where).group_by(year)
            years = Counter({int(y): int(n) for y, n in connection.execute(query)})
            if years and self._receiving.deletes:
                done = connection.execute(_T.delete().where(*where)).rowcount
                require_equal(PREDICTIONS, "deleted", years.total(), done)
            found += years
        return found
