"""Typed rows and scores of a batch side by side, over memory maps of their chunks."""

from dataclasses import dataclass, field

import polars as pl

from bulk_pipeline.adapters.chunks import ChunkHandle
from bulk_pipeline.core.errors import AccountingError

_WINDOW = 4  # at most so many rows are copied to gather one


@dataclass(frozen=True, slots=True)
class BatchRows:
    """The rows of a batch by position, from 0.

    Pages that were read count as memory of the process as long as their file is mapped,
    so rows that lie close together are read from maps of their chunks alone.

    Attributes:
        rows: chunks of typed rows.
        scores: chunks of scores, cut as the rows are.
    """

    rows: ChunkHandle
    scores: ChunkHandle
    _mapped: list[pl.DataFrame] = field(default_factory=list, repr=False)

    def __post_init__(self) -> None:
        """Refuse scores that do not lie beside the rows.

        Raises:
            AccountingError: a chunk of either has other rows than its counterpart.
        """
        cut = [chunk.rows for chunk in self.rows.chunks]
        if cut != [chunk.rows for chunk in self.scores.chunks]:
            raise AccountingError(
                f"{self.rows.rows} rows and {self.scores.rows} scores are not cut into "
                "the same chunks. Materialise batch_predictions of this batch again."
            )

    def all(self) -> pl.DataFrame:
        """All rows, mapped until this object is gone."""
        if not self._mapped:
            self._mapped.append(self._beside(0, len(self.rows.chunks)))
        return self._mapped[0]

    def at(self, positions: pl.Series, columns: tuple[str, ...]) -> pl.DataFrame:
        """Some columns of the rows at some positions, in the order of the positions.

        Args:
            positions: at least one, none of them null.
            columns: names of the columns, in order.
        """
        low, high = int(str(positions.min())), int(str(positions.max()))
        if high - low >= _WINDOW * len(positions):
            return self.all().select(columns)[positions]
        # Close ones out of one piece take a third less time.
        near = self._between(low, high).select(columns)
        return near.rechunk()[positions - low]

    def _between(self, low: int, high: int) -> pl.DataFrame:
        """The rows from one position to another, both included."""
        start, first, end = 0, 0, 0
        for number, chunk in enumerate(self.rows.chunks):
            if end <= low:
                first, start = number, end
            end += chunk.rows
            if end > high:
                break
        return self._beside(first, number + 1).slice(low - start, high - low + 1)

    def _beside(self, first: int, last: int) -> pl.DataFrame:
        """The chunks of some numbers, rows and scores side by side."""
        pairs = [part.part(first, last).frame() for part in (self.rows, self.scores)]
        return pl.concat(pairs, how="horizontal")
