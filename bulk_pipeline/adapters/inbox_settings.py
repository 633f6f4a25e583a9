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
        description="Bytes of dropped files taken together; a larger file is a batch "
        "of its own.",
    )
