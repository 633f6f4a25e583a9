"""Models for tests: scorecards that differ from the shipped one in known ways."""

import json
import math
from pathlib import Path

from bulk_pipeline.adapters.model_store import load_model

STRICTER_INTERCEPT = -3.0
STRICTER_LEVELS = {"medium": 0.05, "high": 0.07, "critical": 0.1}
"""With these every level but LOW occurs."""


def shipped_intercept() -> float:
    """The intercept of the shipped scorecard."""
    return float(json.loads(load_model().document or "")["intercept"])


def stricter(folder: Path, name: str = "stricter") -> Path:
    """A file with the shipped scorecard but another intercept and other levels."""
    document = json.loads(load_model().document or "")
    changed = {"name": name, "intercept": STRICTER_INTERCEPT, "levels": STRICTER_LEVELS}
    path = folder / f"{name}.json"
    path.write_text(json.dumps({**document, **changed}))
    return path


def moved(probability: float) -> float:
    """What the stricter scorecard gives where the shipped one gives this."""
    z = math.log(probability / (1 - probability))
    return 1 / (1 + math.exp(-(z + STRICTER_INTERCEPT - shipped_intercept())))
