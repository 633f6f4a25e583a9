"""What the checks of a batch look at: its chunks and what reading found."""

from dataclasses import dataclass
from pathlib import Path

from bulk_pipeline.adapters.chunks import ChunkHandle
from bulk_pipeline.adapters.reports import read_readings
from bulk_pipeline.adapters.scoring import SCORES
from bulk_pipeline.adapters.settings import Settings
from bulk_pipeline.core.quality import total


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
    for frame in scores.frames():
        found = frame["probability"]
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
    scored = sum(frame.height for frame in ChunkHandle.open(folder / SCORES).frames())
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
