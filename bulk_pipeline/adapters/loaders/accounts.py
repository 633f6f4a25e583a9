"""What each upload of a transaction amounts to, and the law that its counts obey."""

from dataclasses import dataclass

import polars as pl

from bulk_pipeline.adapters.loaders.base import UploadLoad, UploadOutcome
from bulk_pipeline.core.errors import (
    AccountingError,
    PermanentError,
    WithdrawnMeanwhile,
)
from bulk_pipeline.core.wording import amount


@dataclass(slots=True)
class UploadAccount:
    """One upload inside the transaction: its receipt's id and its counts so far."""

    load: UploadLoad
    id: int
    known: bool
    inserted: int = 0
    updated: int = 0
    duplicates: int = 0
    conflicting: int = 0

    def outcome(self) -> UploadOutcome:
        """What the table owes to this upload.

        Raises:
            AccountingError: rows read are not the sum of what became of them.
        """
        load = self.load
        duplicates = load.duplicates + self.duplicates
        parts = (self.inserted, self.updated, duplicates, load.rejected)
        if sum(parts) != load.rows_read:
            read = amount(load.rows_read, "row was", "rows were")
            raise AccountingError(
                f"{load.file_name}: {read} read, but inserted + "
                f"updated + duplicates + rejected is {' + '.join(map(str, parts))}. "
                "Nothing was stored; report this with the file."
            )
        return UploadOutcome(
            key=load.key,
            upload_id=self.id,
            rows_read=load.rows_read,
            inserted=self.inserted,
            updated=self.updated,
            duplicates=duplicates,
            duplicates_conflicting=load.conflicting + self.conflicting,
            rejected=load.rejected,
        )


def withdrawn_meanwhile(load: UploadLoad, batch: str) -> WithdrawnMeanwhile:
    """The error for an upload that was withdrawn between its reading and its load."""
    return WithdrawnMeanwhile(
        f"{load.file_name} (upload {load.key}) was withdrawn after it had been read. "
        f"Nothing of batch {batch} was stored; materialise its ingestion_file again to "
        "load what is left of it."
    )


def missing_companies(missing: pl.Series, batch: str) -> PermanentError:
    """The error for symbols of a batch that are not in the register."""
    lacking = amount(len(missing), "company is", "companies are")
    return PermanentError(
        f"{lacking} not in the register, the first is {missing[0]}. "
        f"Materialise companies of batch {batch} first."
    )
