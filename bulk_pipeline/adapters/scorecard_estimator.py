"""A scorecard as a scikit-learn pipeline, for whoever wants to see it as one.

Importing this imports scikit-learn: only ``model_store`` does so, and late. Scoring
with a JSON scorecard never comes here.
"""

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline

from bulk_pipeline.core.schema import RATIOS
from bulk_pipeline.core.scorecard import Scorecard


class BinRateTransformer(TransformerMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no stubs
    """Puts the historic default rate of its bin in the place of each ratio.

    All figures are given; ``fit`` learns nothing, so a row's rates never depend on
    the rows beside it.

    Args:
        edges: upper bounds of each ratio's bins, ascending, the last infinite.
        rates: default rate below each edge, fractions.
        missing_rates: default rate of a missing ratio, one a ratio, fractions.
    """

    def __init__(
        self,
        edges: Sequence[Sequence[float]],
        rates: Sequence[Sequence[float]],
        missing_rates: Sequence[float],
    ) -> None:
        self.edges = edges
        self.rates = rates
        self.missing_rates = missing_rates

    @property
    def n_features_in_(self) -> int:
        """How many ratios it takes."""
        return len(self.edges)

    def fit(self, X: Any, y: Any = None) -> Self:  # noqa: N803  # scikit-learn's names
        """Nothing to learn; scikit-learn's pipelines ask for it."""
        del X, y
        return self

    def transform(self, X: Any) -> NDArray[np.float64]:  # noqa: N803  # scikit-learn's name
        """Default rates, (n, k) float64, of ratios, (n, k) with NaN for missing."""
        ratios = np.asarray(X, dtype=np.float64)
        rates = np.empty_like(ratios)
        for position, edges in enumerate(self.edges):
            column = ratios[:, position]
            # NaN sorts after infinity, so its place is after the last edge
            places = np.searchsorted(np.asarray(edges), column, side="left")
            by_place = (*self.rates[position], self.missing_rates[position])
            rates[:, position] = np.asarray(by_place)[places]
        return rates

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.requires_fit = False
        return tags


def pipeline(scorecard: Scorecard) -> Pipeline:
    """A classifier that gives the scorecard's probabilities.

    Returns:
        A fitted pipeline; ``predict_proba`` takes ratios, (n, 5) with NaN for
        missing, and its second column, class 1, is the probability of default.
    """
    features = scorecard.features
    regression = LogisticRegression(C=1.0)
    regression.classes_ = np.array([0, 1])
    regression.coef_ = np.array([[feature.coefficient for feature in features]])
    regression.intercept_ = np.array([scorecard.intercept])
    regression.n_features_in_ = len(RATIOS)
    rates = BinRateTransformer(
        edges=[list(feature.edges) for feature in features],
        rates=[list(feature.rates) for feature in features],
        missing_rates=[feature.missing_default_rate for feature in features],
    )
    return Pipeline([("rates", rates), ("regression", regression)])
