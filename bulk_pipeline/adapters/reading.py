"""Reading a batch: files → typed chunks, rejects, companies, and what was found."""

import hashlib
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import polars as pl

from bulk_pipeline.adapters.atomic import whole_directory
from bulk_pipeline.adapters.batches import Batch, Upload, read_batch
from bulk_pipeline.adapters.chunks import ChunkHandle, ChunkWriter, write_chunk
from bulk_pipeline.adapters.file_reading import FileReader, ReadingRules
from bulk_pipeline.adapters.installation import Installation
from bulk_pipeline.adapters.known_uploads import KnownUploads
from bulk_pipeline.adapters.monitor import Monitor, Stopwatch
from bulk_pipeline.adapters.reports import StepRecord, UploadReading, write_readings
from bulk_pipeline.core.companies import distinct_companies
from bulk_pipeline.core.errors import MissingColumns, UnreadableFile

ROWS, REJECTS, COMPANIES = "rows", "rejects", "companies.arrow"


def ingest(installation: Installation, key: str) -> ChunkHandle:
    """Read every upload of a batch into one directory of typed rows.

    A file that cannot be read is refused as a whole and named; the others go on.

    Returns:
        The chunks: ``upload`` (number in the batch), line, key and ratios.

    Raises:
        PermanentError: the batch has not landed.
    """
    batch = read_batch(installation.home, key)
    watch = Stopwatch()
    opened_at = time.time()
    target = installation.home.chunks(key)
    with Monitor() as monitor, whole_directory(target) as folder:
        (folder / ROWS).mkdir()
        ingestion = _Ingestion(installation, batch, folder, watch)
        readings = [
            ingestion.read(number, upload)
            for number, upload in enumerate(batch.uploads)
        ]
        with watch.stage("clean"):
            ingestion.writer.finish()
        with watch.stage("companies"):
            companies = distinct_companies(ingestion.companies)
            write_chunk(folder / COMPANIES, companies)
        write_readings(folder, readings)
    StepRecord.of(watch.seconds, monitor.usage, opened_at).write(target, "read")
    return ChunkHandle.open(target / ROWS)


class _Ingestion:
    """One batch being read."""

    def __init__(
        self, installation: Installation, batch: Batch, folder: Path, watch: Stopwatch
    ) -> None:
        self._installation = installation
        self._batch = batch
        self._watch = watch
        self._known = KnownUploads(installation.database, batch)
        settings = installation.settings
        rules = ReadingRules.of(
            batch.options,
            settings.limits,
            latest_year=datetime.now(UTC).year + 1,
            rows_per_chunk=settings.batch_size,
        )
        self.writer = ChunkWriter(folder / ROWS, settings.batch_size)
        self._reader = FileReader(rules, self.writer, folder / REJECTS, watch)
        self.companies: list[pl.DataFrame] = []

    def read(self, number: int, upload: Upload) -> UploadReading:
        """Read one upload; what it holds counts only if all of it can be read."""
        path = self._installation.home.batch(self._batch.key) / upload.stored_name
        if not path.exists():
            message = self._recorded(upload.key)
            return UploadReading(
                number, upload.key, upload.file_name, "refused", "", message=message
            )
        with self._watch.stage("read"):
            digest = _sha256(path)
        reading = UploadReading(number, upload.key, upload.file_name, "read", digest)
        state, message = self._known.state(upload.key, digest)
        if state != "read":
            return replace(reading, state=state, message=message)
        try:
            found = self._reader.read(path, number)
        except (UnreadableFile, MissingColumns) as error:
            # The reader knows the landed file; people know it by another name.
            message = str(error).replace(upload.stored_name, upload.file_name)
            return replace(reading, state="refused", message=message)
        self._known.was_read(upload.key, digest)
        self.companies.append(found.companies)
        return found.told(reading)

    def _recorded(self, key: str) -> str:
        """Why an upload was refused before, so that its file lies in ``failed``."""
        known = self._installation.journal.uploads(batch=self._batch.key)
        reasons = [upload.message for upload in known if upload.key == key]
        return next(filter(None, reasons), "Its file was moved out of the batch.")


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
