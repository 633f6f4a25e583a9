"""Boosted trees from a file: every node is checked before the first score.

scikit-learn follows the child and column numbers of a tree without looking, so a
crafted file could read foreign memory or end the process. skops leaves these trees
untrusted for that reason; here they are trusted only after this check.
"""

from typing import Any

import numpy as np
from sklearn._loss.loss import HalfBinomialLoss
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.ensemble._hist_gradient_boosting.binning import _BinMapper
from sklearn.ensemble._hist_gradient_boosting.common import PREDICTOR_RECORD_DTYPE
from sklearn.ensemble._hist_gradient_boosting.predictor import TreePredictor

from bulk_pipeline.core.errors import ModelRefused
from bulk_pipeline.core.schema import RATIOS

TREE_TYPE = f"{TreePredictor.__module__}.{TreePredictor.__name__}"


def require_sound_trees(model: Any) -> None:
    """Refuse boosted trees whose nodes lead outside their own arrays.

    Args:
        model: what a file with boosted trees held; not yet asked for anything.

    Raises:
        ModelRefused: trees inside another estimator, with foreign parts, or with a
            broken node; says which.
    """
    if type(model) is not HistGradientBoostingClassifier:
        raise ModelRefused(
            f"Boosted trees inside {type(model).__name__} are not read. Save the "
            "HistGradientBoostingClassifier itself: it takes missing ratios as they "
            "are."
        )
    held = vars(model)
    parts = (model, held.get("_loss"), held.get("_bin_mapper"))
    expected = (HistGradientBoostingClassifier, HalfBinomialLoss, _BinMapper)
    foreign = [
        kind.__name__
        for part, kind in zip(parts, expected, strict=True)
        if type(part) is not kind or _hides_a_method(part)
    ]
    if foreign or held.get("_in_fit") or held.get("_preprocessor") is not None:
        raise ModelRefused(
            "The boosted trees have parts that scikit-learn does not give to two "
            f"classes of plain numbers: {', '.join(foreign) or 'a preprocessor'}. "
            "Fit them on the five ratios, without categorical_features."
        )
    rounds = held.get("_predictors")
    trees = [tree for each in rounds for tree in each] if _is_rounds(rounds) else [None]
    if not all(_is_sound(tree) for tree in trees):
        raise ModelRefused(
            "A tree of the model has nodes that lead nowhere. Save the model again "
            "with this version of scikit-learn."
        )


def _hides_a_method(part: object) -> bool:
    """Whether an attribute stands in the way of a method of the part's class."""
    return any(callable(getattr(type(part), name, None)) for name in vars(part))


def _is_rounds(rounds: object) -> bool:
    """Whether these are boosting rounds of one tree each, as two classes have."""
    return type(rounds) is list and all(
        type(trees) is list and len(trees) == 1 for trees in rounds
    )


def _is_sound(tree: object) -> bool:
    """Whether every path through the tree ends in a leaf and reads our columns."""
    if type(tree) is not TreePredictor or _hides_a_method(tree):
        return False
    nodes = vars(tree).get("nodes")
    if type(nodes) is not np.ndarray or nodes.dtype != PREDICTOR_RECORD_DTYPE:
        return False
    if nodes.ndim != 1 or not nodes.size:
        return False
    place = np.arange(nodes.size)[nodes["is_leaf"] == 0]
    inner = nodes[place]
    forward = [
        (inner[side] > place) & (inner[side] < nodes.size) for side in ("left", "right")
    ]
    columns = (inner["feature_idx"] >= 0) & (inner["feature_idx"] < len(RATIOS))
    return bool(np.all(forward) and columns.all() and not inner["is_categorical"].any())
