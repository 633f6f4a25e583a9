"""What became of an upload, step by step, as small records on disk and in the journal.

Each step of a batch writes its record beside its chunks; the load puts them together.
"""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from bulk_pipeline.adapters.atomic import write_json
from bulk_pipeline.adapters.monitor import Usage
from bulk_pipeline.core.errors import PermanentError
from bulk_pipeline.core.notices import Notice
from bulk_pipeline.core.quality import Quality

ReadState = Literal["read", "repeated", "withdrawn", "refused"]


@dataclass(frozen=True, slots=True)
class UploadReading:
    """What reading found in one upload.

    Attributes:
        number: its number in the batch, as in the chunks.
        key: its key.
        file_name: the user's name for it.
        state: ``read``; ``repeated`` (loaded before, not read); ``withdrawn`` (loaded
            and taken out again, not read); ``refused``.
        sha256: hex digest of its bytes.
        rows_read: rows parsed, those of a wrong length included.
        rejected: how many of them cannot be stored.
        reasons: reason code → rejected rows.
        quality: what is odd about the others.
        notices: what the person who sent the file should know.
        message: why it was refused or not read.
        header: our column name → header text in the file.
        columns: all header texts of the file, in order.
    """

    number: int
    key: str
    file_name: str
    state: ReadState
    sha256: str
    rows_read: int = 0
    rejected: int = 0
    reasons: dict[str, int] = field(default_factory=dict)
    quality: Quality = field(default_factory=Quality)
    notices: tuple[Notice, ...] = ()
    message: str = ""
    header: dict[str, str] = field(default_factory=dict)
    columns: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class StepRecord:
    """What one step of a batch cost.

    Attributes:
        stages: stage → seconds.
        peak_memory_bytes: of this process and its children together.
        cpu_seconds: processor time.
        opened_at: when the first file was opened, seconds since 1970; 0 elsewhere.
        stage_cpu_seconds: stage → processor time; see ``Usage``. Nothing in records of
            older versions.
        stage_peak_bytes: stage → peak memory; as above.
    """

    stages: dict[str, float]
    peak_memory_bytes: int
    cpu_seconds: float
    opened_at: float = 0.0
    stage_cpu_seconds: dict[str, float] = field(default_factory=dict)
    stage_peak_bytes: dict[str, int] = field(default_factory=dict)

    @classmethod
    def of(
        cls, stages: dict[str, float], usage: Usage, opened_at: float = 0.0
    ) -> "StepRecord":
        """The record of a step from its stopwatch and its monitor."""
        return cls(
            stages,
            usage.peak_memory_bytes,
            usage.cpu_seconds,
            opened_at,
            usage.stage_cpu_seconds,
            usage.stage_peak_bytes,
        )

    def write(self, directory: Path, step: str) -> None:
        """Put the record beside the chunks of its batch, replacing an older one."""
        write_json(directory / "steps" / f"{step}.json", asdict(self))


def step_records(directory: Path) -> list[StepRecord]:
    """The records of all steps of a batch that were written."""
    files = sorted((directory / "steps").glob("*.json"))
    return [StepRecord(**json.loads(f.read_text(encoding="utf-8"))) for f in files]


def write_readings(directory: Path, readings: list[UploadReading]) -> None:
    """Put what reading found beside the chunks of a batch."""
    write_json(directory / "uploads.json", [asdict(reading) for reading in readings])


def read_readings(directory: Path) -> list[UploadReading]:
    """What reading found, one per upload in the order of the batch.

    Raises:
        PermanentError: the batch was never read, or its chunks were retired.
    """
    try:
        text = (directory / "uploads.json").read_text(encoding="utf-8")
    except FileNotFoundError:
        raise PermanentError(
            f"Batch {directory.name} has not been read. Materialise ingestion_file of "
            "this batch first."
        ) from None
    return [_reading(document) for document in json.loads(text)]


def _reading(document: dict[str, Any]) -> UploadReading:
    made = {
        "columns": tuple(document["columns"]),
        "notices": tuple(Notice(**notice) for notice in document["notices"]),
        "quality": Quality(**document["quality"]),
    }
    return UploadReading(**{**document, **made})
