"""The laws of headers: every name in use is found, and no file is guessed at."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bulk_pipeline.core.duplicates import YEAR_SPAN
from bulk_pipeline.core.errors import MissingColumns
from bulk_pipeline.core.schema import (
    FIRST_YEAR,
    INPUT_COLUMNS,
    KEY,
    LAST_YEAR,
    PERCENT_RATIOS,
    RATIOS,
    STORED_RANGES,
    folded,
    known_columns,
    match_header,
)
from bulk_pipeline_tests.builders import HEADER

IN_USE = {
    "company_symbol": ("stock_symbol", "symbol", "ticker", "stock"),
    "company_name": ("name", "company"),
    "sector": ("industry", "gics_sector"),
    "market_cap": ("market_capitalization", "mkt_cap"),
    "reporting_year": ("year", "fiscal_year", "fy"),
    "reporting_quarter": ("quarter", "fiscal_quarter"),
    "long_term_debt_to_total_capital": (
        "long-term debt / total capital (%)",
        "lt_debt_to_capital",
        "ltd_to_capital",
    ),
    "total_debt_to_ebitda": ("total debt / ebitda", "debt_to_ebitda"),
    "net_income_margin": ("net income margin (%)", "net_margin"),
    "ebit_to_interest_expense": ("ebit / interest expense", "interest_coverage"),
    "return_on_assets": ("return on assets (%)", "roa"),
}
"""The headers that files in the field carry, written down apart from the code."""
SPELLINGS = [(name, text) for name in IN_USE for text in (name, *IN_USE[name])]
NEEDED = [
    name for name in IN_USE if name not in ("sector", "market_cap", "reporting_quarter")
]


def header_with(name: str, text: str) -> list[str]:
    """A whole header in which one column is called otherwise."""
    return [text if own == name else own for own in HEADER]


@pytest.mark.parametrize(("name", "text"), SPELLINGS)
def test_a_column_is_found_under_each_of_its_names(name, text):
    """A supplier who writes "Fiscal Year" would have every file sent back."""
    dressed = [
        text,
        text.upper(),
        text.title(),
        f"  {text}\u00a0",
        text.replace("_", " "),
        text.replace("_", "-").replace(" ", "."),
        text.replace("_", "").replace(" ", "\n"),
        f"{text} (%)",
        text.replace("/", "_").replace("-", "/"),
    ]
    for header in (header_with(name, own) for own in dressed):
        found = match_header(header)
        assert found.positions == {own: at for at, own in enumerate(HEADER)}
        assert found.ignored == ()


def test_the_columns_are_those_of_the_field():
    """A column lost in an edit would be ignored in every file, without a word."""
    assert tuple(IN_USE) == HEADER
    assert [c.name for c in INPUT_COLUMNS if c.needed] == NEEDED
    assert len(RATIOS) == 5
    assert PERCENT_RATIOS == (
        "long_term_debt_to_total_capital",
        "net_income_margin",
        "return_on_assets",
    )
    assert KEY == ("company_symbol", "reporting_year", "reporting_quarter")


def test_no_text_names_two_columns():
    """Which of the two a file meant would depend on the order of our own list."""
    texts = [{folded(t) for t in (c.name, *c.synonyms)} for c in INPUT_COLUMNS]
    assert len(set().union(*texts)) == sum(map(len, texts))


@settings(deadline=None)
@given(st.permutations([*HEADER, "Comment", "isin"]))
def test_the_order_of_columns_does_not_matter(header):
    """Figures read from the wrong position would be scored as another ratio."""
    found = match_header(header)
    assert {header[at]: name for name, at in found.positions.items()} == {
        name: name for name in HEADER
    }
    assert found.ignored == tuple(t for t in header if t in ("Comment", "isin"))


def test_optional_columns_may_be_absent():
    """Most suppliers send neither sector nor market value."""
    assert set(match_header(NEEDED).positions) == set(NEEDED)


@pytest.mark.parametrize("name", NEEDED)
def test_a_missing_column_is_named_beside_what_was_found(name):
    """The sender sees at once which header to rename, without our documents."""
    header = header_with(name, "Bogus; Header")
    with pytest.raises(MissingColumns) as told:
        match_header(header)
    message = str(told.value)
    assert message.startswith(f"Needed columns are missing: {name}. The header has: ")
    assert "'Bogus; Header'" in message
    assert all(repr(other) in message for other in header)


def test_all_missing_columns_are_named_at_once():
    """One name a try would cost the sender eight tries."""
    with pytest.raises(MissingColumns) as told:
        match_header([])
    assert f"missing: {', '.join(NEEDED)}." in str(told.value)
    assert "The header has: nothing." in str(told.value)


@pytest.mark.parametrize(
    ("first", "second"),
    [("reporting_year", "FY"), ("Year", "Fiscal Year"), ("year", "year")],
)
def test_two_headers_for_one_column_are_refused(first, second):
    """Taking either would be a guess about which figures are right."""
    header = [*header_with("reporting_year", first), second]
    with pytest.raises(MissingColumns) as told:
        match_header(header)
    assert str(told.value).startswith(
        f"Two columns mean reporting_year: {first!r} and {second!r}."
    )


@pytest.mark.parametrize(
    ("header", "count"),
    [
        ([], 0),
        (["", "Report of 2012"], 0),
        (["Ticker", "isin"], 1),
        (["Ticker", "SYMBOL", "stock"], 1),
        (list(HEADER), 11),
    ],
)
def test_known_columns_are_counted_once_each(header, count):
    """The header row below a title is found by this count; doubles would win it."""
    assert known_columns(header) == count


@settings(deadline=None)
@given(st.text())
def test_a_folded_header_folds_to_itself(text):
    """Otherwise two comparisons of one header could disagree."""
    assert folded(folded(text)) == folded(text)


def test_stored_ranges_let_no_infinity_pass():
    """The bulk driver does not check; an infinity stored would poison every mean."""
    assert set(STORED_RANGES) == {
        "reporting_year",
        *RATIOS,
        "probability",
        "confidence",
    }
    for lowest, highest in STORED_RANGES.values():
        assert -math.inf < lowest < highest < math.inf
    assert STORED_RANGES["reporting_year"] == (FIRST_YEAR, LAST_YEAR)


def test_every_storable_year_has_its_own_code():
    """Two years with one code would make two rows of a company one."""
    assert LAST_YEAR - FIRST_YEAR < YEAR_SPAN
