"""The settings of housekeeping: how long what has ended is kept."""

from pydantic import BaseModel, Field

LONGEST_DAYS = 36_500


class KeepingSettings(BaseModel):
    """What an operator decides about what is kept."""

    keep_days: int = Field(
        default=90,
        ge=1,
        le=LONGEST_DAYS,
        validation_alias="BULK_PIPELINE_KEEP_DAYS",
        description="Days after its end for which a batch keeps its files, chunks, "
        "reject files and partition.",
    )
    keep_batches: int = Field(
        default=20_000,
        ge=1,
        validation_alias="BULK_PIPELINE_KEEP_BATCHES",
        description="Batches kept at most, the youngest; one with refused files counts "
        "twice, as it has two partitions.",
    )
    keep_runs_days: int = Field(
        default=30,
        ge=1,
        le=LONGEST_DAYS,
        validation_alias="BULK_PIPELINE_KEEP_RUNS_DAYS",
        description="Days after its end for which a run stays in Dagster; one that "
        "shows a batch which is kept stays as long as that.",
    )
    keep_failed_days: int | None = Field(
        default=None,
        ge=1,
        le=LONGEST_DAYS,
        validation_alias="BULK_PIPELINE_KEEP_FAILED_DAYS",
        description="Days for which a failed file waits in failed/ for somebody; "
        "default: for ever.",
    )
    keep_reports: int = Field(
        default=20,
        ge=1,
        validation_alias="BULK_PIPELINE_KEEP_REPORTS",
        description="Performance reports kept in reports/, the youngest; a new one "
        "removes what is older.",
    )
