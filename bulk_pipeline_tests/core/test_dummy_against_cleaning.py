"""Made-up accounts meet cleaning: the faults announced are the rejects found."""

from collections import Counter

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from bulk_pipeline.core.cleaning import ROW_SCHEMA, CleaningRules, clean
from bulk_pipeline.core.dummy import (
    DummyRequest,
    dummy_blocks,
    expected_duplicates,
    expected_rejects,
)
from bulk_pipeline.core.duplicates import conflicts, in_file_duplicates
from bulk_pipeline.core.schema import INPUT_COLUMNS

RULES = CleaningRules(latest_year=2027)


def as_read(block):
    """A block as a reader hands it on: texts, blank where nothing is, and lines."""
    texts = block.cast(pl.String).fill_null("")
    return texts.with_row_index("line").with_columns(pl.col("line").cast(pl.Int64))


@pytest.mark.parametrize("block_rows", [333, 100_000])
@pytest.mark.parametrize(
    ("rows", "bad_share", "seed"),
    [(1, 1.0, 0), (40, 0.5, 1), (2_000, 0.01, 2), (2_000, 1.0, 3), (10_000, 0.05, 4)],
)
def test_cleaning_rejects_what_was_announced_and_nothing_else(
    rows, bad_share, seed, block_rows
):
    """A load test compares its report with these counts; a drift would hide a loss."""
    request = DummyRequest(rows, seed=seed, bad_share=bad_share)
    pieces = [clean(as_read(b), RULES) for b in dummy_blocks(request, block_rows)]
    found = Counter(
        fault
        for piece in pieces
        for fault in piece.rejects.select("column", "reason").iter_rows()
    )
    assert found == expected_rejects(request)
    assert sum(piece.rows.height for piece in pieces) == rows - request.bad_rows
    assert sum(piece.dates_as_years for piece in pieces) == 0


def test_good_rows_come_through_as_they_were_made():
    """Typed and as text they are the same accounts, whatever the file's format."""
    (made,) = dummy_blocks(DummyRequest(5_000, seed=6))
    found = clean(as_read(made), RULES)
    assert found.rejects.is_empty()
    types = {column.name: ROW_SCHEMA[column.name] for column in INPUT_COLUMNS}
    assert_frame_equal(found.rows.drop("line"), made.cast(types))


def test_no_good_row_repeats_a_key():
    """A load test that finds duplicates must know that its own data made none."""
    (made,) = dummy_blocks(DummyRequest(3_000, seed=7, bad_share=0.1))
    rows = clean(as_read(made), RULES).rows.with_columns(upload=pl.lit(0, pl.Int64))
    assert in_file_duplicates(rows).is_empty()


@pytest.mark.parametrize("bad_share", [0.0, 0.1])
@pytest.mark.parametrize(
    ("rows", "share"),
    [(1, 0.5), (2, 0.5), (10, 0.1), (3_001, 0.02), (5_000, 0.45), (70_000, 0.3)],
)
def test_duplicates_are_those_that_were_announced(rows, share, bad_share):
    """Rows read are stored, repeated or rejected: each must be told in advance."""
    request = DummyRequest(
        rows, 3_000 if rows > 6_000 else None, 5, bad_share, duplicate_share=share
    )
    made = pl.concat(dummy_blocks(request))
    assert made.height == rows
    kept = clean(as_read(made), RULES).rows.with_columns(upload=pl.lit(0, pl.Int64))
    found = in_file_duplicates(kept)
    announced = expected_duplicates(request)
    assert announced.rows == found.height == request.duplicate_rows
    assert conflicts(kept, found).height == announced.conflicting
    assert kept.height - found.height == rows - announced.rows - request.bad_rows
    assert announced.rows <= rows * share + 0.5


def test_most_duplicates_are_identical_as_in_real_files():
    """Of 153 repeated keys of the real rows one is in conflict with itself."""
    asked = [expected_duplicates(DummyRequest(n, duplicate_share=0.5)) for n in (2, 4)]
    assert [found.conflicting for found in asked] == [0, 1]
    many = expected_duplicates(DummyRequest(153_000, duplicate_share=0.02))
    assert (many.rows, many.conflicting) == (3_060, 20)


def test_a_duplicate_follows_the_row_that_it_repeats():
    """Two accounts of one year stand together in real files, too."""
    (made,) = dummy_blocks(DummyRequest(1_000, seed=2, duplicate_share=0.2))
    kept = clean(as_read(made), RULES).rows.with_columns(upload=pl.lit(0, pl.Int64))
    found = in_file_duplicates(kept)
    assert (found["row"] - found["kept"]).unique().to_list() == [1]
