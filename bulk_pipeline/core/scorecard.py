"""The scorecard: ratios to bins, bins to default rates, rates to a probability.

The figures come from a model document; only the rule is here. Reading a document
from a file or the package belongs to the adapters.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import polars as pl
from numpy.typing import NDArray

from bulk_pipeline.core import fields
from bulk_pipeline.core.bins import Feature, bin_terms, coefficient, edges_at_or_above
from bulk_pipeline.core.errors import ModelRefused
from bulk_pipeline.core.risk import LevelThresholds
from bulk_pipeline.core.schema import RATIOS

SCHEMA = "bulk_pipeline.scorecard/1"
"""The layout that this version reads."""

_ROWS_A_SPAN = 32_768  # a column of a span and its codes fit the processor's cache


@dataclass(frozen=True, slots=True)
class Scorecard:
    """A logistic regression on binned default rates; one score never needs another."""

    name: str
    intercept: float
    features: tuple[Feature, ...]
    levels: LevelThresholds

    def __post_init__(self) -> None:
        found = tuple(feature.ratio for feature in self.features)
        if found != RATIOS:
            raise ModelRefused(
                f"The features must be {', '.join(RATIOS)}, in that order; found "
                f"{', '.join(found) or 'none'}."
            )

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Self:
        """The scorecard that a model document describes.

        Args:
            document: parsed JSON in the layout ``SCHEMA``; ``description`` is for
                readers and is not kept.

        Raises:
            ModelRefused: a key is absent, unknown or of the wrong kind, a number is
                not finite or out of range, bins do not ascend, or the features are
                not our ratios in our order; names the place and the fault.
        """
        keys = ("schema", "name", "description", "levels", "intercept", "features")
        top = fields.mapping(document, keys, "The document")
        if top["schema"] != SCHEMA:
            raise ModelRefused(
                f"The document's schema is {top['schema']!r}, and this version reads "
                f"{SCHEMA!r}. Write it in that layout."
            )
        fields.text(top["description"], "description")
        levels = fields.mapping(top["levels"], ("medium", "high", "critical"), "levels")
        return cls(
            name=fields.text(top["name"], "name"),
            intercept=coefficient(top["intercept"], "intercept"),
            features=tuple(
                Feature.from_document(item, f"features[{position}]")
                for position, item in enumerate(
                    fields.sequence(top["features"], "features")
                )
            ),
            levels=LevelThresholds(
                **{key: fields.number(levels[key], f"levels.{key}") for key in levels}
            ),
        )

    def probabilities(self, ratios: NDArray[np.float64]) -> NDArray[np.float64]:
        """Probability that each company defaults within twelve months.

        Args:
            ratios: (n, 5) in the order of ``schema.RATIOS``, each in its own unit;
                NaN is missing, n may be 0. Cleaning rejects infinities; one that
                comes all the same falls like any other number that large. The
                array is not changed.

        Returns:
            (n,) in [0, 1], in row order: 1 / (1 + exp(-z)) with z = intercept + the
            sum of coefficient · rate over the features.

        Raises:
            ModelRefused: the matrix has no five columns; gives its shape.
        """
        if ratios.shape[1:] != (len(RATIOS),):
            raise ModelRefused(
                f"The matrix has shape {ratios.shape}. Give one column for each of "
                f"{', '.join(RATIOS)}."
            )
        terms = [bin_terms(feature) for feature in self.features]
        scores = np.empty(len(ratios))
        for start in range(0, len(ratios), _ROWS_A_SPAN):
            span = slice(start, start + _ROWS_A_SPAN)
            scores[span] = self._span(ratios[span], terms)
        return scores

    def _span(
        self, ratios: NDArray[np.float64], terms: Sequence[NDArray[np.float64]]
    ) -> NDArray[np.float64]:
        """Probabilities of a few rows, (n,), from the terms of each bin."""
        z = np.zeros(len(ratios))
        for position, feature in enumerate(self.features):
            column = np.ascontiguousarray(ratios[:, position])
            z += terms[position][edges_at_or_above(column, feature.edges)]
        z += self.intercept
        with np.errstate(over="ignore"):  # exp(-z) may be inf: the probability is 0
            scores: NDArray[np.float64] = 1.0 / (1.0 + np.exp(-z))
        return scores


def ratio_matrix(rows: pl.DataFrame) -> NDArray[np.float64]:
    """The five ratios as the matrix that models take.

    Args:
        rows: n rows with at least the columns ``schema.RATIOS``, numeric; null and
            NaN are missing.

    Returns:
        (n, 5) float64 in column-major order, NaN where missing; treat it as
        read-only, it may share the frame's memory.

    Raises:
        polars.exceptions.ColumnNotFoundError: a ratio is absent; names it.
    """
    return rows.select(pl.col(RATIOS).cast(pl.Float64)).to_numpy(order="fortran")
