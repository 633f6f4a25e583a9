"""The laws of companies: one row a symbol, the first value that is there."""

from itertools import pairwise

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from bulk_pipeline.core.companies import (
    COMPANY_SCHEMA,
    distinct_companies,
    named_companies,
)

NAMES = ("company_symbol", "company_name", "sector", "market_cap")
FACTS = {name: COMPANY_SCHEMA[name] for name in NAMES}


def facts(*rows):
    """Typed rows, as far as they concern companies."""
    return pl.DataFrame(list(rows), schema=FACTS, orient="row")


def distinct(*rows):
    """The companies of some rows."""
    return distinct_companies([named_companies(facts(*rows))])


@pytest.mark.parametrize(
    ("rows", "company"),
    [
        ([("A", "Alba", "Energy", 1.0)], ("A", "Alba", "Energy", 1.0, False)),
        ([("A", "Alba", None, None)], ("A", "Alba", None, None, False)),
        (
            [("A", "Alba", None, 1.0), ("A", "Alba", "Energy", 2.0)],
            ("A", "Alba", "Energy", 1.0, False),
        ),
        (
            [("A", "Alba", "Energy", None), ("A", "Alba Inc.", "Steel", 2.0)],
            ("A", "Alba", "Energy", 2.0, True),
        ),
        (
            [("A", "Alba", None, None), ("A", "B", "Y", 2.0), ("A", "Alba", "Z", 1.0)],
            ("A", "Alba", "Z", 1.0, True),
        ),
    ],
)
def test_the_first_value_that_is_there_counts(rows, company):
    """A later row must fill a gap, and must not rename the company."""
    assert distinct(*rows).rows() == [company]


def test_companies_come_in_order_of_first_appearance():
    """Ids are given in this order, and a rerun must give them again."""
    found = distinct(*((symbol, "N", None, None) for symbol in "CABAC"))
    assert found["company_symbol"].to_list() == ["C", "A", "B"]


@pytest.mark.parametrize("parts", [[], [facts()], [facts(), facts()]])
def test_no_rows_hold_no_companies(parts):
    """A batch of rejects alone registers nobody."""
    found = distinct_companies(named_companies(part) for part in parts)
    assert found.is_empty()
    assert found.schema == COMPANY_SCHEMA


ROWS = st.lists(
    st.tuples(
        st.sampled_from("AB"),
        st.sampled_from(["Alba", "Codo"]),
        st.sampled_from([None, "Energy", "Steel"]),
        st.sampled_from([None, 1.0, 2.0]),
    ),
    max_size=8,
)


def first(values):
    """The first value that is there."""
    return next((value for value in values if value is not None), None)


@settings(max_examples=50, deadline=None)
@given(ROWS, st.data())
def test_the_companies_of_a_file_do_not_depend_on_its_parts(rows, data):
    """The size of a chunk must not decide under which name a company is known."""
    edges = sorted(data.draw(st.lists(st.integers(0, len(rows)), max_size=3)))
    cuts = pairwise([0, *edges, len(rows)])
    parts = [named_companies(facts(*rows[a:b])) for a, b in cuts]
    found = distinct_companies(parts)
    assert_frame_equal(found, distinct(*rows))
    assert found.schema == COMPANY_SCHEMA
    # what several parts gave may be put together before the last step
    joined = named_companies(pl.concat([facts(), *parts]))
    assert_frame_equal(distinct_companies([joined]), found)


@settings(max_examples=50, deadline=None)
@given(ROWS)
def test_names_and_flags_are_those_of_a_slow_look(rows):
    """A name that differs is a warning; a false one would train people to ignore it."""
    found = {row[0]: row for row in distinct(*rows).iter_rows()}
    assert list(found) == list(dict.fromkeys(row[0] for row in rows))
    for symbol, (_, name, sector, value, differ) in found.items():
        own = [row for row in rows if row[0] == symbol]
        assert name == own[0][1]
        assert differ == (len({row[1] for row in own}) > 1)
        groups = [r for n in dict.fromkeys(r[1] for r in own) for r in own if r[1] == n]
        assert sector == first(row[2] for row in groups)
        assert value == first(row[3] for row in groups)
