"""The settings of synchronisation: which two databases, and how carefully."""

from pydantic import BaseModel, Field, SecretStr


class SyncSettings(BaseModel):
    """What an operator decides about the second database; ``repr`` hides passwords."""

    sync_source: SecretStr | None = Field(
        default=None,
        validation_alias="BULK_PIPELINE_SYNC_SOURCE",
        description="SQLAlchemy URL of the database that is copied; default: the "
        "target database.",
    )
    sync_target: SecretStr | None = Field(
        default=None,
        validation_alias="BULK_PIPELINE_SYNC_TARGET",
        description="SQLAlchemy URL of the database that is kept equal to it.",
    )
    sync_source_password: SecretStr | None = Field(
        default=None,
        validation_alias="BULK_PIPELINE_SYNC_SOURCE_PASSWORD",
        description="Password of the user in BULK_PIPELINE_SYNC_SOURCE, where the URL "
        "has none.",
    )
    sync_target_password: SecretStr | None = Field(
        default=None,
        validation_alias="BULK_PIPELINE_SYNC_TARGET_PASSWORD",
        description="Password of the user in BULK_PIPELINE_SYNC_TARGET, where the URL "
        "has none.",
    )
    sync_delete: bool = Field(
        default=True,
        validation_alias="BULK_PIPELINE_SYNC_DELETE",
        description="Whether a synchronisation deletes rows that the source does not "
        "have.",
    )
