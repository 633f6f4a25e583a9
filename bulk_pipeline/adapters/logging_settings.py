"""The settings of logging."""

from typing import Literal

from pydantic import BaseModel, Field

from bulk_pipeline.adapters.user_paths import UserPath


class LoggingSettings(BaseModel):
    """What an operator decides about the log."""

    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        default="WARNING",
        validation_alias="BULK_PIPELINE_LOG_LEVEL",
        description="Least severity that is logged: DEBUG, INFO, WARNING or ERROR.",
    )
    log_file: UserPath | None = Field(
        default=None,
        validation_alias="BULK_PIPELINE_LOG_FILE",
        description="File that the log goes to as well, with older parts beside it; "
        "default: none.",
    )
