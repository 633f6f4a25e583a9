"""The laws of repeated keys: the first row of an upload counts, no other upload's."""

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bulk_pipeline.core.duplicates import (
    CONFLICT_SCHEMA,
    conflicts,
    differing,
    in_file_duplicates,
    period_code,
)
from bulk_pipeline.core.periods import QUARTER
from bulk_pipeline.core.schema import FIRST_YEAR, LAST_YEAR, QUARTERS, RATIOS

SCHEMA = {
    "upload": pl.Int64(),
    "line": pl.Int64(),
    "company_symbol": pl.String(),
    "reporting_year": pl.Int16(),
    "reporting_quarter": QUARTER,
    **dict.fromkeys(RATIOS, pl.Float64()),
}


def batch(*rows):
    """Rows from (upload, symbol, year, quarter, value); the other ratios are 1."""
    made = [
        (u, n + 2, s, y, q, v, 1, 1, 1, 1) for n, (u, s, y, q, v) in enumerate(rows)
    ]
    return pl.DataFrame(made, schema=SCHEMA, orient="row")


def slow_duplicates(rows):
    """Positions of each duplicate and of the row that counts, by a look at each."""
    first = {}
    return [
        (at, first[row[:4]])
        for at, row in enumerate(rows)
        if first.setdefault(row[:4], at) != at
    ]


ROWS = st.lists(
    st.tuples(
        st.integers(0, 2),
        st.sampled_from(["A", "B", "C"]),
        st.sampled_from([1900, 2012, 2155]),
        st.sampled_from(QUARTERS),
        st.sampled_from([None, 0.0, 1.0]),
    ),
    max_size=12,
)


@settings(max_examples=50, deadline=None)
@given(ROWS)
def test_duplicates_and_conflicts_are_those_of_a_slow_look(rows):
    """A good row taken for a duplicate would never be stored, and nobody would ask."""
    frame = batch(*rows)
    found = in_file_duplicates(frame)
    assert found.schema == {"row": pl.Int64, "kept": pl.Int64}
    assert found.rows() == slow_duplicates(rows)
    differ = [(a, b) for a, b in slow_duplicates(rows) if rows[a][4] != rows[b][4]]
    listed = conflicts(frame, found)
    assert listed["row"].to_list() == [a for a, _ in differ]
    assert listed["kept_line"].to_list() == [b + 2 for _, b in differ]


@pytest.mark.parametrize(
    ("row", "kept"),
    [
        ((0, "B", 2012, "Q4", 1.0), []),
        ((0, "A", 2013, "Q4", 1.0), []),
        ((0, "A", 2012, "FY", 1.0), []),
        ((1, "A", 2012, "Q4", 1.0), []),
        ((0, "A", 2012, "Q4", 1.0), [0]),
        ((0, "A", 2012, "Q4", 9.0), [0]),
    ],
)
def test_a_key_is_symbol_year_and_quarter_within_one_upload(row, kept):
    """Two files may bring one key: which of them counts is decided at the table."""
    rows = batch((0, "A", 2012, "Q4", 1.0), row)
    assert in_file_duplicates(rows)["kept"].to_list() == kept


def test_a_process_that_saw_other_symbols_finds_the_same_duplicates():
    """Symbols share their codes with all that a process read before this batch."""
    seen = pl.Series([f"SEEN{n}" for n in range(9)], dtype=pl.Categorical)
    symbols = seen.cast(pl.String).to_list()
    for ours in symbols:
        for theirs in symbols:
            rows = batch((0, ours, 2012, "Q4", 1.0), (1, theirs, 2012, "Q4", 1.0))
            assert in_file_duplicates(rows).rows() == []


def test_no_rows_hold_no_duplicates():
    """A file of a header alone goes the same way as any other."""
    found = in_file_duplicates(batch())
    assert found.rows() == []
    listed = conflicts(batch(), found)
    assert listed.is_empty()
    assert listed.schema == {"row": pl.Int64, **CONFLICT_SCHEMA}


def test_a_conflict_shows_both_sets_of_values():
    """The analyst decides which is right, and needs both figures and both lines."""
    rows = batch(
        (0, "A", 2012, "Q4", 1.0),
        (0, "A", 2012, "Q4", 1.0),
        (0, "A", 2012, "Q4", None),
    )
    found = conflicts(rows, in_file_duplicates(rows))
    assert found.schema == {"row": pl.Int64, **CONFLICT_SCHEMA}
    assert found.rows(named=True) == [
        {
            "row": 2,
            "upload": 0,
            "line": 4,
            "kept_line": 2,
            "kept_upload": None,
            "company_symbol": "A",
            "reporting_year": 2012,
            "reporting_quarter": "Q4",
            **dict.fromkeys(RATIOS, 1.0),
            **{f"{name}_kept": 1.0 for name in RATIOS},
            RATIOS[0]: None,
        }
    ]


@pytest.mark.parametrize("ratio", RATIOS)
@pytest.mark.parametrize(
    ("ours", "theirs", "differ"),
    [
        (1.0, 1.0, False),
        (None, None, False),
        (0.0, -0.0, False),
        (1.0, 2.0, True),
        (None, 0.0, True),
        (0.0, None, True),
        (1.0, 1.0000000000000002, True),
    ],
)
def test_rows_differ_where_any_ratio_does_and_missing_equals_missing(
    ratio, ours, theirs, differ
):
    """Missing against missing is no conflict, and missing against 0 is one."""
    row = dict.fromkeys((*RATIOS, *(f"{name}_kept" for name in RATIOS)), 5.0)
    row |= {ratio: ours, f"{ratio}_kept": theirs}
    frame = pl.DataFrame(row, schema=dict.fromkeys(row, pl.Float64))
    assert frame.select(differing()).item() is differ


def test_period_codes_are_distinct_and_in_order_of_time():
    """Stored rows are sorted by this number; two periods with one would be one row."""
    years = range(FIRST_YEAR, LAST_YEAR + 1)
    rows = batch(*((0, "A", year, name, 1.0) for year in years for name in QUARTERS))
    codes = rows.select(period_code()).to_series()
    assert codes.is_sorted()
    assert codes.n_unique() == rows.height
    assert codes[0] == 0
