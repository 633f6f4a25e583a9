"""The laws of figures: what a cell says is what is kept, and missing is never 0."""

import math
import sys
from decimal import Decimal

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bulk_pipeline.core.numbers import ERROR_CELLS, MISSING_TOKENS, parse_numbers

MISSING = ("", "-", "NM", "N/A", "NA", "#N/A", "null", "none", "nan")
ERRORS = (
    "#NULL!",
    "#DIV/0!",
    "#VALUE!",
    "#REF!",
    "#NAME?",
    "#NUM!",
    "#GETTING_DATA",
    "#SPILL!",
    "#CONNECT!",
    "#BLOCKED!",
    "#UNKNOWN!",
    "#FIELD!",
    "#CALC!",
)
ODD = st.sampled_from(
    [
        *MISSING,
        *ERRORS,
        *("5%", "5 %", "(3.2)", "(3.2%)", "\u22123.2", "inf", "1e400", "1,000", "%"),
        *(" 7 ", "\u00a07\u00a0", "+5", "- 5", "(nan)", "()", "nan%", "abc", "0.05"),
    ]
)


def parsed(*texts, percent=False, fractions=False):
    """Values and reasons of some cells."""
    cells = pl.Series("cell", texts, dtype=pl.String)
    found = parse_numbers(cells, percent=percent, fractions=fractions)
    refused = found.refused
    reasons = [None] * len(texts) if refused is None else refused.to_list()
    assert found.values.dtype == pl.Float64
    assert len(found.values) == len(reasons) == len(texts)
    return found.values.to_list(), reasons


@pytest.mark.parametrize("token", [*MISSING, *ERRORS])
@pytest.mark.parametrize("percent", [False, True])
def test_a_missing_token_is_missing_and_never_zero(token, percent):
    """A 0 has a bin of its own: a company would be scored on a figure nobody gave."""
    dressed = [token, token.lower(), token.title(), token.upper()]
    dressed += [f" {token} ", f"\u00a0{token}", f"{token}\t"]
    nothing = [None] * len(dressed)
    assert parsed(*dressed, percent=percent) == (nothing, nothing)
    values, reasons = parsed("4", *dressed, "abc", percent=percent)
    assert values == [4.0, *nothing, None]
    assert reasons == [None, *nothing, "not_a_number"]


def test_the_missing_tokens_are_those_of_the_field():
    """One token more and a figure is dropped; one less and a good row is rejected."""
    assert {token.lower() for token in MISSING} == MISSING_TOKENS
    assert {token.lower() for token in ERRORS} == ERROR_CELLS


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("24.111", 24.111),
        ("0", 0.0),
        ("-24.182", -24.182),
        ("+5", 5.0),
        (".5", 0.5),
        ("5.", 5.0),
        ("1e5", 1e5),
        ("1E-3", 1e-3),
        ("100000000", 1e8),
        (" 3.2 ", 3.2),
        ("\t3.2\n", 3.2),
        ("\u00a03.2\u00a0", 3.2),
        ("\u202f3.2", 3.2),
        ("(3.2)", -3.2),
        (" ( 3.2 ) ", -3.2),
        ("\u22123.2", -3.2),
        ("\u2212 3.2", -3.2),
        ("- 3.2", -3.2),
        ("+ 3.2", 3.2),
        ("1e-400", 0.0),
    ],
)
@pytest.mark.parametrize("percent", [False, True])
def test_a_figure_is_what_an_accountant_reads(text, value, percent):
    """A loss in parentheses that became a profit would turn the score around."""
    assert parsed(text, percent=percent) == ([value], [None])
    assert parsed("1", text, "", percent=percent) == ([1.0, value, None], [None] * 3)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("5%", 5.0),
        ("5 %", 5.0),
        (" 5% ", 5.0),
        ("-5%", -5.0),
        ("(5%)", -5.0),
        ("(5) %", -5.0),
        ("\u22125\u00a0%", -5.0),
        ("0.05%", 0.05),
    ],
)
def test_a_percent_sign_is_the_unit_of_a_percent_column_only(text, value):
    """Percent of what, in a column of multiples? A guess would be off by 100."""
    assert parsed(text, percent=True) == ([value], [None])
    assert parsed(text, percent=False) == ([None], ["not_a_number"])


def test_fractions_become_percent_numbers_but_for_cells_with_a_sign():
    """A sheet mixes 0.05 and 5%: both are 5 %, and 500 % would be believed."""
    cells = ("0.05", "5%", "(0.05)", "(5%)", "-0.5", "", "NM", " 0.25 ")
    values, reasons = parsed(*cells, percent=True, fractions=True)
    assert values == pytest.approx([5.0, 5.0, -5.0, -5.0, -50.0, None, None, 25.0])
    assert reasons == [None] * 8
    plain, none = parsed("0.05", "-0.5", percent=True, fractions=True)
    assert plain == pytest.approx([5.0, -50.0])
    assert none == [None, None]


@pytest.mark.parametrize(
    "text",
    ["inf", "-inf", "+Infinity", "INF", "1e400", "-1e400", "(1e400)", "-nan", "(inf)"],
)
def test_what_is_not_finite_is_refused(text):
    """An infinity falls into a bin like a figure and spoils every sum after it."""
    assert parsed(text) == ([None], ["not_finite"])
    assert parsed("1", text) == ([1.0, None], [None, "not_finite"])
    assert parsed(f"{text}%", percent=True)[0] == [None]


def test_a_fraction_too_large_for_a_percent_number_is_refused():
    """The factor itself must not make the infinity that the cell did not hold."""
    largest = repr(sys.float_info.max)
    assert parsed(largest) == ([sys.float_info.max], [None])
    assert parsed(largest, fractions=True) == ([None], ["not_finite"])


@pytest.mark.parametrize(
    "text",
    [
        *("abc", "TRUE", "1,000", "1.000,5", "1 000", "1_000", "0x10", "5 m", "12.3.4"),
        *("()", "(-3)", "(+3)", "-(3)", "(3", "3)", "((3))", "--3", "+-3", "%", "5%%"),
        *("\u0663", "\u200b5", "5\x00", "=1+1", "2012-01-31", "$5"),
    ],
)
def test_what_is_no_figure_is_refused_and_not_guessed(text):
    """Separators are settled for a whole file; a cell alone cannot tell 1,000."""
    assert parsed(text, percent=True) == ([None], ["not_a_number"])
    assert parsed(text, percent=False) == ([None], ["not_a_number"])


def test_no_cells_give_no_values():
    """A file of a header alone goes the same way as any other."""
    assert parsed() == ([], [])


def test_a_column_without_any_figure_is_all_missing():
    """A supplier who never reports a ratio must not have every row rejected."""
    assert parsed("", "", "") == ([None] * 3, [None] * 3)
    assert parsed("NM", "-", "") == ([None] * 3, [None] * 3)


@settings(max_examples=50, deadline=None)
@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_figure_written_out_comes_back_to_the_last_bit(number):
    """Rows loaded again would count as conflicts with themselves."""
    (plain, signed, bracketed), _ = parsed(
        repr(number), f"{number!r}%", f"({abs(number)!r})", percent=True
    )
    assert (plain, signed, bracketed) == (number, number, -abs(number))


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.one_of(st.text(max_size=6), ODD, st.floats().map(repr)), max_size=8),
    st.booleans(),
    st.booleans(),
)
def test_any_cell_is_a_finite_value_or_missing_or_refused_alone(
    texts, percent, fractions
):
    """What a cell means must not depend on its neighbours in the file."""
    together = parsed(*texts, percent=percent, fractions=fractions)
    for text, value, reason in zip(texts, *together, strict=True):
        alone = parsed(text, percent=percent, fractions=fractions)
        assert alone == ([value], [reason])
        assert value is None or (math.isfinite(value) and reason is None)
        assert reason in (None, "not_a_number", "not_finite")


@pytest.mark.parametrize("text", ["0.07", "0.29", "0.24111", "0.57", " 0.07 "])
def test_a_fraction_is_the_same_number_as_its_percent_text(text: str) -> None:
    """The same accounts sent in both units must not contradict each other."""
    percent = str(Decimal(text.strip()) * 100)
    fractions = parse_numbers(pl.Series([text]), percent=True, fractions=True)
    percents = parse_numbers(pl.Series([percent]), percent=True)

    assert fractions.values.to_list() == percents.values.to_list()
