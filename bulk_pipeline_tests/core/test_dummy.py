"""The laws of made-up accounts: same request, same rows; known faults, counted."""

from collections import Counter

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from bulk_pipeline.core import schema
from bulk_pipeline.core.cleaning import REASONS
from bulk_pipeline.core.dummy import (
    LAST_YEAR,
    DummyRequest,
    dummy_blocks,
    expected_rejects,
)
from bulk_pipeline.core.errors import ConfigurationError

NAMES = [column.name for column in schema.INPUT_COLUMNS]
LONGEST = {"company_symbol": 20, "company_name": 255, "sector": 100}


def whole(request: DummyRequest, block_rows: int = 100_000) -> pl.DataFrame:
    """All rows of a request in one frame."""
    return pl.concat(list(dummy_blocks(request, block_rows)))


def fault(row: dict[str, str | None]) -> list[tuple[str, str]]:
    """What is wrong with a row, said without the code under test."""
    texts = (schema.SYMBOL.name, schema.NAME.name)
    found = [(name, "blank") for name in texts if not (row[name] or "").strip()]
    for name, longest in LONGEST.items():
        if len(row[name] or "") > longest:
            found.append((name, "too_long"))
        if "\u2060" in (row[name] or ""):
            found.append((name, "control_character"))
    year = row[schema.YEAR.name] or ""
    if not year.isdigit():
        found.append((schema.YEAR.name, "not_a_year"))
    elif not schema.FIRST_YEAR <= int(year) <= LAST_YEAR:
        found.append((schema.YEAR.name, "year_out_of_range"))
    if row[schema.QUARTER.name] not in schema.QUARTERS:
        found.append((schema.QUARTER.name, "not_a_quarter"))
    for name in (schema.MARKET_CAP.name, *schema.RATIOS):
        found += [(name, reason) for reason in number_fault(row[name] or "0")]
    return found


def number_fault(cell: str) -> list[str]:
    """What is wrong with a number, said without the code under test."""
    try:
        number = float(cell)
    except ValueError:
        return ["not_a_number"]
    if not np.isfinite(number):
        return ["not_finite"]
    return ["too_small"] if 0 < abs(number) < 2.3e-308 else []


@settings(max_examples=60, deadline=None)
@given(
    rows=st.integers(1, 3_000),
    spread=st.floats(0, 1),
    seed=st.integers(0, 2**70),
)
def test_every_key_is_used_once(rows: int, spread: float, seed: int) -> None:
    """A repeated key would be counted as a duplicate that nobody asked for."""
    fewest = -(-rows // 500)
    companies = fewest + int(spread * (rows - fewest))
    made = whole(DummyRequest(rows, companies, seed))
    assert made.columns == NAMES
    assert made.height == rows
    assert made.select(schema.KEY).is_duplicated().sum() == 0
    assert made[schema.SYMBOL.name].n_unique() == companies
    assert made[schema.NAME.name].n_unique() == companies
    assert made[schema.YEAR.name].is_between(schema.FIRST_YEAR, LAST_YEAR).all()


@pytest.mark.parametrize("bad_share", [0.0, 0.05])
@pytest.mark.parametrize("block_rows", [7_001, 50_000, 1_000_000])
def test_the_block_size_changes_no_row(block_rows: int, bad_share: float) -> None:
    """A file must not depend on how much memory its maker was given."""
    request = DummyRequest(
        120_001, 977, seed=3, bad_share=bad_share, duplicate_share=0.02
    )
    blocks = list(dummy_blocks(request, block_rows))
    assert max(block.height for block in blocks) <= block_rows
    assert len({tuple(block.schema.items()) for block in blocks}) == 1
    made, usual = pl.concat(blocks), whole(request)
    assert_frame_equal(made, usual)
    assert made.write_csv() == usual.write_csv()


def test_blocks_of_one_row_are_all_the_rows() -> None:
    """The smallest block is where an off-by-one would lose a row."""
    request = DummyRequest(23)
    assert_frame_equal(whole(request, 1), whole(request))


def test_another_seed_gives_other_rows() -> None:
    """Two load tests with two seeds would otherwise store nothing the second time."""
    assert not whole(DummyRequest(100, seed=1)).equals(whole(DummyRequest(100, seed=2)))


def test_a_company_is_the_same_in_all_its_rows() -> None:
    """A second name for a symbol would be a conflict that nobody asked for."""
    made = whole(DummyRequest(110_000, 301, seed=8))
    facts = [schema.SYMBOL.name, schema.NAME.name, schema.SECTOR.name, "market_cap"]
    assert made.select(facts).unique().height == 301


def test_a_company_without_a_wish_has_forty_years() -> None:
    """Real companies report some decades, not one year and not a century."""
    made = whole(DummyRequest(4_000))
    assert made.group_by(schema.SYMBOL.name).len()["len"].unique().to_list() == [40]
    assert made[schema.QUARTER.name].unique().to_list() == ["Q4"]


@pytest.mark.parametrize("rows", [1, 11, 12, 500])
def test_only_the_years_asked_for_occur(rows: int) -> None:
    """Whoever tests a back-fill of a decade wants rows of that decade."""
    made = whole(DummyRequest(rows, first_year=2018, last_year=2020))
    assert made[schema.YEAR.name].is_between(2018, 2020).all()
    assert made[schema.QUARTER.name].unique().to_list() == ["Q4"]
    assert made.select(schema.KEY).is_duplicated().sum() == 0
    assert made.height == rows


def test_quarters_follow_when_the_years_are_used_up() -> None:
    """A century of fourth quarters comes first: real files hold nothing else."""
    made = whole(DummyRequest(500, 1))
    assert made[schema.QUARTER.name][:125].unique().to_list() == ["Q4"]
    assert sorted(made[schema.QUARTER.name].unique()) == ["Q1", "Q2", "Q3", "Q4"]
    assert made[schema.YEAR.name].min() == schema.FIRST_YEAR


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_one_row_in_five_lacks_a_ratio(seed: int) -> None:
    """Missing ratios have their own bin; a file without any would not test it."""
    made = whole(DummyRequest(60_000, seed=seed))
    lacking = made.select(pl.any_horizontal(pl.col(schema.RATIOS).is_null()).mean())
    assert lacking.item() == pytest.approx(0.2, abs=0.01)
    others = [name for name in NAMES if name not in schema.RATIOS]
    assert made.select(others).null_count().sum_horizontal().item() == 0


def test_companies_look_like_real_ones() -> None:
    """Names with commas, quotes and umlauts are what breaks careless readers."""
    made = whole(DummyRequest(20_000, 20_000))
    symbols, names = made[schema.SYMBOL.name], made[schema.NAME.name]
    assert symbols.str.contains(r"^[A-Z]{3,5}(\.B)?$").all()
    assert 0.02 < symbols.str.ends_with(".B").mean() < 0.06
    for sign in (",", '"', "&", "ü"):
        assert names.str.contains(sign, literal=True).any()
    assert made[schema.SECTOR.name].n_unique() == 11
    assert made[schema.MARKET_CAP.name].min() > 0


@pytest.mark.parametrize(
    ("rows", "bad_share"),
    [(1, 1.0), (50, 0.02), (1_000, 0.05), (1_000, 1.0), (60_007, 0.01), (100, 1e-9)],
)
def test_bad_rows_are_those_that_were_announced(rows: int, bad_share: float) -> None:
    """The counts are what a load is checked against, so a guess is not enough."""
    request = DummyRequest(rows, seed=5, bad_share=bad_share)
    made = whole(request)
    assert set(made.dtypes) == {pl.String}
    faults = [fault(row) for row in made.iter_rows(named=True)]
    assert max(map(len, faults)) <= 1
    assert Counter(f for found in faults for f in found) == expected_rejects(request)
    assert sum(expected_rejects(request).values()) == request.bad_rows
    assert request.bad_rows == round(rows * bad_share)


def test_a_good_row_is_the_same_as_without_bad_ones() -> None:
    """A bad share spoils rows; it must not shuffle those that stay."""
    clean = whole(DummyRequest(2_000, seed=4)).cast(pl.String)
    mixed = whole(DummyRequest(2_000, seed=4, bad_share=0.1))
    changed = pl.DataFrame([mixed[name].ne_missing(clean[name]) for name in NAMES])
    assert changed.sum_horizontal().value_counts(sort=True).rows() == [
        (0, 1_800),
        (1, 200),
    ]


def test_every_kind_of_fault_is_there() -> None:
    """A kind that never occurs leaves its reject reason untested."""
    counts = expected_rejects(DummyRequest(2_700, bad_share=0.1))
    assert len(counts) == 27
    assert set(counts.values()) == {10}
    reasons = {reason for _, reason in counts}
    assert set(REASONS) - reasons == {"other_decimal", "wrong_field_count"}
    assert expected_rejects(DummyRequest(1_600)) == {}


@pytest.mark.parametrize(
    ("wish", "told"),
    [
        ({"rows": 0}, r"rows is 0: give a number from 1"),
        ({"rows": 10**9 + 1}, r"to 1,000,000,000"),
        ({"rows": 5, "seed": -1}, r"seed is -1: give 0 or more"),
        ({"rows": 5, "bad_share": 1.5}, r"bad_share is 1\.5: .* such as 0\.01"),
        ({"rows": 5, "bad_share": float("nan")}, r"bad_share is nan"),
        ({"rows": 5, "missing_share": -0.1}, r"missing_share is -0\.1"),
        ({"rows": 5, "duplicate_share": 0.51}, r"duplicate_share is 0\.51.*to 0\.5"),
        ({"rows": 9, "duplicate_share": float("nan")}, r"duplicate_share is nan"),
        (
            {"rows": 100, "duplicate_share": 0.4, "bad_share": 0.3},
            r"bad_share is 0\.3 and duplicate_share is 0\.4.*may be 1 together",
        ),
        ({"rows": 5, "first_year": 1899}, r"years is 1899-2024.*from 1900 to 2155"),
        ({"rows": 5, "first_year": 2001, "last_year": 2000}, r"years is 2001-2000"),
        ({"rows": 5, "last_year": 2156}, r"years is 1900-2156"),
        (
            {"rows": 13, "companies": 1, "first_year": 2022},
            r"companies is 1, .*at most 12 rows.*from 2 to 13",
        ),
        ({"rows": 5, "companies": 0}, r"companies is 0.*from 1 to 5"),
        ({"rows": 5, "companies": 6}, r"companies is 6.*from 1 to 5"),
        ({"rows": 1_001, "companies": 2}, r"at most 1,000 rows.*from 3 to 1001"),
    ],
)
def test_a_wish_that_cannot_work_is_refused_by_name(
    wish: dict[str, float], told: str
) -> None:
    """The message is all that a user at a prompt has: it says what would work."""
    with pytest.raises(ConfigurationError, match=told):
        DummyRequest(**wish)


def test_a_block_without_rows_is_refused() -> None:
    """It would never come to an end."""
    with pytest.raises(ConfigurationError, match="block_rows is 0: give 1 or more"):
        next(dummy_blocks(DummyRequest(5), 0))
