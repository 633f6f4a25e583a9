"""Stored rows with their company, model and upload, some companies at a time.

Companies are read a page at a time and then all their rows: memory holds a page, the
indices of symbol and natural key give the order, and no statement lasts long.
"""

from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import dataclass

import polars as pl
import sqlalchemy as sa

from bulk_pipeline.adapters.databases.portions import VALUES_AT_ONCE
from bulk_pipeline.adapters.exporting_keys import Keys
from bulk_pipeline.adapters.exporting_sources import Source
from bulk_pipeline.adapters.one_ahead import one_ahead
from bulk_pipeline.adapters.tables import annual_predictions, companies, models, uploads
from bulk_pipeline.core.export import EXPORTED, STORED_BY
from bulk_pipeline.core.schema import (
    MARKET_CAP,
    NAME,
    QUARTER,
    RATIOS,
    SECTOR,
    SYMBOL,
    YEAR,
)

_IDS = ("company_id", "model_id", "upload_id")
_STORED = (
    *_IDS,
    YEAR.name,
    QUARTER.name,
    *RATIOS,
    "probability",
    "risk_level",
    "confidence",
    "updated_at",
)
_COMPANY: dict[str, pl.DataType] = {
    "company_id": pl.Int64(),
    SYMBOL.name: pl.String(),
    NAME.name: pl.String(),
    SECTOR.name: pl.String(),
    MARKET_CAP.name: pl.Float64(),
}


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which rows an export takes; every condition that is given holds.

    Attributes:
        year: those of one reporting year.
        keys: those with one of these keys.
        stored_by: those that uploads with one of these ids stored.
        own: ids of the uploads that were asked for, which then are told from others.
        one: whether that is one upload, and not a batch.
        notes: what the reader of the file should know.
    """

    year: int | None = None
    keys: Keys | None = None
    stored_by: tuple[int, ...] | None = None
    own: tuple[int, ...] | None = None
    one: bool = True
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Block:
    """Some rows in order, with the columns of an export.

    Attributes:
        rows: the rows.
        others: how many of them another upload stored than the one asked for.
    """

    rows: pl.DataFrame
    others: int


def rows_at_most(source: Source, wanted: Wanted) -> int:
    """A number of rows that an export does not exceed."""
    if wanted.keys is not None:
        return wanted.keys.periods.height
    query = sa.select(sa.func.count()).select_from(annual_predictions)
    counted = source.frame(query.where(*_conditions(wanted)), {"rows": pl.Int64()})
    return int(counted.item())


def blocks(source: Source, wanted: Wanted, rows_at_once: int) -> Generator[Block]:
    """The wanted rows by symbol, year and quarter.

    Args:
        source: one transaction.
        wanted: which rows.
        rows_at_once: rows of a block, more or less.

    Yields:
        At least one block, which may be empty. To be closed before the source is.
    """
    known = _Known.of(source)
    waiting: list[pl.DataFrame] = []
    parts = _parts(source, wanted)
    with closing(one_ahead(parts) if source.apart else parts) as found:
        for part in found:
            waiting.append(part)
            if sum(each.height for each in waiting) >= rows_at_once:
                yield known.block(pl.concat(waiting), wanted)
                waiting = []
    if waiting:
        yield known.block(pl.concat(waiting), wanted)
    else:
        nobody = pl.DataFrame(schema=_COMPANY)
        yield known.block(_rows(source, nobody, wanted), wanted)


def _parts(source: Source, wanted: Wanted) -> Generator[pl.DataFrame]:
    """The wanted rows, page by page."""
    for page, keys in _pages(source, wanted):
        rows = _rows(source, page, wanted)
        yield keys.only(rows) if keys else rows


def _pages(
    source: Source, wanted: Wanted
) -> Iterator[tuple[pl.DataFrame, Keys | None]]:
    """Companies by symbol, and the keys that are wanted of them."""
    c = companies.c
    columns = (c.id, c.symbol, c.name, c.sector, c.market_cap)
    query = sa.select(*columns).order_by(c.symbol)
    if wanted.keys is not None:
        for keys in wanted.keys.parts(VALUES_AT_ONCE):
            some = query.where(c.symbol.in_(keys.symbols.to_list()))
            yield source.frame(some, _COMPANY), keys
        return
    page = source.frame(query.limit(VALUES_AT_ONCE), _COMPANY)
    while not page.is_empty():
        yield page, None
        after = query.where(c.symbol > page[SYMBOL.name][-1])
        page = source.frame(after.limit(VALUES_AT_ONCE), _COMPANY)


def _rows(source: Source, page: pl.DataFrame, wanted: Wanted) -> pl.DataFrame:
    """The wanted rows of a page of companies, with their companies, in order."""
    p = annual_predictions.c
    query = sa.select(*(p[name] for name in _STORED)).where(
        p.company_id.in_(page["company_id"].to_list()), *_conditions(wanted)
    )
    types = {name: EXPORTED.get(name, pl.Int64()) for name in _STORED}
    found = source.frame(query, types)
    placed = page.with_row_index("place")
    return found.join(placed, on="company_id").sort("place", YEAR.name, QUARTER.name)


def _conditions(wanted: Wanted) -> list[sa.ColumnElement[bool]]:
    p = annual_predictions.c
    found = []
    if wanted.year is not None:
        found.append(p[YEAR.name] == wanted.year)
    if wanted.stored_by is not None:
        found.append(p.upload_id.in_(wanted.stored_by))
    return found


@dataclass(frozen=True, slots=True)
class _Known:
    """Models and uploads by id; few beside the rows."""

    models: pl.DataFrame
    uploads: pl.DataFrame

    @classmethod
    def of(cls, source: Source) -> "_Known":
        """All of them."""
        m, u = models.c, uploads.c
        texts = dict.fromkeys(("model", "model_sha256", "upload"), pl.String())
        named = sa.select(m.id, m.name, m.sha256)
        keyed = sa.select(u.id, u.upload_key)
        number = pl.Int64()
        return cls(
            source.frame(
                named,
                {
                    "model_id": number,
                    **{n: texts[n] for n in ("model", "model_sha256")},
                },
            ),
            source.frame(keyed, {"upload_id": number, "upload": texts["upload"]}),
        )

    def block(self, rows: pl.DataFrame, wanted: Wanted) -> Block:
        """The rows with the columns of an export."""
        joined = rows.join(
            self.models, on="model_id", how="left", maintain_order="left"
        ).join(self.uploads, on="upload_id", how="left", maintain_order="left")
        if wanted.own is None:
            return Block(joined.select(*EXPORTED), 0)
        what = "upload" if wanted.one else "batch"
        own = pl.col("upload_id").is_in(wanted.own)
        stored_by = (
            pl.when(own)
            .then(pl.lit(f"this {what}"))
            .otherwise(pl.lit(f"another {what}"))
        )
        others = joined.select((~own).sum()).item()
        return Block(joined.select(*EXPORTED, stored_by.alias(STORED_BY)), int(others))
