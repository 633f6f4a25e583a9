"""Reading a batch: files → typed chunks, rejects, companies, and what was found."""

import hashlib
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import polars as pl

from bulk_pipeline.adapters.atomic import whole_directory
from bulk_pipeline.adapters.batches import Batch, Upload, read_batch
from bulk_pipeline.adapters.chunks import ChunkHandle, ChunkWriter, write_chunk
from bulk_pipeline.adapters.installation import Installation
from bulk_pipeline.adapters.monitor import Monitor, Stopwatch
from bulk_pipeline.adapters.progress import advance
from bulk_pipeline.adapters.readers import open_text
from bulk_pipeline.adapters.readers.base import TextChunk, TextSource
from bulk_pipeline.adapters.reports import StepRecord, UploadReading, write_readings
from bulk_pipeline.core.cleaning import Cleaned, CleaningRules, clean
from bulk_pipeline.core.companies import distinct_companies, merged_companies
from bulk_pipeline.core.errors import MissingColumns, UnreadableFile
from bulk_pipeline.core.quality import Quality, quality
from bulk_pipeline.core.schema import KEY, RATIOS, HeaderMatch, match_header

ROWS, REJECTS, COMPANIES = "rows", "rejects", "companies.arrow"
KEPT_COLUMNS = ("line", *KEY, *RATIOS)
_HASH_BYTES = 1 << 20


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
            ingestion.read(number, upload) for number, upload in enumerate(batch.uploads)
        ]
        with watch.stage("clean"):
            ingestion.writer.finish()
        with watch.stage("companies"):
            companies = merged_companies(ingestion.companies)
            write_chunk(folder / COMPANIES, companies)
        write_readings(folder, readings)
    StepRecord.of(watch.seconds, monitor.usage, opened_at).write(target, "read")
    return ChunkHandle.open(target / ROWS)


@dataclass(slots=True)
class _Findings:
    """What one upload has shown so far."""

    rows_read: int = 0
    dates_as_years: int = 0
    quality: Quality = field(default_factory=Quality)
    reasons: Counter[str] = field(default_factory=Counter)
    companies: list[pl.DataFrame] = field(default_factory=list)


class _Ingestion:
    """One batch being read."""

    def __init__(
        self, installation: Installation, batch: Batch, folder: Path, watch: Stopwatch
    ) -> None:
        settings = installation.settings
        self._installation = installation
        self._batch = batch
        self._folder = folder
        self._watch = watch
        self._rules = CleaningRules(
            latest_year=datetime.now(UTC).year + 1,
            blank_quarter=batch.options.blank_quarter,
            fractions=batch.options.ratio_unit == "fraction",
        )
        self._seen: dict[str, str] = {}
        self._rows_per_chunk = settings.batch_size
        self.writer = ChunkWriter(folder / ROWS, settings.batch_size)
        self.companies: list[pl.DataFrame] = []

    def read(self, number: int, upload: Upload) -> UploadReading:
        """Read one upload; what it holds counts only if all of it can be read."""
        path = self._installation.home.landing(self._batch.key) / upload.stored_name
        with self._watch.stage("read"):
            digest = _sha256(path)
        reading = UploadReading(number, upload.key, upload.file_name, "read", digest)
        earlier = self._earlier(upload.key, digest)
        if earlier:
            return replace(reading, state="repeated", message=earlier)
        mark = self.writer.mark()
        try:
            with self._watch.stage("read"):
                source = open_text(path)
            match = match_header(source.header)
            findings = self._read_rows(number, source, match)
        except (UnreadableFile, MissingColumns) as error:
            self.writer.rewind(mark)
            # The reader knows the landed file; people know it by another name.
            message = str(error).replace(upload.stored_name, upload.file_name)
            return replace(reading, state="refused", message=message)
        self._seen[digest] = upload.key
        self.companies += findings.companies
        names = {name: source.header[place] for name, place in match.positions.items()}
        return replace(
            reading,
            rows_read=findings.rows_read,
            rejected=sum(findings.reasons.values()),
            reasons=dict(findings.reasons),
            quality=findings.quality,
            warnings=self._warnings(source, match, findings),
            header=names,
            columns=source.header,
        )

    def _earlier(self, key: str, digest: str) -> str:
        """What an upload repeats, if it does: another one with the same content."""
        if self._batch.options.force:
            return ""
        if digest in self._seen:
            return f"The same content as upload {self._seen[digest]} of this batch."
        options = self._batch.options.text()
        for receipt in self._installation.database.receipts([digest]):
            if receipt.options == options and receipt.upload_key != key:
                return (
                    f"The same content was loaded before as upload "
                    f"{receipt.upload_key} ({receipt.file_name}). Nothing to do; "
                    "--force loads it all the same."
                )
        return ""

    def _read_rows(
        self, number: int, source: TextSource, match: HeaderMatch
    ) -> _Findings:
        findings = _Findings()
        rejects_folder = self._folder / REJECTS / f"{number:05}"
        rejects_folder.mkdir(parents=True, exist_ok=True)
        rejects = ChunkWriter(rejects_folder, self._rows_per_chunk)
        for chunk in self._timed(source.chunks()):
            with self._watch.stage("clean"):
                texts = _text_frame(chunk, match)
                cleaned = clean(texts, self._rules)
                rejects.add(_rejects_frame(chunk, cleaned, source.header))
                self._note(findings, chunk, cleaned)
                kept = cleaned.rows.select(
                    pl.lit(number, pl.UInt32).alias("upload"), *KEPT_COLUMNS
                )
                self.writer.add(kept)
            with self._watch.stage("companies"):
                findings.companies.append(distinct_companies(cleaned.rows))
            advance("read", chunk.bytes_read)
        with self._watch.stage("clean"):
            rejects.finish()
        return findings

    def _timed(self, chunks: Iterator[TextChunk]) -> Iterator[TextChunk]:
        """Chunks, with the wait for each counted as reading."""
        while True:
            with self._watch.stage("read"):
                chunk = next(chunks, None)
            if chunk is None:
                return
            yield chunk

    @staticmethod
    def _note(findings: _Findings, chunk: TextChunk, cleaned: Cleaned) -> None:
        findings.rows_read += chunk.table.num_rows + len(chunk.ragged)
        findings.dates_as_years += cleaned.dates_as_years
        findings.quality += quality(cleaned.rows)
        findings.reasons.update(dict(cleaned.rejects["reason"].value_counts().rows()))
        if chunk.ragged:
            findings.reasons["wrong_field_count"] += len(chunk.ragged)

    def _warnings(
        self, source: TextSource, match: HeaderMatch, findings: _Findings
    ) -> tuple[str, ...]:
        found = list(source.warnings)
        if match.ignored:
            names = ", ".join(repr(text) for text in match.ignored)
            found.append(f"Columns that are none of ours were passed over: {names}.")
        if findings.dates_as_years:
            found.append(
                f"{findings.dates_as_years} cells of the reporting year hold a date; "
                "its year was taken."
            )
        named = merged_companies(findings.companies)["names_differ"].sum()
        if named:
            found.append(
                f"{named} companies have more than one name; the first one counts."
            )
        found += findings.quality.warnings(fractions=self._rules.fractions)
        return tuple(found)


def _text_frame(chunk: TextChunk, match: HeaderMatch) -> pl.DataFrame:
    """The columns of ours that a chunk has, by our names, beside their lines."""
    columns = {"line": chunk.lines}
    for name, position in match.positions.items():
        columns[name] = chunk.table.column(position)
    return pl.DataFrame({n: pl.Series(n, values) for n, values in columns.items()})


def _rejects_frame(
    chunk: TextChunk, cleaned: Cleaned, header: tuple[str, ...]
) -> pl.DataFrame:
    """Rejected rows with reason and the row as it stood, by position of its columns."""
    names = [f"column_{place}" for place in range(len(header))]
    found = cleaned.rejects
    cells = chunk.table.rename_columns(names).take(found["row"].to_arrow())
    rejected = pl.concat([found.drop("row"), pl.DataFrame(cells)], how="horizontal")
    if not chunk.ragged:
        return rejected
    ragged = pl.DataFrame(
        {
            "line": [line.line for line in chunk.ragged],
            "column": [""] * len(chunk.ragged),
            "reason": ["wrong_field_count"] * len(chunk.ragged),
            "value": [line.text for line in chunk.ragged],
        }
    )
    return pl.concat([rejected, ragged], how="diagonal").sort("line")


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_HASH_BYTES):
            digest.update(block)
    return digest.hexdigest()
