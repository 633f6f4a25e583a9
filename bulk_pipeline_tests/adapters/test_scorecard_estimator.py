"""The scorecard as a scikit-learn pipeline, against its compiled form."""

import hashlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bulk_pipeline.adapters.model_store import estimator, load_model, save_estimator
from bulk_pipeline.core.schema import RATIOS
from bulk_pipeline_tests.adapters.fitted import RATIO_ROWS, some_ratios

SCORECARD = load_model().scorer
PIPELINE = estimator(SCORECARD)


@settings(max_examples=25, deadline=None)
@given(rows=st.integers(1, 300), seed=st.integers(0, 2**32 - 1))
def test_the_estimator_and_the_compiled_form_are_one_model(rows, seed):
    """The one explains the scores that the other stored."""
    ratios = some_ratios(rows, seed)
    found = PIPELINE.predict_proba(ratios)[:, 1]
    np.testing.assert_allclose(found, SCORECARD.probabilities(ratios), rtol=1e-12)


@pytest.mark.parametrize("value", [0.0, -1.0, 1.54, 32.0, 275_304.0, 1e8, np.inf])
def test_the_estimator_bins_bounds_as_the_compiled_form_does(value):
    """Random values never meet a bound, and users' rounded ones do."""
    ratios = np.full((1, len(RATIOS)), value)
    found = PIPELINE[0].fit(ratios).transform(ratios)
    line = PIPELINE[1]
    z = found @ line.coef_[0] + line.intercept_
    np.testing.assert_allclose(
        1 / (1 + np.exp(-z)), SCORECARD.probabilities(ratios), rtol=1e-12
    )


def test_the_scorecards_estimator_survives_its_file(tmp_path):
    """A team may take the shipped model into its own tools and back."""
    path = tmp_path / "annual.skops"
    digest = save_estimator(PIPELINE, path)
    model = load_model(path)
    assert (model.name, model.kind, model.document) == ("annual", "skops", None)
    assert model.sha256 == digest == hashlib.sha256(path.read_bytes()).hexdigest()
    np.testing.assert_allclose(
        model.probabilities(RATIO_ROWS),
        SCORECARD.probabilities(RATIO_ROWS),
        rtol=1e-12,
    )
