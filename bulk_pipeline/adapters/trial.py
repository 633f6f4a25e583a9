"""Files read as a load would read them, with nothing stored."""

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from bulk_pipeline.adapters.batches import Options
from bulk_pipeline.adapters.chunks import ChunkHandle, ChunkWriter
from bulk_pipeline.adapters.file_reading import FileReader, ReadingRules
from bulk_pipeline.adapters.home import Home
from bulk_pipeline.adapters.monitor import Stopwatch
from bulk_pipeline.adapters.readers.ahead import Ahead
from bulk_pipeline.adapters.reading import REJECTS, ROWS
from bulk_pipeline.adapters.rejects import write_reject_files
from bulk_pipeline.adapters.reports import UploadReading, write_readings
from bulk_pipeline.adapters.scoring import DUPLICATE_COUNTS_FILE, list_duplicates
from bulk_pipeline.adapters.scratch import ScratchFolder
from bulk_pipeline.adapters.settings import Settings
from bulk_pipeline.core.errors import MissingColumns, UnreadableFile

_BATCH = "check"


@dataclass(frozen=True, slots=True)
class Trial:
    """What would become of a file.

    Attributes:
        reading: what reading found; state ``read`` or ``refused``.
        duplicates: rows that repeat a key of this file.
        duplicates_conflicting: how many of them have other ratios than the first.
        reject_file: where the rejects were written, if they were asked for and there
            are any.
    """

    reading: UploadReading
    duplicates: int
    duplicates_conflicting: int
    reject_file: Path | None

    @property
    def storable(self) -> int:
        """Rows that can be stored: read, not rejected, the first of their key."""
        return self.reading.rows_read - self.reading.rejected - self.duplicates


def try_files(
    files: Sequence[Path], settings: Settings, rejects: Path | None, suffix: str
) -> list[Trial]:
    """Read files to their end, each for itself, and store nothing.

    What is in the database already is not looked at.

    Args:
        files: regular files.
        settings: how they are read.
        rejects: folder that takes a reject file for each file that has rejects or
            conflicting duplicates; None to write none.
        suffix: ``.csv`` or ``.xlsx``, of the reject files.

    Returns:
        One trial per file, in the order given.
    """
    with ScratchFolder() as scratch:
        home = Home(scratch)
        folder = home.chunks(_BATCH)
        readings = read_files(files, settings, folder)
        write_readings(folder, readings)
        list_duplicates(ChunkHandle.open(folder / ROWS), folder)
        text = (folder / DUPLICATE_COUNTS_FILE).read_text(encoding="utf-8")
        repeats = {counts["upload"]: counts for counts in json.loads(text)}
        written = {}
        if rejects is not None:
            written = _rejects(home, readings, rejects, suffix)
        return [
            Trial(
                reading,
                repeats.get(reading.number, {}).get("duplicates", 0),
                repeats.get(reading.number, {}).get("conflicting", 0),
                written.get(reading.key),
            )
            for reading in readings
        ]


def read_files(
    files: Sequence[Path], settings: Settings, folder: Path
) -> list[UploadReading]:
    """Read files to their end, one after the other, into the chunks of one folder.

    Args:
        files: regular files.
        settings: how they are read.
        folder: takes the typed rows in ``rows`` and the rejects in ``rejects``.

    Returns:
        What reading found in each; state ``read`` or ``refused``.
    """
    (folder / ROWS).mkdir(parents=True)
    rules = ReadingRules.of(
        Options.from_settings(settings),
        settings.limits,
        latest_year=datetime.now(UTC).year + 1,
        rows_per_chunk=settings.batch_size,
    )
    writer = ChunkWriter(folder / ROWS, settings.batch_size)
    readings = []
    with Ahead(files, rules.limits, rules.encoding, rules.sheets) as ahead:
        watch = Stopwatch()
        reader = FileReader(rules, writer, folder / REJECTS, watch, ahead.open)
        for number, file in enumerate(files):
            ahead.look()
            reading = UploadReading(number, str(number), file.name, "read", "")
            try:
                readings.append(reader.read(file, number).told(reading))
            except (UnreadableFile, MissingColumns) as error:
                readings.append(replace(reading, state="refused", message=str(error)))
    writer.finish()
    return readings


def _rejects(
    home: Home, readings: Sequence[UploadReading], target: Path, suffix: str
) -> dict[str, Path]:
    """Put the reject files into a folder, each under the name of its file."""
    target.mkdir(parents=True, exist_ok=True)
    made = write_reject_files(home, _BATCH, suffix)
    moved: dict[str, Path] = {}
    for reading in readings:
        if reading.key not in made:
            continue
        path = target / f"{reading.file_name}.rejects{suffix}"
        if path in moved.values():
            path = target / f"{reading.file_name}-{reading.number}.rejects{suffix}"
        shutil.copyfile(made[reading.key], path)
        moved[reading.key] = path
    return moved
