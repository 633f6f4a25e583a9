"""The stored predictions as histograms: rows stay where they are, or pass by in parts.

A server groups where the rows are. SQLite sorts whatever it groups, which takes ten
times as long as handing the rows out; so of a large file they come in parts of a few
columns and are counted here. Memory holds one part and the counts.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import polars as pl
import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from bulk_pipeline.adapters.database import Database
from bulk_pipeline.adapters.exporting.moment import one_moment
from bulk_pipeline.adapters.exporting.sources import Source, Types
from bulk_pipeline.adapters.exporting.wanted import Wanted
from bulk_pipeline.adapters.tables import annual_predictions, companies
from bulk_pipeline.core.reporting import StoredScores
from bulk_pipeline.core.reporting_bins import (
    COARSE,
    FINE,
    FINE_BINS,
    FINE_TO,
    bin_number,
)
from bulk_pipeline.core.schema import SECTOR, YEAR

MOST_SECTORS = 12
"""Sectors that are told apart: more cannot be read in one picture."""
OTHERS, NONE_GIVEN = "all others", "no sector given"
PART_ROWS = 250_000
"""Rows of a part: 10 MB of the columns that are needed."""

_COUNTED: Types = {"bin": pl.Int32(), "risk_level": pl.String(), "rows": pl.Int64()}
_BY_YEAR: Types = {YEAR.name: pl.Int64(), **_COUNTED}
_BY_SECTOR: Types = {SECTOR.name: pl.Int64(), **_COUNTED}
_ROW: Types = {
    "id": pl.Int64(),
    "company_id": pl.Int64(),
    YEAR.name: pl.Int64(),
    "probability": pl.Float64(),
    "risk_level": pl.String(),
}


class _Whole(FunctionElement[int]):
    """A number from 0 on without its fraction.

    SQLite has ``floor`` only where it was built with it; its ``CAST`` cuts off.
    """

    type = sa.Integer()
    inherit_cache = True
    name = "whole"


@compiles(_Whole)
def _cut(element: _Whole, compiler: SQLCompiler, **options: Any) -> str:
    return f"CAST({compiler.process(element.clauses, **options)} AS INTEGER)"


@compiles(_Whole, "mssql")
def _floored(element: _Whole, compiler: SQLCompiler, **options: Any) -> str:
    return f"CAST(FLOOR({compiler.process(element.clauses, **options)}) AS INTEGER)"


def stored_scores(database: Database) -> StoredScores:
    """Every stored prediction at one moment, as histograms.

    Args:
        database: has its tables. SQLite's loads go on meanwhile; see ``one_moment`` for
            those of SQL Server.

    Raises:
        TransientError: it did not answer, or a load held it for too long.
        PermanentError: it cannot be read.
    """

    def attempt() -> StoredScores:
        with one_moment(database, Wanted()) as source:
            return counted(source)

    return database.persistently(attempt)


def counted(source: Source) -> StoredScores:
    """Every prediction that a source shows: grouped there, or here by a process."""
    names = _sectors(source)
    by_year, by_sector = (_streamed if source.apart else _grouped)(source, names)
    return StoredScores(by_year, by_sector, (*names, OTHERS, NONE_GIVEN))


def _sectors(source: Source) -> list[str]:
    """The sectors with most companies; the first in the alphabet of equal ones."""
    c, count = companies.c, sa.func.count()
    query = (
        sa.select(c.sector, count)
        .where(c.sector.is_not(None))
        .group_by(c.sector)
        .order_by(count.desc(), c.sector)
        .limit(MOST_SECTORS)
    )
    found = source.frame(query, {SECTOR.name: pl.String(), "rows": pl.Int64()})
    return found[SECTOR.name].to_list()


def _place(names: Sequence[str]) -> sa.ColumnElement[int]:
    """The place of a company's sector: in the names, or one of the two after them."""
    sector, many = companies.c.sector, len(names)
    known = [(sector == name, place) for place, name in enumerate(names)]
    return sa.case((sector.is_(None), many + 1), *known, else_=many)


def _grouped(source: Source, names: Sequence[str]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Counts by year and by sector that the database makes."""
    p = annual_predictions.c
    both = annual_predictions.join(companies, p.company_id == companies.c.id)
    by_year = _counts(p[YEAR.name], annual_predictions)
    by_sector = _counts(_place(names), both)
    return source.frame(by_year, _BY_YEAR), source.frame(by_sector, _BY_SECTOR)


def _counts(
    group: sa.ColumnElement[int], rows: sa.FromClause
) -> "sa.Select[tuple[int, int, str, int]]":
    """Rows by group, bin and level."""
    p = annual_predictions.c
    fine = _Whole(p.probability / FINE)
    coarse = _Whole(p.probability / COARSE) + (FINE_BINS - 100)
    number = sa.case((p.probability < FINE_TO, fine), else_=coarse)
    # In a query of its own: to SQL Server an expression with parameters that is grouped
    # by is another one than the same that is selected.
    inner = sa.select(
        group.label("chosen"), number.label("bin"), p.risk_level
    ).select_from(rows)
    found = inner.subquery().c
    keys = (found.chosen, found.bin, found.risk_level)
    return sa.select(*keys, sa.func.count()).group_by(*keys)


def _streamed(
    source: Source, names: Sequence[str]
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Counts by year and by sector of rows that pass by."""
    place = sa.select(companies.c.id, _place(names))
    kinds: Types = {"company_id": pl.Int64(), SECTOR.name: pl.Int64()}
    sectors = source.frame(place, kinds)
    by_year, by_sector = pl.DataFrame(schema=_BY_YEAR), pl.DataFrame(schema=_BY_SECTOR)
    for part in _parts(source):
        rows = part.join(sectors, on="company_id").with_columns(
            bin_number(pl.col("probability"))
        )
        by_year = _added(by_year, rows, YEAR.name)
        by_sector = _added(by_sector, rows, SECTOR.name)
    return by_year, by_sector


def _parts(source: Source) -> Iterator[pl.DataFrame]:
    """All rows in the order of their ids, some at a time."""
    p = annual_predictions.c
    query = sa.select(*(p[name] for name in _ROW)).order_by(p.id).limit(PART_ROWS)
    part = source.frame(query, _ROW)
    while not part.is_empty():
        yield part
        part = source.frame(query.where(p.id > part["id"][-1]), _ROW)


def _added(counts: pl.DataFrame, rows: pl.DataFrame, by: str) -> pl.DataFrame:
    """The counts with those of more rows."""
    keys = (by, "bin", "risk_level")
    more = rows.group_by(keys).agg(rows=pl.len().cast(pl.Int64))
    return pl.concat([counts, more]).group_by(keys).agg(pl.col("rows").sum())
