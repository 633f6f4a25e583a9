"""The model that scores: whether it can, and whether it scores as it should here."""

import json
from collections.abc import Iterator

import numpy as np

from bulk_pipeline.adapters.active_model import ACTIVE_FILE
from bulk_pipeline.adapters.home import Home
from bulk_pipeline.adapters.model_standing import probed, standing
from bulk_pipeline.adapters.model_store import load_model
from bulk_pipeline.adapters.references import reference_of
from bulk_pipeline.adapters.settings import Settings
from bulk_pipeline.core.errors import ModelRefused
from bulk_pipeline.core.findings import Area, Finding, failure, fine, warning
from bulk_pipeline.core.wording import amount

GOLDEN = (
    0.019420030816359617,
    0.04124789011485372,
    0.026672043275031636,
    0.021475734406879138,
    0.02301436331474053,
    0.03455126174722898,
    0.02396206102461079,
)
"""Probabilities of the shipped scorecard for ``model_card.PROBE_ROWS``, in their order.

They come from the system that this one replaces.
"""

TOLERANCE = 1e-9
"""Relative; processors may differ in the last digits."""


def model_findings(settings: Settings) -> Iterator[Finding]:
    """The model of the next load, tried on a few rows.

    Raises:
        ModelRefused: it cannot score.
    """
    try:
        found = standing(settings)
    except (json.JSONDecodeError, UnicodeDecodeError, TypeError) as error:
        yield failure(
            Area.MODEL,
            f"{Home(settings.home).models / ACTIVE_FILE} cannot be read "
            f"({type(error).__name__}).",
            "Run `bulk-pipeline model activate FILE`, or remove it to score with the "
            "shipped scorecard.",
        )
        return
    model = found.model
    scores = probed(model)
    since = "not active yet: the next load makes it so"
    if found.since is not None:
        since = f"active since {found.since:%Y-%m-%d %H:%M} UTC"
    named = ", named by BULK_PIPELINE_MODEL" if found.by_setting else ""
    yield fine(Area.MODEL, f"{model.name} ({model.kind}{named}), {since}")
    yield fine(Area.MODEL, f"sha256 {model.sha256}")
    yield from _reference_findings(settings, model.sha256)
    if model.sha256 != load_model().sha256:
        yield fine(Area.MODEL, f"It scores {scores.height} rows to try it on.")
        return
    yield judged_scores(scores["probability"].to_numpy())


def _reference_findings(settings: Settings, sha256: str) -> Iterator[Finding]:
    """What the batches are compared with."""
    make = "Make one: bulk-pipeline model reference FILE"
    try:
        found = reference_of(Home(settings.home), sha256)
    except ModelRefused as refusal:
        yield warning(Area.MODEL, f"No batch is compared: {refusal}", make)
        return
    if found is None:
        yield fine(Area.MODEL, f"It has no reference to compare batches with. {make}")
    else:
        what = f"Batches are compared with {amount(found.rows, 'row')}, {found.source}."
        yield fine(Area.MODEL, what)


def judged_scores(
    probabilities: np.ndarray[tuple[int], np.dtype[np.float64]],
) -> Finding:
    """Whether the shipped scorecard's scores are the known ones.

    Args:
        probabilities: (7,) of ``PROBE_ROWS``.
    """
    if np.allclose(probabilities, GOLDEN, rtol=TOLERANCE, atol=0):
        return fine(Area.MODEL, f"It gives {len(GOLDEN)} known scores as it should.")
    return failure(
        Area.MODEL,
        "The shipped scorecard gives other scores than it should.",
        "Its document or a library was changed: install the project again, and load "
        "nothing until this is gone.",
    )
