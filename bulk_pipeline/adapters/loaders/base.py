"""What every loader promises: a load is visible whole or not at all, once."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

import polars as pl

from bulk_pipeline.adapters.chunks import ChunkHandle
from bulk_pipeline.core.metrics import NOTHING_ASKED, DatabaseFigures


@dataclass(frozen=True, slots=True)
class UploadLoad:
    """One upload of a batch as the loader needs it.

    Attributes:
        number: its number in the batch, as in the chunks' column ``upload``.
        key: the upload's key, unique for ever.
        file_name: the name that the user gave the file.
        sha256: hex digest of the file's bytes.
        options: what decides about reading and storing it, as JSON text.
        rows_read: rows that the reader parsed, rejected ones included.
        rejected: rows that cleaning rejected.
        duplicates: rows that repeat a key of this very upload.
        conflicting: those among them with other values.
    """

    number: int
    key: str
    file_name: str
    sha256: str
    options: str
    rows_read: int
    rejected: int
    duplicates: int
    conflicting: int


@dataclass(frozen=True, slots=True)
class ModelRecord:
    """The model that scored a batch, for the table ``models``."""

    name: str
    sha256: str
    kind: str
    document: str | None


@dataclass(frozen=True, slots=True)
class LoadRequest:
    """One publishing transaction.

    Attributes:
        batch: key of the batch.
        home_id: id of the home that owns the uploads.
        uploads: its uploads, oldest first; ids grow in this order.
        rows: chunks of typed rows with ``upload``; None where no upload has a row.
        scores: chunks of scores, row by row beside ``rows``.
        companies: the distinct symbols of ``rows``.
        repeated: Arrow file of the positions of in-file duplicates (``row``).
        update: whether newer uploads replace stored values.
        model: what scored the rows.
        now: moment written to every row, UTC.
        rows_per_insert: rows handed to the driver at a time.
        conflicts: where to write the conflicts with stored rows (an Arrow file).
    """

    batch: str
    home_id: str
    uploads: tuple[UploadLoad, ...]
    rows: ChunkHandle | None
    scores: ChunkHandle | None
    companies: pl.Series
    repeated: Path
    update: bool
    model: ModelRecord
    now: datetime
    rows_per_insert: int
    conflicts: Path


@dataclass(frozen=True, slots=True)
class UploadOutcome:
    """What the table owes to one upload after the commit."""

    key: str
    upload_id: int
    rows_read: int
    inserted: int
    updated: int
    duplicates: int
    duplicates_conflicting: int
    rejected: int


@dataclass(frozen=True, slots=True)
class LoadResult:
    """A committed load.

    Attributes:
        outcomes: one per upload, in order.
        rows_written: rows physically inserted or replaced by this transaction; 0 for
            a batch that was loaded before.
        database_seconds: from the request for the write lock to the commit.
        asked: what was asked of the database past SQLAlchemy, which others watch.
    """

    outcomes: tuple[UploadOutcome, ...]
    rows_written: int
    database_seconds: float
    asked: DatabaseFigures = NOTHING_ASKED


class Loader(Protocol):
    """Publishes one batch into one kind of database."""

    def prepare(self, rows: int) -> None:
        """Start what takes time to start, for a load of about this many rows."""

    def publish(self, request: LoadRequest) -> LoadResult:
        """Load a batch in one transaction.

        Loading the same batch again is safe and reports the same outcomes.

        Raises:
            TransientError: the database stayed busy; nothing is visible.
            AccountingError: counts disagree; rolled back.
            PermanentError: anything else; nothing is visible.
        """

    def close(self) -> None:
        """Stop what ``prepare`` started, whether or not it was used."""
