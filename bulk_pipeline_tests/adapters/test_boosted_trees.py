"""Boosted trees are trusted only after every node has been looked at."""

import numpy as np
import pytest
from sklearn.ensemble import BaggingClassifier, HistGradientBoostingClassifier
from sklearn.ensemble._hist_gradient_boosting.common import PREDICTOR_RECORD_DTYPE

from bulk_pipeline.adapters.boosted_trees import require_sound_trees
from bulk_pipeline.core.errors import ModelRefused
from bulk_pipeline_tests.adapters.fitted import (
    DEFAULTED,
    RATIO_ROWS,
    boosted,
    refusal,
)


def test_boosted_trees_inside_another_estimator_are_refused(tmp_path):
    """Only the outermost trees can be checked node by node."""
    bag = BaggingClassifier(HistGradientBoostingClassifier(max_iter=2), n_estimators=2)
    found = refusal(bag.fit(RATIO_ROWS, DEFAULTED), tmp_path)
    assert "inside BaggingClassifier" in found


def test_boosted_trees_with_categories_are_refused(tmp_path):
    """A ratio is no category."""
    whole = np.nan_to_num(RATIO_ROWS).round(-1).clip(0, 100)
    model = HistGradientBoostingClassifier(max_iter=2, categorical_features=[0])
    assert "not trusted" in refusal(model.fit(whole, DEFAULTED), tmp_path)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("left", 4_000_000),
        ("right", 0),
        ("feature_idx", 5),
        ("feature_idx", -1),
        ("is_categorical", 1),
    ],
)
def test_a_crafted_tree_is_refused_before_it_scores(field, value, tmp_path):
    """scikit-learn follows node numbers unchecked: the process would end."""
    model = boosted()
    model._predictors[1][0].nodes[field][0] = value
    assert "nodes that lead nowhere" in refusal(model, tmp_path)


@pytest.mark.parametrize(
    "nodes", [None, np.zeros(3), np.zeros(0, PREDICTOR_RECORD_DTYPE)]
)
def test_a_tree_of_another_build_is_refused(nodes):
    """Foreign arrays in the place of nodes would be read as nodes."""
    model = boosted()
    model._predictors[0][0].nodes = nodes
    with pytest.raises(ModelRefused):
        require_sound_trees(model)


@pytest.mark.parametrize(
    ("attribute", "value"),
    [
        ("_predictors", None),
        ("_predictors", [[]]),
        ("_predictors", [["tree"]]),
        ("_loss", "none"),
        ("_in_fit", True),
        ("_preprocessor", "another model"),
        ("_raw_predict", print),
    ],
)
def test_boosted_trees_with_a_foreign_part_are_refused(attribute, value):
    """An exchanged part would run in the place of the one that was checked."""
    model = boosted()
    vars(model)[attribute] = value
    with pytest.raises(ModelRefused):
        require_sound_trees(model)
