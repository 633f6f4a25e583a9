"""The settings of the checks that watch how a batch compares, and of a quiet inbox."""

from pydantic import BaseModel, Field

LARGE_INDEX = 0.25
"""Above it a population is another one. Source: see ``core.stability.MODERATE``."""


class QualitySettings(BaseModel):
    """What an operator decides about the quality of data over time. Nothing stops."""

    warn_placeholder_share: float = Field(
        default=0.01,  # 19 of 49,500 cells of the real rows hold it, 0.0004
        ge=0,
        le=1,
        validation_alias="BULK_PIPELINE_WARN_PLACEHOLDER_SHARE",
        description="Share of cells of one ratio that hold 100000000, above which a "
        "check warns.",
    )
    warn_ratio_psi: float = Field(
        default=LARGE_INDEX,
        ge=0,
        allow_inf_nan=False,
        validation_alias="BULK_PIPELINE_WARN_RATIO_PSI",
        description="Population stability index of one ratio against the model's "
        "reference, above which a check warns.",
    )
    warn_score_psi: float = Field(
        default=LARGE_INDEX,
        ge=0,
        allow_inf_nan=False,
        validation_alias="BULK_PIPELINE_WARN_SCORE_PSI",
        description="The same of the scores.",
    )
    drift_rows: int = Field(
        # Sixty made-up batches of 1,000 rows of 40 companies, drawn like the reference:
        # the largest index is 0.18. Of 250 rows of 10 companies it is 0.62.
        default=1_000,
        ge=1,
        validation_alias="BULK_PIPELINE_DRIFT_ROWS",
        description="Rows of a batch below which its indexes are shown and nobody is "
        "warned: few rows differ by chance.",
    )
    inbox_fresh_hours: float | None = Field(
        default=None,
        gt=0,
        allow_inf_nan=False,
        validation_alias="BULK_PIPELINE_INBOX_FRESH_HOURS",
        description="Hours without a new file after which people are told. Default: "
        "nobody expects any.",
    )
