"""The laws of oddities: counted exactly, refused never, and the same in any parts."""

from itertools import pairwise

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bulk_pipeline.core.notices import sentences
from bulk_pipeline.core.quality import Quality, quality, total
from bulk_pipeline.core.schema import PERCENT_RATIOS, RATIOS

SCHEMA = dict.fromkeys(RATIOS, pl.Float64)
USUAL = (24.111, 2.057, -24.182, 74.333, 3.711)
DEBT, MULTIPLE, MARGIN, COVERAGE, RETURN = RATIOS


def rows_of(*changes):
    """Typed ratios: the usual row with these changes."""
    usual = dict(zip(RATIOS, USUAL, strict=True))
    return pl.DataFrame([{**usual, **change} for change in changes], schema=SCHEMA)


def counts(*changes):
    """Rows, rows that miss a ratio, implausible rows and placeholder cells."""
    found = quality(rows_of(*changes))
    return found.rows, found.missing, found.implausible, found.placeholders


def test_no_rows_are_nothing_odd():
    """A file of rejects alone must not fail where its oddities are counted."""
    assert quality(pl.DataFrame(schema=SCHEMA)) == Quality()
    assert total([]) == Quality()
    assert Quality().notices(fractions=False) == ()


def test_a_usual_row_is_not_odd():
    """A warning about every file is a warning about none."""
    assert counts({}) == (1, 0, 0, 0)
    assert quality(rows_of({})).largest == {DEBT: 24.111, MARGIN: 24.182, RETURN: 3.711}


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({DEBT: 100.0}, (1, 0, 0, 0)),
        ({DEBT: 100.001}, (1, 0, 1, 0)),
        ({DEBT: 0.0}, (1, 0, 0, 0)),
        ({DEBT: -0.001}, (1, 0, 1, 0)),
        ({MARGIN: -100.0, RETURN: 100.0}, (1, 0, 0, 0)),
        ({MARGIN: -100.001, RETURN: 100.001}, (1, 0, 1, 0)),
        ({MULTIPLE: -9_000.0, COVERAGE: 9e9}, (1, 0, 0, 0)),
        ({MULTIPLE: 1e8}, (1, 0, 1, 1)),
        ({MULTIPLE: 1e8, MARGIN: 1e8}, (1, 0, 1, 2)),
        ({COVERAGE: -1e8}, (1, 0, 0, 0)),
        ({COVERAGE: None}, (1, 1, 0, 0)),
        ({COVERAGE: None, DEBT: 300.0}, (1, 1, 1, 0)),
        (dict.fromkeys(RATIOS), (1, 1, 0, 0)),
    ],
)
def test_a_row_is_counted_once_for_each_kind_of_oddity(change, found):
    """Real accounts lie outside every naive limit: they are counted, not refused."""
    assert counts(change) == found
    assert counts({}, change) == (2, *found[1:])


CELL = st.sampled_from([None, 0.0, 1.5, -1.4, 99.0, -150.0, 1e8])


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.fixed_dictionaries(dict.fromkeys(RATIOS, CELL)), max_size=8),
    st.data(),
)
def test_the_parts_of_a_file_add_up_to_the_file(changes, data):
    """The counts of a report must not depend on the size of a chunk."""
    edges = sorted(data.draw(st.lists(st.integers(0, len(changes)), max_size=3)))
    cuts = pairwise([0, *edges, len(changes)])
    parts = [quality(rows_of(*changes[a:b])) for a, b in cuts]
    assert total(parts) == quality(rows_of(*changes))


@pytest.mark.parametrize("name", PERCENT_RATIOS)
@pytest.mark.parametrize(
    ("values", "warned"),
    [
        ((0.05, -1.5), True),
        ((1.5, None), True),
        ((0.05, -1.5000001), False),
        ((0.0, 0.0), False),
        ((None, None), False),
    ],
)
def test_a_column_that_looks_like_fractions_is_named_with_the_setting(
    name, values, warned
):
    """A whole file scored a hundred times too small looks healthy, and is stored."""
    found = quality(rows_of(*({name: value} for value in values)))
    said = sentences(found.notices(fractions=False))
    assert len(said) == warned
    assert all(name in sentence for sentence in said)
    assert all("BULK_PIPELINE_RATIO_UNIT=fraction" in sentence for sentence in said)
    assert sentences(found.notices(fractions=True)) == ()


def test_multiples_never_look_like_fractions():
    """A debt of 0.2 times EBITDA is a sound company, not a unit mistaken."""
    found = quality(rows_of({MULTIPLE: 0.2, COVERAGE: 1.1}))
    assert sentences(found.notices(fractions=False)) == ()


@pytest.mark.parametrize("fractions", [False, True])
def test_placeholders_are_told_with_their_number(fractions):
    """100000000 scores as an excellent coverage; only the sender knows it is none."""
    found = quality(rows_of({COVERAGE: 1e8}, {MULTIPLE: 1e8, COVERAGE: 1e8}))
    (said,) = sentences(found.notices(fractions=fractions))
    assert said.startswith("3 cells hold exactly 100000000")
