"""The settings of the upload API."""

from pydantic import BaseModel, Field


class ApiSettings(BaseModel):
    """What an operator decides about the upload API."""

    api_upload_bytes: int = Field(
        default=2 * 2**30,
        ge=1,
        validation_alias="BULK_PIPELINE_API_UPLOAD_BYTES",
        description="Largest file that the upload API takes.",
    )
    api_requests_per_minute: int = Field(
        default=600,
        ge=1,
        validation_alias="BULK_PIPELINE_API_REQUESTS_PER_MINUTE",
        description="Requests of one user, or of one address where there are no "
        "tokens, in a minute.",
    )
    dagster_url: str = Field(
        default="",
        pattern=r"^(https?://[^\s@]+)?$",
        validation_alias="BULK_PIPELINE_DAGSTER_URL",
        description="Address of the Dagster webserver that starts jobs for the upload "
        "API; default: that of `bulk-pipeline up` of this home.",
    )
