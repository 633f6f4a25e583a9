"""Reading a batch: files → typed chunks, rejects, companies, and what was found."""

import shutil
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import polars as pl

from bulk_pipeline.adapters.atomic import whole_directory
from bulk_pipeline.adapters.batches import Batch, Upload, read_batch
from bulk_pipeline.adapters.bringing import bring_in
from bulk_pipeline.adapters.chunks import ChunkHandle, ChunkWriter, write_chunk
from bulk_pipeline.adapters.crash_points import reached
from bulk_pipeline.adapters.file_reading import FileReader, FileReading, ReadingRules
from bulk_pipeline.adapters.installation import Installation
from bulk_pipeline.adapters.known_uploads import KnownUploads
from bulk_pipeline.adapters.landed_files import LandedFile, readable
from bulk_pipeline.adapters.monitor import Monitor, Stopwatch
from bulk_pipeline.adapters.readers.ahead import Ahead
from bulk_pipeline.adapters.reading_record import ReadingRecord, deaths_message
from bulk_pipeline.adapters.reports import StepRecord, UploadReading, write_readings
from bulk_pipeline.core.companies import distinct_companies
from bulk_pipeline.core.errors import MissingColumns, UnreadableFile

ROWS, REJECTS, COMPANIES = "rows", "rejects", "companies.arrow"
LONGEST_MESSAGE = 2_000
"""Characters of a refusal; it is shown in tables, runs and mails, hundreds at once."""


def ingest(installation: Installation, key: str) -> ChunkHandle:
    """Read every upload of a batch into one directory of typed rows.

    A file that cannot be read is refused as a whole and named; the others go on. So is
    one that has changed since it was taken, and one that has ended the process which
    read it too often.

    Returns:
        The chunks: ``upload`` (number in the batch), line, key and ratios.

    Raises:
        PermanentError: the batch has not landed.
        TransientError: its files cannot be brought in now, or no space is left for
            what is read.
    """
    batch = read_batch(installation.home, key)
    bring_in(installation.home, key)
    watch = Stopwatch()
    opened_at = time.time()
    target = installation.home.chunks(key)
    record = ReadingRecord(installation.home.batch(key))
    place = whole_directory(target, first_stays=True)
    with Monitor(watch) as monitor, record, place as folder:
        (folder / ROWS).mkdir()
        ingestion = _Ingestion(installation, batch, folder, watch)
        readings = ingestion.readings(record)
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
        self._rejects = folder / REJECTS
        self._rules = rules
        self._reader = FileReader(rules, self.writer, self._rejects, watch)
        self.companies: list[pl.DataFrame] = []

    def readings(self, record: ReadingRecord) -> list[UploadReading]:
        """Read all uploads, one after the other.

        All files are hashed first, so that the database is asked once about all.
        """
        with self._watch.stage("read"):
            landed = self._landed(record)
            found = [file for file in landed if isinstance(file, LandedFile)]
            self._known.ask([file.sha256 for file in found])
        keys = {file.path: file.upload.key for file in found}
        rules = self._rules
        with Ahead(
            self._to_read(found),
            rules.limits,
            rules.encoding,
            rules.sheets,
            lambda path: record.of(keys[path]),
        ) as ahead:
            self._reader = replace(self._reader, open=ahead.open)
            return self._each(landed, record, ahead)

    def _to_read(self, files: list[LandedFile]) -> Iterator[Path]:
        """The files that will be opened, as far as can be said in advance."""
        asked: set[str] = set()
        for file in files:
            state, _ = self._known.state(file.upload.key, file.sha256)
            if state == "read" and file.sha256 not in asked:
                asked.add(file.sha256)
                yield file.path

    def _each(
        self, landed: list[LandedFile | str], record: ReadingRecord, ahead: Ahead
    ) -> list[UploadReading]:
        """What reading finds in each upload."""
        readings = []
        for number, (upload, file) in enumerate(
            zip(self._batch.uploads, landed, strict=True)
        ):
            with self._watch.stage("read"):
                ahead.look()
            reading = UploadReading(number, upload.key, upload.file_name, "read", "")
            if isinstance(file, LandedFile):
                reading = self._read(replace(reading, sha256=file.sha256), file, record)
            else:
                reading = _refused(reading, file)
            readings.append(reading)
            reached("file read")
        return readings

    def _landed(self, record: ReadingRecord) -> list[LandedFile | str]:
        """Each upload's file, or why it cannot be read at all."""
        folder = self._installation.home.batch(self._batch.key)
        failed: dict[str, str] | None = None
        landed: list[LandedFile | str] = []
        for upload in self._batch.uploads:
            path = folder / upload.stored_name
            if not path.exists():
                failed = self._recorded() if failed is None else failed
                why = failed.get(upload.key) or "Its file was moved out of the batch."
                landed.append(why)
            elif not record.may_be_read(upload.key):
                landed.append(deaths_message(upload.file_name, upload.key))
            else:
                landed.append(_looked_at(path, upload))
        return landed

    def _read(
        self, reading: UploadReading, file: LandedFile, record: ReadingRecord
    ) -> UploadReading:
        """Read one upload; what it holds counts only if all of it can be read."""
        state, message = self._known.state(reading.key, file.sha256)
        if state != "read":
            return replace(reading, state=state, message=message)
        try:
            with record.of(reading.key):
                found = self._whole(file, reading.number)
        except (UnreadableFile, MissingColumns) as error:
            # The reader knows the landed file; people know it by another name.
            stored, name = file.upload.stored_name, file.upload.file_name
            return _refused(reading, str(error).replace(stored, name))
        self._known.was_read(reading.key, file.sha256)
        self.companies.append(found.companies)
        return found.told(reading)

    def _whole(self, file: LandedFile, number: int) -> FileReading:
        """Read a file that stays as it is meanwhile; else nothing of it was taken."""
        mark = self.writer.mark()
        with readable(file.path, file.upload):
            found = self._reader.read(file.path, number)
        try:
            file.require_unchanged()
        except UnreadableFile:
            self.writer.rewind(mark)
            shutil.rmtree(self._rejects / f"{number:05}", ignore_errors=True)
            raise
        return found

    def _recorded(self) -> dict[str, str]:
        """Why uploads were refused before, so that their files lie in ``failed``."""
        known = self._installation.journal.uploads(batch=self._batch.key)
        return {upload.key: upload.message for upload in known}


def _looked_at(path: Path, upload: Upload) -> LandedFile | str:
    """A landed file, or why it cannot be read."""
    try:
        return LandedFile.of(path, upload)
    except UnreadableFile as error:
        return str(error)


def _refused(reading: UploadReading, message: str) -> UploadReading:
    """An upload of which nothing is stored."""
    if len(message) > LONGEST_MESSAGE:
        message = f"{message[: LONGEST_MESSAGE - 1]}…"
    return replace(reading, state="refused", message=message)
