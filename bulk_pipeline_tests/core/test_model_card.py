"""What a scorecard can say, in words and figures that people decide by."""

import math
from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from bulk_pipeline.adapters.model_store import load_model
from bulk_pipeline.core.bins import Feature
from bulk_pipeline.core.model_card import (
    PROBE_ROWS,
    bins_in_words,
    possible_levels,
    probability_range,
)
from bulk_pipeline.core.risk import LevelThresholds
from bulk_pipeline.core.scorecard import Scorecard, ratio_matrix


@pytest.fixture(scope="module")
def shipped() -> Scorecard:
    """The shipped scorecard."""
    scorer = load_model().scorer
    assert isinstance(scorer, Scorecard)
    return scorer


def test_the_range_is_that_of_every_combination_of_bins(shipped) -> None:
    """Whoever reads that HIGH cannot occur decides by it."""
    values = [(*f.edges, math.nan) for f in shipped.features]
    scores = shipped.probabilities(np.array(list(product(*values))))
    assert probability_range(shipped) == (scores.min(), scores.max())
    assert probability_range(shipped) == pytest.approx((0.019137, 0.041248), abs=1e-6)


def test_a_negative_coefficient_turns_its_bins_around(shipped) -> None:
    """The highest rate may be the best one."""
    first = replace(shipped.features[0], coefficient=-5.0)
    turned = replace(shipped, features=(first, *shipped.features[1:]))
    values = [(*f.edges, math.nan) for f in turned.features]
    scores = turned.probabilities(np.array(list(product(*values))))
    assert probability_range(turned) == (scores.min(), scores.max())


@pytest.mark.parametrize(
    ("lowest", "highest", "levels"),
    [
        (0.0191, 0.0412, ("LOW", "MEDIUM")),
        (0.02, 0.02, ("MEDIUM",)),
        (0.0, 1.0, ("LOW", "MEDIUM", "HIGH", "CRITICAL")),
        (0.05, 0.15, ("HIGH",)),
    ],
)
def test_levels_outside_the_range_are_left_out(lowest, highest, levels) -> None:
    """An alarm on a level that never comes is no alarm."""
    assert possible_levels(lowest, highest, LevelThresholds()) == levels


def test_every_bin_is_said_with_its_rate(shipped) -> None:
    """A reader must find the bin of a company by eye."""
    words = bins_in_words(shipped.features[0])
    assert [text for text, _ in words] == [
        "up to 32",
        "above 32 up to 38.33",
        "above 38.33 up to 44.65",
        "above 44.65 up to 63.41",
        "above 63.41",
        "missing",
    ]
    assert words[-1][1] == shipped.features[0].missing_default_rate


def test_what_lies_above_every_bin_has_the_first_rate(shipped) -> None:
    """That rule is the one that nobody guesses."""
    words = dict(bins_in_words(shipped.features[3]))
    assert words["above 275304"] == words["up to 2.303"]


def test_a_ratio_with_one_bin_takes_any_number() -> None:
    """A model may have no use for a ratio."""
    feature = Feature("return_on_assets", 1.0, None, (None,), (0.1,), 0.2)
    assert bins_in_words(feature) == [("any number", 0.1), ("missing", 0.2)]


def test_the_rows_to_try_have_every_kind_of_gap(shipped) -> None:
    """A model that cannot take a missing ratio must be found out before a load."""
    missing = np.isnan(ratio_matrix(PROBE_ROWS))
    assert missing.all(axis=1).any()
    assert (~missing).all(axis=1).any()
    assert shipped.probabilities(ratio_matrix(PROBE_ROWS))[0] == pytest.approx(
        0.019420030816359617, rel=1e-12
    )
