"""The rows of a batch on their way into a table: positions first, values when needed.

Only keys are held and sorted; values are gathered from the memory-mapped chunks a
slice at a time, so that memory grows with the keys and not with the rows.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import polars as pl

from bulk_pipeline.adapters.loaders.base import LoadRequest
from bulk_pipeline.core.duplicates import period_code
from bulk_pipeline.core.errors import AccountingError
from bulk_pipeline.core.schema import QUARTER, RATIOS, STORED_RANGES, SYMBOL, YEAR
from bulk_pipeline.core.upserts import rounds

_PERIODS = 4096  # above every period code, so that company ids decide first
_WINDOW = 4  # at most so many slices are copied to gather one
_VALUES = (YEAR.name, QUARTER.name, *RATIOS, "probability", "risk_level", "confidence")


@dataclass(frozen=True, slots=True)
class Incoming:
    """The rows of a batch that count, that is without in-file duplicates.

    Attributes:
        rows: typed rows and scores side by side, in batch order.
        keys: one row per row that counts, sorted by company and period: ``position``
            in ``rows``, ``upload_id``, ``company_id`` and ``round``.
    """

    rows: pl.DataFrame
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
        rows = joined_chunks(request)
        repeated = pl.read_ipc(request.repeated)["row"]
        keys = rows.lazy().select(
            position=pl.int_range(pl.len(), dtype=pl.UInt32),
            upload_id=_replaced("upload", upload_ids),
            company_id=_replaced(SYMBOL.name, company_ids),
            period=period_code(),
        )
        if len(repeated):
            keys = keys.filter(~pl.col("position").is_in(repeated.implode()))
        order = (pl.col("company_id") * _PERIODS + pl.col("period")).alias("key")
        placed = keys.select("position", "upload_id", "company_id", order).collect()
        # Rows of one key stay in order of position, and files are often in order.
        if not placed["key"].is_sorted():
            placed = placed.sort("key", maintain_order=True)
        return cls(rows, placed.with_columns(rounds(placed["key"])).drop("key"))

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
        found = self.rows.select("line", "upload", SYMBOL.name, *_VALUES)[
            keys["position"]
        ]
        return pl.concat([keys.drop("round"), found], how="horizontal")

    def frames(self, keys: pl.DataFrame, height: int) -> Iterator[pl.DataFrame]:
        """What differs from row to row of some keys, in slices of ``height`` rows.

        Raises:
            AccountingError: a value lies outside what the table may hold.
        """
        values = self.rows.select(_VALUES)
        for part in keys.iter_slices(height):
            found = _gathered(values, part["position"])
            require_storable(found)
            ids = part.select("company_id", "upload_id")
            yield pl.concat([ids, found], how="horizontal")

    def staged(self, height: int) -> Iterator[pl.DataFrame]:
        """The rows as they are staged, key by key, in slices of ``height`` rows.

        ``upload`` is what ``of`` was given as the upload's id.

        Raises:
            AccountingError: a value lies outside what the table may hold.
        """
        values = self.rows.select(_VALUES)
        texts = pl.selectors.string() | pl.selectors.categorical() | pl.selectors.enum()
        for part in self.keys.iter_slices(height):
            found = _gathered(values, part["position"])
            require_storable(found)
            keys = part.select(
                pl.col("position").cast(pl.Int32),
                pl.col("upload_id").cast(pl.Int32).alias("upload"),
                pl.col("round").cast(pl.Int32),
                "company_id",
            )
            yield pl.concat(
                [keys, found.with_columns(texts.cast(pl.String))], how="horizontal"
            )


def _gathered(values: pl.DataFrame, positions: pl.Series) -> pl.DataFrame:
    """Rows at some positions; close ones out of one piece, in a third less time."""
    low, high = int(str(positions.min())), int(str(positions.max()))
    if high - low < _WINDOW * len(positions):
        return values.slice(low, high - low + 1).rechunk()[positions - low]
    return values[positions]


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


def joined_chunks(request: LoadRequest) -> pl.DataFrame:
    """Typed rows and scores of a batch side by side, over their memory maps."""
    if request.rows is None or request.scores is None:
        return pl.DataFrame()
    pairs = [request.rows.frame(), request.scores.frame()]
    return pl.concat(pairs, how="horizontal")


def _replaced(column: str, ids: pl.DataFrame) -> pl.Expr:
    """A column as the ids that stand for its values; a value without one fails."""
    values = ids.to_series(0)
    return pl.col(column).replace_strict(values, ids["id"], return_dtype=pl.Int64)
