"""Laws of the population stability index and of what it counts."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bulk_pipeline.core.bins import edges_at_or_above
from bulk_pipeline.core.schema import PLACEHOLDER
from bulk_pipeline.core.stability import (
    LEAST_SHARE,
    Distribution,
    decile_edges,
    distribution,
    index_by_chance,
    stability_index,
)

EDGES = (-1.0, 0.0, 2.5, math.inf)
CELLS = st.one_of(
    st.sampled_from([-1.0, 0.0, 2.5, PLACEHOLDER, math.nan, -math.inf]),
    st.floats(allow_infinity=False),
)
COLUMNS = st.lists(CELLS, max_size=40).map(lambda found: np.array(found, np.float64))


@st.composite
def populations(draw, least=0, fewest=1, most=12):
    """Rows by bin of two populations over the same bins; neither is empty."""
    count = draw(st.integers(fewest, most))
    each = st.lists(st.integers(least, 10_000), min_size=count, max_size=count)
    return draw(each.filter(sum)), draw(each.filter(sum))


@given(populations(), st.integers(1, 50))
def test_equal_shares_have_no_index(both, times):
    """A batch ten times the size of the reference is not drift."""
    rows, _ = both

    assert stability_index([times * n for n in rows], rows) == pytest.approx(0)


@given(populations())
def test_the_index_is_the_same_both_ways_finite_and_never_negative(both):
    """An empty bin must not give infinity, on which the UI hangs."""
    actual, expected = both
    index = stability_index(actual, expected)

    assert math.isfinite(index)
    assert index >= 0
    assert index == pytest.approx(stability_index(expected, actual), abs=1e-12)


@given(populations(), st.randoms(use_true_random=False))
def test_the_order_of_the_bins_does_not_matter(both, random):
    """The index knows shares, not distances."""
    pairs = list(zip(*both, strict=True))
    random.shuffle(pairs)
    actual, expected = zip(*pairs, strict=True)

    assert stability_index(actual, expected) == pytest.approx(stability_index(*both))


@given(
    populations(least=1, most=5),
    populations(least=1, most=5),
)
def test_indexes_of_independent_columns_add_up(first, second):
    """The index of several ratios can be read as a sum, if they are independent."""
    joint = [np.outer(a, b).ravel() for a, b in zip(first, second, strict=True)]
    if any((counts / counts.sum()).min() < LEAST_SHARE for counts in joint):
        return  # a share that is lifted to the least one breaks the sum

    apart = stability_index(*first) + stability_index(*second)
    assert stability_index(*joint) == pytest.approx(apart)


@given(populations(least=50, fewest=2, most=8))
def test_fewer_bins_never_show_more(both):
    """Whoever cuts coarser sees less: an index is to be read with its bins."""
    merged = [[rows[0] + rows[1], *rows[2:]] for rows in both]

    assert stability_index(*merged) <= stability_index(*both) + 1e-12


def test_an_index_by_hand():
    """(0.6 - 0.5) ln(0.6 / 0.5) + (0.4 - 0.5) ln(0.4 / 0.5)."""
    by_hand = 0.1 * math.log(1.2) - 0.1 * math.log(0.8)

    assert stability_index([60, 40], [500, 500]) == pytest.approx(by_hand)


def test_an_empty_bin_counts_as_one_row_in_ten_thousand():
    """The figure in the documentation is the one that is used."""
    by_hand = (0.5 - 1e-4) * math.log(0.5 / 1e-4) + (0.5 - 1) * math.log(0.5)

    assert stability_index([5, 5], [10, 0]) == pytest.approx(by_hand)


@given(COLUMNS)
def test_every_row_is_in_one_bin_and_it_is_the_scorecards(column):
    """Drift must be measured over the bins that the score comes from."""
    found = distribution(column, EDGES)
    numbers = edges_at_or_above(column, EDGES)

    assert found.rows == len(column)
    by_number = np.bincount(numbers, minlength=len(EDGES) + 1)
    assert found.by_bin == (*reversed(by_number[1:]), by_number[0])
    assert found.placeholders == int((column == PLACEHOLDER).sum())


@given(COLUMNS, st.integers(0, 40))
def test_parts_add_up_to_the_whole(column, cut):
    """Chunks are counted one by one; their size must not matter."""
    parts = distribution(column[:cut], EDGES) + distribution(column[cut:], EDGES)

    assert parts == distribution(column, EDGES)


@given(COLUMNS, st.data())
def test_what_stands_where_no_value_is_does_not_count(column, data):
    """The memory of a missing value may hold anything, even the placeholder."""
    absent = np.isnan(column)
    junk = data.draw(st.sampled_from([0.0, PLACEHOLDER, -math.inf, math.nan]))
    filled = np.where(absent, junk, column)

    assert distribution(filled, EDGES, ~absent) == distribution(column, EDGES)


def test_other_bins_do_not_add_up():
    """Counts of other bins put together would be nonsense without a sign of it."""
    with pytest.raises(ValueError, match="same bins"):
        Distribution((math.inf,), (1,)) + Distribution((0.0, math.inf), (1, 1))


def test_no_rows_have_shares_of_0():
    """A batch of rejects alone must not end in a division by zero."""
    found = distribution(np.empty(0), EDGES)

    assert (found.missing_share, found.placeholder_share) == (0.0, 0.0)


@settings(max_examples=20)
@given(st.lists(st.floats(-1e6, 1e6), min_size=40, max_size=80, unique=True))
def test_deciles_cut_distinct_values_into_ten_bins(values):
    """Bins of about equal size are what makes the index of the score comparable."""
    column = np.round(np.array(values), 3)
    edges = decile_edges(column)

    assert list(edges) == sorted(set(edges))
    assert edges[-1] == math.inf
    assert len(edges) <= 10
    if len(np.unique(column)) == len(column) and np.abs(column).min() > 0.01:
        counts = distribution(column, edges).counts
        assert max(counts) <= len(column) / 10 + 2


@pytest.mark.parametrize("digits", [-1e-12, 0.0, 1e-12])
def test_an_edge_lies_between_two_scores_and_not_on_one(digits):
    """Another processor gives other last digits; no crowd may change its bin by it."""
    scores = np.repeat([0.02, 0.03, 0.04], [30, 50, 20])
    edges = decile_edges(scores)

    assert distribution(scores + digits, edges).counts == (30, 50, 20)


@pytest.mark.parametrize("column", [[], [math.nan, math.nan], [1.0, 1.0, 1.0]])
def test_values_that_cannot_be_cut_are_one_bin(column):
    """A ratio that nobody gives must not keep a reference from being made."""
    assert decile_edges(np.array(column)) == (math.inf,)


def test_an_edge_between_the_largest_values_is_none_of_infinity():
    """A reference with two bounds of infinity is written, and refused when read."""
    largest = np.linspace(1.7e308, 1.79e308, 20)

    assert np.isfinite(decile_edges(largest)[:-1]).all()


def test_what_chance_alone_shows():
    """10 · (1/1000 + 1/2000), and what many draws of one population show."""
    assert index_by_chance(11, 1_000, 2_000) == pytest.approx(0.015)
    rng = np.random.default_rng(9)
    shares = np.full(11, 1 / 11)
    drawn = [
        stability_index(rng.multinomial(1_000, shares), rng.multinomial(2_000, shares))
        for _ in range(400)
    ]
    assert np.mean(drawn) == pytest.approx(0.015, rel=0.1)
