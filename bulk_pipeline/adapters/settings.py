"""Every setting of the project in one object, read from the environment.

Settings are read when a run or a command starts, never at import. The one
variable that is read when definitions load is ``BULK_PIPELINE_EXECUTOR``.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, Self

from pydantic import ConfigDict, Field, ValidationError

from bulk_pipeline.adapters.alert_settings import AlertSettings
from bulk_pipeline.adapters.api_settings import ApiSettings
from bulk_pipeline.adapters.database_settings import DatabaseSettings, ReplicaSettings
from bulk_pipeline.adapters.inbox_settings import InboxSettings
from bulk_pipeline.adapters.keeping_settings import KeepingSettings
from bulk_pipeline.adapters.logging_settings import LoggingSettings
from bulk_pipeline.adapters.quality_settings import QualitySettings
from bulk_pipeline.adapters.reading_settings import ReadingSettings
from bulk_pipeline.adapters.scale_settings import CelerySettings, ScaleSettings
from bulk_pipeline.adapters.sync_settings import SyncSettings
from bulk_pipeline.adapters.user_paths import UserPath
from bulk_pipeline.core.errors import ConfigurationError

EXECUTOR_VARIABLE = "BULK_PIPELINE_EXECUTOR"


class Settings(
    DatabaseSettings,
    ReplicaSettings,
    ReadingSettings,
    InboxSettings,
    KeepingSettings,
    QualitySettings,
    AlertSettings,
    SyncSettings,
    CelerySettings,
    ScaleSettings,
    ApiSettings,
    LoggingSettings,
):
    """What an operator decides. ``repr`` shows no password."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    home: UserPath = Field(
        default=Path("~/.bulk_pipeline"),
        validation_alias="BULK_PIPELINE_HOME",
        description="Folder of landed files, chunks, rejects, journal and database.",
    )
    batch_size: int = Field(
        default=50_000,
        ge=1,
        le=1_000_000,
        validation_alias="ULTRA_BATCH_SIZE",
        description="Rows per chunk and per bulk batch.",
    )
    workers: int = Field(
        default_factory=lambda: min(os.cpu_count() or 1, 8),
        ge=1,
        le=8,
        validation_alias="ULTRA_PARALLEL_WORKERS",
        description="Score spans of a batch and bulk copies at once, 1 to 8; default: "
        "the number of cores.",
    )
    on_conflict: Literal["skip", "update"] = Field(
        default="skip",
        validation_alias="BULK_PIPELINE_ON_CONFLICT",
        description="A stored row with other values: keep it (skip) or replace it "
        "and keep the old one in the history (update).",
    )
    companies: Literal["keep", "overwrite"] = Field(
        default="keep",
        validation_alias="BULK_PIPELINE_COMPANIES",
        description="A known company: fill its blanks (keep) or take the file's name, "
        "sector and market value (overwrite).",
    )
    blank_quarter: Literal["Q1", "Q2", "Q3", "Q4", "FY"] = Field(
        default="Q4",
        validation_alias="BULK_PIPELINE_BLANK_QUARTER",
        description="Reporting quarter of rows that give none.",
    )
    model: UserPath | None = Field(
        default=None,
        validation_alias="BULK_PIPELINE_MODEL",
        description="Model document (.json) or file (.skops); default: the shipped "
        "scorecard.",
    )
    warn_rejected_share: float = Field(
        default=0.01,
        ge=0,
        le=1,
        validation_alias="BULK_PIPELINE_WARN_REJECTED_SHARE",
        description="Share of rejected rows above which a check warns.",
    )
    warn_missing_share: float = Field(
        default=0.5,
        ge=0,
        le=1,
        validation_alias="BULK_PIPELINE_WARN_MISSING_SHARE",
        description="Share of rows with a missing ratio above which a check warns.",
    )
    warn_implausible_share: float = Field(
        default=0.05,
        ge=0,
        le=1,
        validation_alias="BULK_PIPELINE_WARN_IMPLAUSIBLE_SHARE",
        description="Share of rows with an implausible ratio above which a check "
        "warns.",
    )

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> Self:
        """Settings of this process; a variable set to nothing counts as not set.

        Args:
            environment: variables; the process's own when None.

        Raises:
            ConfigurationError: names each variable that cannot be used, and why.
        """
        variables = os.environ if environment is None else environment
        given = {name: value for name, value in variables.items() if value.strip()}
        try:
            settings = cls.model_validate(given)
        except ValidationError as error:
            # The message leaves out the values: one of them may hold a password.
            faults = "; ".join(
                f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}"
                for fault in error.errors(include_input=False, include_url=False)
            )
            raise ConfigurationError(
                f"Settings cannot be used: {faults}. Correct or unset them."
            ) from None
        home = settings.home.expanduser().absolute()
        return settings.model_copy(update={"home": home})

    @classmethod
    def variables(cls) -> dict[str, str]:
        """Each environment variable and what it decides, in order of declaration."""
        return {
            str(field.validation_alias): field.description or ""
            for field in cls.model_fields.values()
        }
