"""Reading a batch: files → typed chunks, rejects, companies, and what was found."""

import hashlib
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import polars as pl

from bulk_pipeline.adapters.atomic import whole_directory
from bulk_pipeline.adapters.batches import Batch, Upload, read_batch
from bulk_pipeline.adapters.chunks import ChunkHandle, ChunkWriter, write_chunk
from bulk_pipeline.adapters.installation import Installation
from bulk_pipeline.adapters.known_uploads import KnownUploads
from bulk_pipeline.adapters.monitor import Monitor, Stopwatch
from bulk_pipeline.adapters.parts import parts
from bulk_pipeline.adapters.progress import advance
from bulk_pipeline.adapters.readers import open_text
from bulk_pipeline.adapters.readers.base import TextSource
from bulk_pipeline.adapters.reports import StepRecord, UploadReading, write_readings
from bulk_pipeline.core.cleaning import CleaningRules
from bulk_pipeline.core.companies import distinct_companies
from bulk_pipeline.core.errors import MissingColumns, UnreadableFile
from bulk_pipeline.core.notices import Notice, NoticeKind
from bulk_pipeline.core.quality import Quality
from bulk_pipeline.core.schema import HeaderMatch, match_header

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
        self._folder = folder
        self._watch = watch
        self._rules = CleaningRules(
            latest_year=datetime.now(UTC).year + 1,
            blank_quarter=batch.options.blank_quarter,
            fractions=batch.options.ratio_unit == "fraction",
        )
        self._known = KnownUploads(installation.database, batch)
        self._rows_per_chunk = installation.settings.batch_size
        self.writer = ChunkWriter(folder / ROWS, self._rows_per_chunk)
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
            with self._all_or_nothing():
                reading = self._read_file(path, reading)
        except (UnreadableFile, MissingColumns) as error:
            # The reader knows the landed file; people know it by another name.
            message = str(error).replace(upload.stored_name, upload.file_name)
            return replace(reading, state="refused", message=message)
        self._known.was_read(upload.key, digest)
        return reading

    @contextmanager
    def _all_or_nothing(self) -> Iterator[None]:
        """Forget what the block added if it fails."""
        mark, companies = self.writer.mark(), len(self.companies)
        try:
            yield
        except (UnreadableFile, MissingColumns):
            self.writer.rewind(mark)
            del self.companies[companies:]
            raise

    def _recorded(self, key: str) -> str:
        """Why an upload was refused before, so that its file lies in ``failed``."""
        known = self._installation.journal.uploads(batch=self._batch.key)
        reasons = [upload.message for upload in known if upload.key == key]
        return next(filter(None, reasons), "Its file was moved out of the batch.")

    def _read_file(self, path: Path, reading: UploadReading) -> UploadReading:
        with self._watch.stage("read"):
            source = open_text(path)
        match = match_header(source.header)
        folder = self._folder / REJECTS / f"{reading.number:05}"
        folder.mkdir(parents=True, exist_ok=True)
        rejects = ChunkWriter(folder, self._rows_per_chunk)
        reasons, quality, rows_read, dates = Counter[str](), Quality(), 0, 0
        named: list[pl.DataFrame] = []
        for part in parts(reading.number, source, match, self._rules, self._watch):
            with self._watch.stage("clean"):
                self.writer.add(part.rows)
                rejects.add(part.rejects)
            named.append(part.companies)
            reasons += part.reasons
            quality += part.quality
            rows_read += part.rows_read
            dates += part.dates_as_years
            advance("read", part.bytes_read)
        rejects.finish()
        with self._watch.stage("companies"):
            companies = distinct_companies(named)
            self.companies.append(companies.drop("names_differ"))
        names = {name: source.header[place] for name, place in match.positions.items()}
        return replace(
            reading,
            rows_read=rows_read,
            rejected=reasons.total(),
            reasons=dict(reasons),
            quality=quality,
            notices=(
                *_odd_columns(source, match),
                *_odd_rows(companies, dates),
                *quality.notices(fractions=self._rules.fractions),
            ),
            header=names,
            columns=source.header,
        )


def _odd_columns(source: TextSource, match: HeaderMatch) -> list[Notice]:
    """What the reader noticed, and the columns that were passed over."""
    found = list(source.notices)
    if match.ignored:
        names = ", ".join(repr(text) for text in match.ignored)
        said = f"Columns that are none of ours were passed over: {names}."
        found.append(Notice(NoticeKind.IGNORED_COLUMNS, len(match.ignored), said))
    return found


def _odd_rows(companies: pl.DataFrame, dates: int) -> list[Notice]:
    """What was decided about rows without rejecting them."""
    found = []
    if dates:
        said = f"{dates} cells of the reporting year hold a date; its year was taken."
        found.append(Notice(NoticeKind.DATES_AS_YEARS, dates, said))
    named = companies["names_differ"].sum()
    if named:
        said = f"{named} companies have more than one name; the first counts."
        found.append(Notice(NoticeKind.NAMES_DIFFER, int(named), said))
    return found


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
