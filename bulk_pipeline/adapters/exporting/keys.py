"""The keys of a file that was loaded, as its batch's chunks still hold them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from bulk_pipeline.adapters.chunks import ChunkHandle
from bulk_pipeline.adapters.reading import ROWS
from bulk_pipeline.core.duplicates import period_code
from bulk_pipeline.core.schema import SYMBOL

_TYPES = {"company": pl.UInt32(), "period": pl.UInt16()}


@dataclass(frozen=True, slots=True)
class Keys:
    """Distinct keys, in the order of their symbols.

    Attributes:
        symbols: distinct symbols, ascending.
        periods: ``company`` (position in ``symbols``) and ``period`` (as
            ``core.duplicates.period_code`` says), ascending; six bytes a key.
    """

    symbols: pl.Series
    periods: pl.DataFrame

    def parts(self, symbols_at_once: int) -> Iterator["Keys"]:
        """The keys of so many symbols at a time."""
        companies = self.periods["company"]
        for start in range(0, len(self.symbols), symbols_at_once):
            symbols = self.symbols.slice(start, symbols_at_once)
            low = companies.search_sorted(start)
            high = companies.search_sorted(start + len(symbols))
            some = self.periods.slice(low, high - low)
            yield Keys(symbols, some.with_columns(pl.col("company") - start))

    def only(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Those of some rows whose symbol, year and quarter is one of the keys."""
        symbols = self.symbols.to_frame(SYMBOL.name).with_row_index("company")
        keys = self.periods.join(symbols, on="company").select(
            SYMBOL.name, pl.col("period").cast(pl.Int64)
        )
        named = rows.with_columns(period=period_code())
        return named.join(keys, on=[SYMBOL.name, "period"], how="semi").drop("period")


def keys_in(places: Sequence[tuple[Path, Sequence[int]]]) -> Keys:
    """The keys of some uploads.

    Args:
        places: folders of a batch's chunks, and the uploads in it that count, by their
            number in the batch.

    Raises:
        PermanentError: chunks were retired or never written.
        TransientError: chunks were cut short.
    """
    none = pl.Series(SYMBOL.name, [], dtype=pl.String)
    found = (rows[SYMBOL.name].unique() for rows in _frames(places))
    symbols = pl.concat([none, *found]).unique().sort()
    numbered = symbols.to_frame().with_row_index("company")
    parts = [pl.DataFrame(schema=_TYPES)]
    for rows in _frames(places):
        mine = rows.select(SYMBOL.name, period=period_code())
        parts.append(
            mine.join(numbered, on=SYMBOL.name)
            .select(pl.col(name).cast(kind) for name, kind in _TYPES.items())
            .unique()
        )
    return Keys(symbols, pl.concat(parts).unique().sort("company", "period"))


def _frames(places: Sequence[tuple[Path, Sequence[int]]]) -> Iterator[pl.DataFrame]:
    """The rows of those uploads, chunk by chunk."""
    for folder, numbers in places:
        for frame in ChunkHandle.open(folder / ROWS).frames():
            yield frame.filter(pl.col("upload").is_in(list(numbers)))
