"""Models, uploads and companies over a wire, and which id means which."""

import time
from dataclasses import dataclass, field, replace

import polars as pl
import sqlalchemy as sa

from bulk_pipeline.adapters.crash_points import reached
from bulk_pipeline.adapters.syncing.compared import (
    COMPANIES,
    PARENTS,
    Compared,
    Merge,
)
from bulk_pipeline.adapters.syncing.frames import (
    SOURCE_ID,
    as_kept,
    fill,
    of_columns,
    read,
    staged_columns,
    staged_rows,
)
from bulk_pipeline.adapters.syncing.merging import brought
from bulk_pipeline.adapters.syncing.receiving import Receiving, SourceChanged
from bulk_pipeline.adapters.syncing.streamed_portions import HERE, THERE
from bulk_pipeline.core.syncing import TableCounts


@dataclass
class Parents:
    """The parents of both sides.

    Attributes:
        receiving: the target.
        source: a connection to the source.
        pairs: table → key and ids ``there`` and ``here`` of each row that either side
            has; an id is null on the side that lacks it.
        tables: table → what became of its rows; ``deleted`` are those that only the
            target has.
    """

    receiving: Receiving
    source: sa.Connection
    pairs: dict[str, pl.DataFrame] = field(default_factory=dict)
    tables: dict[str, TableCounts] = field(default_factory=dict)

    @property
    def companies(self) -> pl.DataFrame:
        """Ids ``there`` and ``here`` of the companies."""
        return self.pairs[COMPANIES.table.name].select(THERE, HERE)

    def bring(self) -> None:
        """Bring the target's parents to what the source has, none deleted yet."""
        at_once = self.receiving.options.batch_size
        rows = {
            each.table.name: read(self.source, of_columns(each), at_once)
            for each in PARENTS
        }
        self.receiving.transaction(lambda c: self._bring(c, rows))

    def _bring(self, connection: sa.Connection, rows: dict[str, pl.DataFrame]) -> None:
        for compared in PARENTS:
            started = time.perf_counter()
            counts = self._brought(connection, compared, rows[compared.table.name])
            seconds = time.perf_counter() - started
            self.tables[compared.table.name] = replace(counts, seconds=seconds)
        reached("before commit")

    def _brought(
        self, connection: sa.Connection, compared: Compared, there: pl.DataFrame
    ) -> TableCounts:
        name, dialect = compared.table.name, connection.dialect
        # Ids of the target; null where it lacks the model, which only verify sees.
        staged = self.with_ids(compared, as_kept(there, dialect))
        columns = staged_columns(compared, dialect)
        beside = f"source_{name}"
        with self.receiving.target.scratch(connection, beside, columns) as scratch:
            for part in staged.iter_slices(self.receiving.options.batch_size):
                fill(scratch, part)
            merge = Merge(compared, staged_rows(compared, scratch.table), dialect)
            what = brought(connection, merge, write=self.receiving.writes)
        pairs = self._paired(connection, compared, there)
        self.pairs[name] = pairs
        only_here = pairs.filter(pl.col(THERE).is_null()).height
        inserted, updated = what.inserted.total(), what.updated.total()
        unchanged = there.height - inserted - updated
        return TableCounts(there.height, inserted, updated, only_here, unchanged)

    def _paired(
        self, connection: sa.Connection, compared: Compared, there: pl.DataFrame
    ) -> pl.DataFrame:
        query = of_columns(compared, compared.key)
        here = read(connection, query, self.receiving.options.batch_size)
        here = here.rename({SOURCE_ID: HERE})
        ids = there.select(pl.col(SOURCE_ID).alias(THERE), *compared.key)
        return ids.join(here, on=compared.key, how="full", coalesce=True).select(
            THERE, HERE, *compared.key
        )

    def with_ids(self, compared: Compared, rows: pl.DataFrame) -> pl.DataFrame:
        """The rows with the target's ids in place of the source's; null for none."""
        for column, parent in compared.parents.items():
            known = self.pairs[parent.name].filter(pl.col(THERE).is_not_null())
            ids = known.select(pl.col(THERE).alias(column), pl.col(HERE).alias("_id"))
            rows = rows.join(ids, on=column, how="left", maintain_order="left")
            rows = rows.drop(column).rename({"_id": column})
        return rows

    def require_same(self) -> None:
        """Make sure that the source has the parents that were read.

        Raises:
            SourceChanged: it has more or fewer.
        """
        for compared in PARENTS:
            t = compared.table
            rows = self.source.scalar(sa.select(sa.func.count()).select_from(t))
            if rows != self.tables[t.name].source_rows:
                raise SourceChanged(t.name)

    def ids_only_here(self, connection: sa.Connection, compared: Compared) -> list[int]:
        """Ids of a table's rows that only the target had, and has still.

        An id may have gone and mean another row by now, so the key is looked at, too.
        """
        pairs = self.pairs[compared.table.name]
        only = pairs.filter(pl.col(THERE).is_null()).drop(THERE)
        now = read(
            connection,
            of_columns(compared, compared.key),
            self.receiving.options.batch_size,
        )
        now = now.rename({SOURCE_ID: HERE})
        return only.join(now, on=now.columns)[HERE].sort().to_list()
