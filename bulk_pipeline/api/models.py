"""What the upload API takes and answers, as OpenAPI describes it."""

from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from bulk_pipeline.adapters.sample_loads import MOST_FILES

MOST_RECORDS = 100_000_000
MOST_BATCH_ROWS = 1_000_000
MOST_WORKERS = 8
MOST_SEED = 2**53 - 1  # the largest number that a page's JSON holds exactly

UploadState = Literal[
    "received",
    "claimed",
    "waiting",
    "running",
    "loaded",
    "repeated",
    "failed",
    "withdrawn",
]
"""``received``: whole in the inbox, and not taken from it yet."""
ListFormat = Literal["csv", "xlsx"]
ResultFormat = Literal["csv", "xlsx", "parquet"]
Count = Annotated[int, Field(ge=0)]


class Problem(BaseModel):
    """Why a request was refused, and what to do about it."""

    detail: str = Field(description="What is wrong, in one or two sentences.")
    cure: str = Field(description="What to do about it.")


class Accepted(BaseModel):
    """A file that is whole in the inbox."""

    key: str = Field(description="Key of the upload, unique for ever.")
    file: str = Field(description="The name that its user gave it, made harmless.")
    bytes: Count
    state: Literal["received"] = "received"
    status_url: str = Field(description="Path that tells what became of it.")


class Launched(BaseModel):
    """A run that Dagster has queued or begun."""

    run_id: str
    job: str
    run_url: str = Field(description="Address of the run in the Dagster UI.")


class Upload(BaseModel):
    """One upload and what became of it; counts are 0 until it has been loaded."""

    key: str
    file: str
    bytes: Count
    state: UploadState
    submitted_by: str = Field(description='Subfolder of the inbox; "" for the inbox.')
    received_at: datetime = Field(description="When it came or was claimed, UTC.")
    changed_at: datetime = Field(description="When its state last changed, UTC.")
    message: str = Field(description='Why it is in its state; "" where that is plain.')
    batch: str = Field(description='Key of its batch; "" before the claim.')
    retry_of: str = Field(description='Key of the failed upload it stands for, or "".')
    attempts: Count = Field(description="Runs that were started for its batch.")
    rows_read: Count
    inserted: Count
    updated: Count
    duplicates: Count = Field(description="Conflicting ones included.")
    duplicates_conflicting: Count
    rejected: Count
    rejected_by_reason: dict[str, int]
    warnings: list[str]
    seconds: float = Field(description="From file opened to commit, of its batch.")
    rows_per_second: float
    tier: str
    run_id: str
    status_url: str
    run_url: str | None = Field(description="In the Dagster UI; null where unknown.")
    rejects_url: str | None = Field(description="Null where no row is listed.")
    results_url: str | None = Field(description="Null unless its rows are stored.")


class Uploads(BaseModel):
    """A page of uploads: first those received and not yet claimed, then the newest."""

    uploads: list[Upload]
    total: Count = Field(description="Uploads in all, on all pages.")
    limit: int
    offset: int
    next: str | None = Field(description="Path of the next page; null on the last.")


class Limits(BaseModel):
    """What the API takes, so that a page can say so before it sends anything."""

    upload_bytes: int = Field(description="Largest file that is taken, in bytes.")
    pattern: str = Field(description="Which names are taken; case does not matter.")
    user: str = Field(description="Whose uploads these are; their inbox subfolder.")


class Metrics(BaseModel):
    """The figures of one load: a row of the table ``run_metrics``."""

    batch: str
    run_id: str
    finished_at: datetime
    rows_read: Count
    inserted: Count
    updated: Count
    duplicates: Count
    duplicates_conflicting: Count
    rejected: Count
    rows_written: Count
    seconds: float
    stages: dict[str, float] = Field(description="Seconds by stage.")
    rows_per_second: float
    tier: str
    peak_memory_bytes: Count
    cpu_percent: float


class Check(BaseModel):
    """Whether one thing that the API needs is there."""

    ok: bool
    detail: str
    cure: str


class Health(BaseModel):
    """Whether the API can do its work."""

    status: Literal["ok", "failing"]
    database: Check
    journal: Check
    dagster: Check


class DummyDataRequest(BaseModel):
    """How many rows of dummy data to make."""

    model_config = ConfigDict(extra="forbid", strict=True)

    num_records: int = Field(ge=1, le=MOST_RECORDS)
    batch_size: int = Field(
        default=50_000,
        ge=1,
        le=MOST_BATCH_ROWS,
        description=f"Rows of each file; at most {MOST_FILES:,} files.",
    )
    seed: int = Field(
        default=0,
        ge=0,
        le=MOST_SEED,
        description="Another seed, other rows; the same one stores nothing new.",
    )

    @model_validator(mode="after")
    def _require_few_files(self) -> Self:
        if self.num_records > self.batch_size * MOST_FILES:
            raise ValueError(f"num_records is more than {MOST_FILES:,} batches")
        return self


class SyncRequest(BaseModel):
    """How a synchronisation is to work; what is left out is as the settings say."""

    model_config = ConfigDict(extra="forbid", strict=True)

    batch_size: int | None = Field(default=None, ge=1, le=MOST_BATCH_ROWS)
    parallel_workers: int | None = Field(default=None, ge=1, le=MOST_WORKERS)
