"""What the checks of a batch look at: its chunks, what reading found, the reference."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray

from bulk_pipeline.adapters.chunks import ChunkHandle
from bulk_pipeline.adapters.home import Home
from bulk_pipeline.adapters.reading import ROWS
from bulk_pipeline.adapters.references import reference_of
from bulk_pipeline.adapters.reports import read_readings
from bulk_pipeline.adapters.scoring import SCORES, scored_model
from bulk_pipeline.adapters.settings import Settings
from bulk_pipeline.core.errors import ModelRefused
from bulk_pipeline.core.quality import total
from bulk_pipeline.core.reference import COLUMNS, SCORE, Reference
from bulk_pipeline.core.schema import RATIOS
from bulk_pipeline.core.stability import (
    Distribution,
    distribution,
    index_by_chance,
    stability_index,
)


@dataclass(frozen=True, slots=True)
class Share:
    """Rows of one kind among all rows of a batch, beside its threshold.

    Attributes:
        rows: rows of that kind.
        share: of all rows, 0 to 1; 0 where there are none.
        threshold: largest share that passes.
        setting: the environment variable that sets the threshold.
    """

    rows: int
    share: float
    threshold: float
    setting: str

    @property
    def passed(self) -> bool:
        """Whether the share is at most the threshold."""
        return self.share <= self.threshold


def score_range(folder: Path) -> tuple[float, float, bool]:
    """Lowest and highest probability of a batch, and whether all lie in [0, 1].

    A batch without rows gives 0, 0 and True.
    """
    lowest, highest, sound = 1.0, 0.0, True
    scores = ChunkHandle.open(folder / SCORES)
    for table in _tables(scores):
        found = pl.Series(table.column(SCORE))
        sound = (
            sound
            and bool(found.is_between(0.0, 1.0).all())
            and not (found.null_count())
        )
        lowest = min(lowest, float(str(found.min())))
        highest = max(highest, float(str(found.max())))
    return (lowest, highest, sound) if scores.rows else (0.0, 0.0, True)


def accounting(folder: Path) -> tuple[int, int, int]:
    """Rows that the reader parsed, rows scored, rows rejected; each counted apart."""
    readings = read_readings(folder)
    read = sum(reading.rows_read for reading in readings)
    rejected = sum(reading.rejected for reading in readings)
    scored = sum(table.num_rows for table in _tables(ChunkHandle.open(folder / SCORES)))
    return read, scored, rejected


def data_shares(folder: Path, settings: Settings) -> tuple[Share, Share, Share]:
    """Shares of rejected rows, of rows with a missing ratio, of implausible rows."""
    readings = read_readings(folder)
    read = sum(reading.rows_read for reading in readings)
    rejected = sum(reading.rejected for reading in readings)
    quality = total(reading.quality for reading in readings)
    kinds = (
        (rejected, read, "warn_rejected_share"),
        (quality.missing, quality.rows, "warn_missing_share"),
        (quality.implausible, quality.rows, "warn_implausible_share"),
    )
    first, second, third = (
        Share(
            rows,
            rows / everything if everything else 0.0,
            float(getattr(settings, name)),
            str(Settings.model_fields[name].validation_alias),
        )
        for rows, everything, name in kinds
    )
    return first, second, third


@dataclass(frozen=True, slots=True)
class Drift:
    """A batch counted by bins, beside the population that its model is used to.

    Attributes:
        columns: one distribution for each ratio and the scores, over the reference's
            bins; over one bin where there is no reference.
        reference: what it is compared with; None where there is none.
        why_none: why there is none, and the cure; "" where there is one.
        broken: whether there is none because it is there and cannot be used.
    """

    columns: Mapping[str, Distribution]
    reference: Reference | None
    why_none: str = ""
    broken: bool = False

    @property
    def rows(self) -> int:
        """Rows of the batch."""
        return self.columns[SCORE].rows

    def index(self, name: str) -> float | None:
        """The population stability index of a column; None where nothing compares."""
        if self.reference is None or not self.rows:
            return None
        expected = self.reference.columns[name]
        return stability_index(self.columns[name].by_bin, expected.by_bin)

    def by_chance(self, name: str) -> float | None:
        """The index that independent rows would show without any drift."""
        if self.reference is None or not self.rows:
            return None
        # The scores have no bin for missing ones: there is none.
        bins = len(self.columns[name].edges) + (name != SCORE)
        return index_by_chance(bins, self.rows, self.reference.rows)


_NONE = (
    "The model has no reference. Make one, while it is active: bulk-pipeline model "
    "reference FILE"
)


def drift_of(folder: Path, home: Home) -> Drift:
    """Count a scored batch by the bins of its model's reference, chunk by chunk.

    Args:
        folder: the chunks of the batch.
        home: where its model and perhaps the reference are.

    Raises:
        PermanentError: the batch has not been read or scored.
        TransientError: a chunk was cut short.
    """
    reference, why, broken = None, "", False
    sha256 = scored_model(folder).sha256
    try:
        reference = reference_of(home, sha256)
    except ModelRefused as refusal:
        why, broken = str(refusal), True
    else:
        why = "" if reference else _NONE
    edges = reference.edges if reference else {}
    nothing = np.empty(0)
    found = {
        name: distribution(nothing, edges[name]) if edges else distribution(nothing)
        for name in COLUMNS
    }
    for name, column in _columns(folder):
        edges_of = found[name].edges
        found[name] += distribution(column.values, edges_of, column.present)
    return Drift(found, reference, why, broken)


@dataclass(frozen=True, slots=True)
class _Column:
    """A column of numbers of a chunk, over the chunk's map; nothing is copied.

    Attributes:
        values: (n,), float64; anything where there is no value.
        present: (n,), False where there is no value; None where each row has one.
    """

    values: NDArray[np.float64]
    present: NDArray[np.bool_] | None

    @classmethod
    def of(cls, array: pa.Array) -> Self:
        """The column that an Arrow array of float64 is.

        By way of its buffers: pyarrow imports pandas to make an array of numbers, and
        polars copies a column that lacks a value.
        """
        bits, numbers = array.buffers()
        rows = slice(array.offset, array.offset + len(array))
        values = np.frombuffer(numbers, np.float64)[rows]
        if not array.null_count:
            return cls(values, None)
        bits = np.unpackbits(np.frombuffer(bits, np.uint8), bitorder="little")
        return cls(values, bits[rows].view(np.bool_))


def _columns(folder: Path) -> Iterator[tuple[str, _Column]]:
    """The ratios and the scores of a batch, a column of a chunk at a time."""
    for part, names in ((ROWS, RATIOS), (SCORES, (SCORE,))):
        for table in _tables(ChunkHandle.open(folder / part)):
            for name in names:
                for array in table.column(name).chunks:
                    yield name, _Column.of(array)


def _tables(handle: ChunkHandle) -> Iterator[pa.Table]:
    """Each chunk over its memory map.

    A frame of polars would make its texts its own, which takes most of the time.
    """
    for chunk in handle.chunks:
        with pa.memory_map(str(handle.directory / chunk.name)) as file:
            yield pa.ipc.open_file(file).read_all()
