"""The rows of a batch on their way into a table: positions first, values when needed.

Only keys are held and sorted; values are gathered from the memory-mapped chunks a
slice at a time, so that memory grows with the keys and not with the rows.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import polars as pl

from bulk_pipeline.adapters.chunks import ChunkHandle
from bulk_pipeline.adapters.loaders.base import LoadRequest
from bulk_pipeline.adapters.loaders.batch_rows import BatchRows
from bulk_pipeline.core.duplicates import period_code
from bulk_pipeline.core.errors import AccountingError
from bulk_pipeline.core.schema import QUARTER, RATIOS, STORED_RANGES, SYMBOL, YEAR
from bulk_pipeline.core.upserts import rounds

_PERIODS = 4096  # above every period code, so that company ids decide first
_SPAN_ROWS = 1_000_000
_VALUES = (YEAR.name, QUARTER.name, *RATIOS, "probability", "risk_level", "confidence")


@dataclass(frozen=True, slots=True)
class Incoming:
    """The rows of a batch that count, that is without in-file duplicates.

    Attributes:
        rows: typed rows and scores side by side, in batch order.
        keys: one row per row that counts, sorted by company and period: ``position``
            in ``rows``, ``upload_id``, ``company_id`` and ``round``, all of them whole
            numbers of the narrowest type that holds them.
    """

    rows: BatchRows
    keys: pl.DataFrame

    @classmethod
    def of(
        cls,
        request: LoadRequest,
        upload_ids: pl.DataFrame,
        company_ids: pl.DataFrame,
    ) -> "Incoming":
        """Sort the keys of a batch.

        Args:
            request: the load; its rows and scores must be there.
            upload_ids: ``number`` of each upload in the batch and its ``id``.
            company_ids: ``symbol`` of each company in the batch and its ``id``.
        """
        if request.rows is None or request.scores is None:
            raise AssertionError  # nobody loads rows that are not there
        repeated = pl.read_ipc(request.repeated)["row"]
        ids = _replaced("upload", upload_ids), _replaced(SYMBOL.name, company_ids)
        placed = pl.concat(
            _placed(span.frame(), first, ids, repeated)
            for first, span in _spans(request.rows)
        )
        # Rows of one key stay in order of position, and files are often in order.
        if not placed["key"].is_sorted():
            placed = placed.sort("key", maintain_order=True)
        key = placed["key"]
        company = (key // _PERIODS).shrink_dtype().alias("company_id")
        keys = placed.drop("key").with_columns(company, rounds(key))
        return cls(BatchRows(request.rows, request.scores), keys)

    def parts(self) -> Iterator[pl.DataFrame]:
        """The keys round by round; within a round no key stands twice."""
        last = self.keys["round"].max()
        if last == 0:
            yield self.keys
            return
        for number in range(int(str(last)) + 1 if last is not None else 0):
            yield self.keys.filter(pl.col("round") == number)

    def compared(self, keys: pl.DataFrame) -> pl.DataFrame:
        """Keys with what is compared against stored rows: key, line and ratios."""
        found = self.rows.at(
            keys["position"], ("line", "upload", SYMBOL.name, *_VALUES)
        )
        ids = keys.select("position", *_ids())
        return pl.concat([ids, found], how="horizontal")

    def frames(self, keys: pl.DataFrame, height: int) -> Iterator[pl.DataFrame]:
        """What differs from row to row of some keys, in slices of ``height`` rows.

        Raises:
            AccountingError: a value lies outside what the table may hold.
        """
        for part in keys.iter_slices(height):
            found = self.rows.at(part["position"], _VALUES)
            require_storable(found)
            yield pl.concat([part.select(*_ids()), found], how="horizontal")

    def staged(self, height: int) -> Iterator[pl.DataFrame]:
        """The rows as they are staged, key by key, in slices of ``height`` rows.

        ``upload`` is what ``of`` was given as the upload's id.

        Raises:
            AccountingError: a value lies outside what the table may hold.
        """
        texts = pl.selectors.string() | pl.selectors.categorical() | pl.selectors.enum()
        for part in self.keys.iter_slices(height):
            found = self.rows.at(part["position"], _VALUES)
            require_storable(found)
            keys = part.select(
                pl.col("position").cast(pl.Int32),
                pl.col("upload_id").cast(pl.Int32).alias("upload"),
                pl.col("round").cast(pl.Int32),
                pl.col("company_id").cast(pl.Int64),
            )
            yield pl.concat(
                [keys, found.with_columns(texts.cast(pl.String))], how="horizontal"
            )


def require_storable(rows: pl.DataFrame) -> None:
    """Refuse rows that the table's constraints would refuse.

    The bulk driver is told not to look again: the constraints cost it a third of its
    time, this check a hundredth.

    Raises:
        AccountingError: names the columns.
    """
    outside = rows.select(
        (~pl.col(name).is_between(*limits)).any().alias(name)
        for name, limits in STORED_RANGES.items()
    ).row(0, named=True)
    names = [name for name, found in outside.items() if found]
    if names:
        raise AccountingError(
            f"Values outside what the table may hold in {', '.join(names)}. Nothing "
            "was stored; report this with the file and the model."
        )


def _spans(rows: ChunkHandle) -> Iterator[tuple[int, ChunkHandle]]:
    """Runs of chunks with about a million rows, and the position of their first row.

    Their columns are mapped one run after the other, so that the memory for keys grows
    with the keys alone.
    """
    first = position = 0
    while first < len(rows.chunks):
        last, height = first, 0
        while last < len(rows.chunks) and height < _SPAN_ROWS:
            height += rows.chunks[last].rows
            last += 1
        yield position, rows.part(first, last)
        first, position = last, position + height


def _placed(
    rows: pl.DataFrame, first: int, ids: tuple[pl.Expr, pl.Expr], repeated: pl.Series
) -> pl.DataFrame:
    """Position, upload and order of the rows of a span that count.

    Args:
        rows: typed rows.
        first: position of their first one in the batch.
        ids: their uploads and their companies.
        repeated: positions of the rows that do not count.
    """
    upload, company = ids
    position = pl.int_range(first, first + pl.len(), dtype=pl.UInt32).alias("position")
    order = company.cast(pl.Int64) * _PERIODS + period_code()
    keys = rows.select(position, upload.alias("upload_id"), order.alias("key"))
    if len(repeated):
        keys = keys.filter(~pl.col("position").is_in(repeated.implode()))
    return keys


def _ids() -> list[pl.Expr]:
    """The ids of keys as wide as tables have them."""
    return [pl.col(name).cast(pl.Int64) for name in ("company_id", "upload_id")]


def _replaced(column: str, ids: pl.DataFrame) -> pl.Expr:
    """A column as the ids that stand for its values; a value without one fails."""
    values, narrow = ids.to_series(0), ids["id"].shrink_dtype()
    return pl.col(column).replace_strict(values, narrow, return_dtype=narrow.dtype)
