"""Fitted classifiers to save, and the way through their files."""

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from bulk_pipeline.adapters.model_store import load_model, save_estimator
from bulk_pipeline.core.errors import ModelRefused
from bulk_pipeline.core.schema import RATIOS


def some_ratios(rows, seed=0):
    """Ratios of the usual size, one in five missing."""
    random = np.random.default_rng(seed)
    ratios = random.normal(10, 25, (rows, len(RATIOS)))
    ratios[random.random(ratios.shape) < 0.2] = np.nan
    return ratios


RATIO_ROWS = some_ratios(400)
DEFAULTED = (np.nan_to_num(RATIO_ROWS[:, 0]) > 10).astype(int)


def boosted(classes=DEFAULTED, **options):
    """A fitted classifier that takes missing ratios as they are."""
    trees = HistGradientBoostingClassifier(max_iter=3, **options)
    return trees.fit(RATIO_ROWS, classes)


def imputed():
    """A fitted linear classifier behind an imputer."""
    line = make_pipeline(SimpleImputer(), LogisticRegression())
    return line.fit(RATIO_ROWS, DEFAULTED)


def load_saved(model, tmp_path):
    """A model after its file."""
    path = tmp_path / "candidate.skops"
    save_estimator(model, path)
    return load_model(path)


def refusal(model, tmp_path):
    """Why a saved model is refused."""
    with pytest.raises(ModelRefused) as refused:
        load_saved(model, tmp_path)
    return str(refused.value)
