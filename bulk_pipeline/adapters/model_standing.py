"""Which model scores and why, and how a model does on rows to try it on."""

from dataclasses import dataclass
from datetime import UTC, datetime

import polars as pl

from bulk_pipeline.adapters.active_model import (
    ACTIVE_FILE,
    active_model,
    wanted_model,
)
from bulk_pipeline.adapters.home import Home
from bulk_pipeline.adapters.model_store import Model
from bulk_pipeline.adapters.settings import Settings
from bulk_pipeline.core.errors import ConfigurationError
from bulk_pipeline.core.model_card import PROBE_ROWS
from bulk_pipeline.core.risk import scored
from bulk_pipeline.core.scorecard import ratio_matrix

MODEL_VARIABLE = "BULK_PIPELINE_MODEL"


@dataclass(frozen=True, slots=True)
class Standing:
    """The model that scores the next load.

    Attributes:
        model: it.
        since: when it was made the active one of this home; None if it is not yet,
            and the next run does it.
        by_setting: whether ``BULK_PIPELINE_MODEL`` names it.
    """

    model: Model
    since: datetime | None
    by_setting: bool


def standing(settings: Settings) -> Standing:
    """The model that scores the next load, and since when; changes nothing.

    Raises:
        ModelRefused: it cannot score; names the fault.
    """
    model = wanted_model(settings)
    home = Home(settings.home)
    active = active_model(home)
    since = None
    if active is not None and active.sha256 == model.sha256:
        changed = (home.models / ACTIVE_FILE).stat().st_mtime
        since = datetime.fromtimestamp(changed, UTC)
    return Standing(model, since, settings.model is not None)


def require_no_other_setting(settings: Settings, model: Model) -> None:
    """Refuse a model where the environment names another one, which would win.

    Raises:
        ConfigurationError: names the setting and both ways out.
    """
    if settings.model is None or wanted_model(settings).sha256 == model.sha256:
        return
    raise ConfigurationError(
        f"{MODEL_VARIABLE} is set to {settings.model}, and the setting wins: every run "
        f"would go back to that model. {model.name} was not activated. Unset "
        f"{MODEL_VARIABLE}, or set it to the file that you want."
    )


def probed(model: Model) -> pl.DataFrame:
    """The rows to try a model on with their probability, level and confidence.

    Raises:
        ModelRefused: the model does not return one probability a row.
    """
    probabilities = model.probabilities(ratio_matrix(PROBE_ROWS))
    return scored(PROBE_ROWS, probabilities, model.thresholds)
