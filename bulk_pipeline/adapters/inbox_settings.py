"""The settings of the watched folder: what is taken from it, and what goes together."""

from pydantic import BaseModel, Field


class InboxSettings(BaseModel):
    """What an operator decides about dropped files."""

    quiet_seconds: float = Field(
        default=2.0,
        ge=0,
        validation_alias="BULK_PIPELINE_QUIET_SECONDS",
        description="How long nothing may have touched a dropped file before it is "
        "taken.",
    )
    inbox_pattern: str = Field(
        default="*",
        min_length=1,
        validation_alias="BULK_PIPELINE_INBOX_PATTERN",
        description="Which names in the inbox are taken, such as *.csv; case does "
        "not matter.",
    )
    inbox_seconds: float = Field(
        default=0.0,
        ge=0,
        validation_alias="BULK_PIPELINE_INBOX_SECONDS",
        description="Least time between two looks into the inbox, beyond the 5 "
        "seconds of Dagster's daemon.",
    )
    batch_files: int = Field(
        default=500,
        ge=1,
        validation_alias="BULK_PIPELINE_BATCH_FILES",
        description="Dropped files taken together at most.",
    )
    batch_bytes: int = Field(
        default=256 * 2**20,
        ge=1,
        validation_alias="BULK_PIPELINE_BATCH_BYTES",
        description="Bytes of dropped files taken together; a byte of a workbook or of "
        "a packed file counts as four.",
    )
    alone_bytes: int = Field(
        default=64 * 2**20,
        ge=1,
        validation_alias="BULK_PIPELINE_ALONE_BYTES",
        description="Bytes above which a dropped file is a batch of its own, behind "
        "the small ones that came with it; a byte of a workbook or of a packed file "
        "counts as four.",
    )
    quota_files: int | None = Field(
        default=None,
        ge=1,
        validation_alias="BULK_PIPELINE_QUOTA_FILES",
        description="Files of one subfolder in work at once; the others wait in the "
        "inbox. Default: no limit.",
    )
    quota_bytes: int | None = Field(
        default=None,
        ge=1,
        validation_alias="BULK_PIPELINE_QUOTA_BYTES",
        description="Bytes of one subfolder in work at once; a larger file is taken "
        "when nothing else of it is. Default: no limit.",
    )
