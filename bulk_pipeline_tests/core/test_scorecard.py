"""The scorecard's rule, its golden vectors and what a document must hold."""

import copy
import json
import math
from importlib.resources import files

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bulk_pipeline.core import scorecard as scorecard_module
from bulk_pipeline.core.errors import ModelRefused
from bulk_pipeline.core.risk import LevelThresholds
from bulk_pipeline.core.schema import RATIOS
from bulk_pipeline.core.scorecard import Scorecard, ratio_matrix

NO = math.nan
GOLDEN = [
    ((5.22, 0.227, 10.111, 62.886, 13.152), 0.019420030816359617),
    ((70.0, 6.0, -5.0, 1.0, -3.0), 0.04124789011485372),
    ((0.0, 0.0, 0.0, 0.0, 0.0), 0.026672043275031636),
    ((NO, NO, NO, NO, NO), 0.021475734406879138),
    ((35.0, 2.5, 4.0, 5.0, 4.0), 0.02301436331474053),
    ((120.0, -3.0, -150.0, -9.0, -120.0), 0.03455126174722898),
    ((NO, NO, -24.182, 74.333, NO), 0.02396206102461079),
]
DOCUMENT = json.loads(
    files("bulk_pipeline.data").joinpath("scorecard.json").read_text()
)
SCORECARD = Scorecard.from_document(DOCUMENT)


def with_change(*path, value):
    """The shipped document with one value in another's place."""
    document = copy.deepcopy(DOCUMENT)
    place = document
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    return document


def without(*path):
    """The shipped document without one key."""
    document = copy.deepcopy(DOCUMENT)
    place = document
    for step in path[:-1]:
        place = place[step]
    del place[path[-1]]
    return document


def score(**ratios):
    """The probability of one row; a ratio that is not given is missing."""
    row = [ratios.get(name, NO) for name in RATIOS]
    return SCORECARD.probabilities(np.array([row])).item()


def plain_probability(row):
    """The rule row by row, in the words of the model's document."""
    z = DOCUMENT["intercept"]
    for value, feature in zip(row, DOCUMENT["features"], strict=True):
        rate = feature["bins"][0]["default_rate"]
        lower = -math.inf if feature["lower"] is None else feature["lower"]
        for each in feature["bins"]:
            upper = math.inf if each["upper"] is None else each["upper"]
            if lower < value <= upper:
                rate = each["default_rate"]
            lower = upper
        if math.isnan(value):
            rate = feature["missing_default_rate"]
        z += feature["coefficient"] * rate
    return 1 / (1 + math.exp(-z))


@pytest.mark.parametrize(("ratios", "expected"), GOLDEN)
def test_the_golden_rows_have_their_known_probabilities(ratios, expected):
    """Users compare with scores that they stored years ago."""
    found = SCORECARD.probabilities(np.array([ratios])).item()
    assert found == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    ("position", "bin_number"),
    [
        (position, number)
        for position, feature in enumerate(DOCUMENT["features"])
        for number in range(len(feature["bins"]))
        if feature["bins"][number]["upper"] is not None
    ],
)
def test_an_upper_bound_belongs_to_its_bin_and_its_neighbour_does_not(
    position, bin_number
):
    """Analysts round ratios to the bounds, so the bounds are common values."""
    upper = DOCUMENT["features"][position]["bins"][bin_number]["upper"]
    for value in (upper, np.nextafter(upper, -np.inf), np.nextafter(upper, np.inf)):
        row = [NO] * len(RATIOS)
        row[position] = float(value)
        found = SCORECARD.probabilities(np.array([row])).item()
        assert found == pytest.approx(plain_probability(row), rel=1e-12)


def test_a_value_at_or_below_the_lower_bound_takes_the_first_bin():
    """The lower bound is outside every bin, and outside means the first bin's rate."""
    first = score(long_term_debt_to_total_capital=16.0)
    assert score(long_term_debt_to_total_capital=0.0) == first
    assert score(long_term_debt_to_total_capital=-5.0) == first
    assert score(total_debt_to_ebitda=-1.0) == score(total_debt_to_ebitda=0.0)


def test_a_value_above_a_bounded_last_bin_takes_the_first_bin():
    """100000000 stands for unknown in real files; it must not look like the best."""
    beyond = score(ebit_to_interest_expense=1e8)
    assert beyond == score(ebit_to_interest_expense=1.0)
    assert beyond != score(ebit_to_interest_expense=275_304.0)


@pytest.mark.parametrize("ratio", RATIOS)
def test_a_missing_ratio_is_never_zero(ratio):
    """Filling blanks with 0 moved whole sectors in an earlier system."""
    assert score() != score(**{ratio: 0.0})


def test_infinities_fall_like_any_number_that_large():
    """Cleaning rejects them; if one slips through, the score stays a probability."""
    assert score(return_on_assets=math.inf) == score(return_on_assets=1e300)
    assert score(return_on_assets=-math.inf) == score(return_on_assets=-1e300)


@given(
    st.lists(
        st.tuples(*[st.one_of(st.just(NO), st.floats(-200, 200))] * len(RATIOS)),
        max_size=30,
    )
)
def test_every_row_scores_as_the_rule_says(rows):
    """The fast form and the readable rule are one model."""
    matrix = np.array(rows, dtype=np.float64).reshape(-1, len(RATIOS))
    found = SCORECARD.probabilities(matrix)
    assert found == pytest.approx([plain_probability(row) for row in rows], rel=1e-12)
    assert ((found >= 0) & (found <= 1)).all()


@settings(max_examples=20, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    rows=st.integers(0, 3_000),
    chunk=st.sampled_from([1, 7, 1_000, 10_000]),
)
def test_a_score_does_not_depend_on_its_chunk(seed, rows, chunk):
    """A user who changes the batch size must not see other scores."""
    random = np.random.default_rng(seed)
    matrix = random.normal(10, 25, (rows, len(RATIOS)))
    matrix[random.random(matrix.shape) < 0.2] = NO
    whole = SCORECARD.probabilities(matrix)
    parts = [
        SCORECARD.probabilities(matrix[start : start + chunk])
        for start in range(0, rows, chunk)
    ]
    np.testing.assert_allclose(np.concatenate([np.empty(0), *parts]), whole, rtol=1e-12)


def test_spans_inside_keep_the_order_of_rows(monkeypatch):
    """Large inputs are scored span by span; a seam must not show."""
    matrix = np.array([ratios for ratios, _ in GOLDEN])
    whole = SCORECARD.probabilities(matrix)
    monkeypatch.setattr(scorecard_module, "_ROWS_A_SPAN", 3)
    np.testing.assert_allclose(SCORECARD.probabilities(matrix), whole, rtol=1e-12)


@pytest.mark.parametrize("order", ["C", "F"])
def test_scoring_leaves_its_input_as_it_was(order):
    """The matrix may be the frame's own memory, mapped from a file."""
    matrix = np.array([ratios for ratios, _ in GOLDEN], order=order)
    before = matrix.copy()
    matrix.flags.writeable = False
    SCORECARD.probabilities(matrix)
    np.testing.assert_array_equal(matrix, before)


def test_no_rows_score_as_no_rows():
    """A chunk of rejects alone is not an error."""
    assert SCORECARD.probabilities(np.empty((0, len(RATIOS)))).shape == (0,)


@pytest.mark.parametrize("shape", [(3, 4), (3, 6), (5,), (1, 5, 1)])
def test_a_matrix_of_another_shape_is_refused(shape):
    """Four columns would be scored as if the fifth ratio did not exist."""
    with pytest.raises(ModelRefused, match="The matrix has shape"):
        SCORECARD.probabilities(np.zeros(shape))


def test_the_largest_coefficients_still_give_probabilities_and_no_warning():
    """An overflow on the way to 0 is no fault of the data."""
    document = with_change("intercept", value=-1e6)
    found = Scorecard.from_document(document).probabilities(np.zeros((1, 5)))
    assert found.tolist() == [0.0]


def test_the_matrix_has_the_ratios_in_order_and_nan_for_null():
    """Columns swapped on the way give plausible scores that are all wrong."""
    rows = pl.DataFrame(
        {"company_symbol": ["A", "B"]}
        | {name: [i, None] for i, name in reversed(list(enumerate(RATIOS)))}
    )
    found = ratio_matrix(rows)
    assert found.dtype == np.float64
    assert found[0].tolist() == [0, 1, 2, 3, 4]
    assert np.isnan(found[1]).all()
    assert ratio_matrix(rows.clear()).shape == (0, len(RATIOS))


def test_a_frame_without_a_ratio_is_no_matrix():
    """An absent column must not pass for one that is wholly missing."""
    rows = pl.DataFrame({name: [1.0] for name in RATIOS[1:]})
    with pytest.raises(pl.exceptions.ColumnNotFoundError, match=RATIOS[0]):
        ratio_matrix(rows)


def test_the_shipped_document_is_read_whole():
    """The figures that score are the figures that a reader sees."""
    assert SCORECARD.name == "annual-default-scorecard"
    assert SCORECARD.levels == LevelThresholds(0.02, 0.05, 0.15)
    assert SCORECARD.features[3].uppers[-1] == 275_304.0
    assert [len(f.default_rates) for f in SCORECARD.features] == [5, 6, 5, 10, 6]


BINS = ("features", 0, "bins")


@pytest.mark.parametrize(
    ("document", "fault"),
    [
        ([], "The document must be an object"),
        (without("levels"), "The document has no levels"),
        (with_change("version", value=2), "The document has version, which nothing"),
        (with_change("schema", value="other/2"), "schema is 'other/2'"),
        (with_change("name", value=" "), "name must be a text"),
        (with_change("description", value=None), "description must be a text"),
        (with_change("intercept", value="1"), "intercept must be a finite number"),
        (with_change("intercept", value=True), "intercept must be a finite number"),
        (with_change("intercept", value=NO), "intercept must be a finite number"),
        (with_change("intercept", value=10**400), "intercept must be a finite"),
        (with_change("intercept", value=1e7), "within ±1e\\+06"),
        (with_change("levels", "high", value=0.5), "must ascend within 0 and 1"),
        (with_change("levels", "low", value=0.0), "levels has low, which nothing"),
        (with_change("features", value={}), "features must be a list"),
        (with_change("features", value=[]), "found none"),
        (
            with_change("features", value=DOCUMENT["features"][::-1]),
            "in that order; found return_on_assets",
        ),
        (without("features", 1, "unit"), "features\\[1\\] has no unit"),
        (with_change("features", 1, "unit", value="percent"), "ours is 'multiple'"),
        (with_change("features", 1, "ratio", value="beta"), "found .*, beta, "),
        (with_change("features", 0, "lower", value=32.0), "must strictly ascend"),
        (with_change(*BINS, 1, "upper", value=32.0), "must strictly ascend"),
        (with_change(*BINS, 1, "upper", value=None), "only the last bin"),
        (with_change(*BINS, 2, "rate", value=0.1), "bins\\[2\\] has rate"),
        (with_change(*BINS, 2, "default_rate", value=1.1), "bins\\[2\\].default_rate"),
        (with_change(*BINS, 2, "default_rate", value=-0.1), "fraction in \\[0, 1\\]"),
        (with_change(*BINS, value=[]), "has 0 bins"),
        (with_change(*BINS, value=DOCUMENT["features"][0]["bins"] * 50), "250 bins"),
        (
            with_change("features", 4, "missing_default_rate", value=None),
            "features\\[4\\].missing_default_rate must be a finite number",
        ),
    ],
)
def test_a_faulty_document_is_refused_by_name(document, fault):
    """A typing error in a model must not be scored with for a month."""
    with pytest.raises(ModelRefused, match=fault):
        Scorecard.from_document(document)


def test_a_feature_needs_a_rate_for_each_bin():
    """A scorecard built in code obeys the same laws as one that is read."""
    feature = SCORECARD.features[0]
    with pytest.raises(ModelRefused, match="Give one rate a bin"):
        type(feature)("x", 1.0, None, (1.0, None), (0.1,), 0.2)
