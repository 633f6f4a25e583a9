"""The laws of figures: what a cell says is what is kept, and missing is never 0."""

import math
import sys
from decimal import Decimal

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bulk_pipeline.core.number_style import NumberStyle
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
        *("1,5", "1.234,5", "1.234.567", "24,111", "1 234,5", "1'234", "12,34,567"),
        *(" 7 ", "\u00a07\u00a0", "+5", "- 5", "(nan)", "()", "nan%", "abc", "0.05"),
    ]
)


def parsed(*texts, percent=False, **options):
    """Values and reasons of some cells."""
    cells = pl.Series("cell", texts, dtype=pl.String)
    found = parse_numbers(cells, percent=percent, **options)
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


@pytest.mark.parametrize("text", ["5e-324", "-1e-310", "(1e-310)", "2.2e-308"])
def test_what_is_too_small_for_a_database_is_refused(text):
    """SQL Server takes no such number, and one would sink the batch that brings it."""
    assert parsed(text) == ([None], ["too_small"])
    assert parsed("0", text, "-0.0", "1") == (
        [0.0, None, -0.0, 1.0],
        [None, "too_small", None, None],
    )


def test_the_smallest_number_that_a_database_takes_is_kept():
    """The limit itself is a number like others."""
    smallest = sys.float_info.min
    assert parsed(repr(smallest), repr(-smallest)) == (
        [smallest, -smallest],
        [None, None],
    )


def test_a_fraction_too_large_for_a_percent_number_is_refused():
    """The factor itself must not make the infinity that the cell did not hold."""
    largest = repr(sys.float_info.max)
    assert parsed(largest) == ([sys.float_info.max], [None])
    assert parsed(largest, fractions=True) == ([None], ["not_finite"])


@pytest.mark.parametrize(
    "text",
    [
        *("abc", "TRUE", "1,000,5", "1 00", "1 000 5", "1_000", "0x10", "5 m"),
        *("()", "(-3)", "(+3)", "-(3)", "(3", "3)", "((3))", "--3", "+-3", "%", "5%%"),
        *("\u0663", "\u200b5", "5\x00", "=1+1", "2012-01-31", "$5", "\uff15"),
        *("12.3.4", "."),
        *("12,34,567", "1,2,3", "0,123.4", "1234,567.8", "1,234.5,6", ",", "1,.5"),
        *("1'23", "1 234 56", "1 234'567", "0 123", "1234 567", "1,234 567", "1  234"),
        *("1\u3000234", "1\t234", "1.234 567", "1,\u0662\u0663\u0664"),
    ],
)
def test_what_is_no_figure_is_refused_and_not_guessed(text):
    """Digits that are joined where a separator was misplaced make another figure."""
    for style in NumberStyle:
        for percent in (True, False):
            found = parsed(text, percent=percent, style=style)
            assert found == ([None], ["not_a_number"])


POINTS = {
    "1,234": 1234.0,
    "1,234.5": 1234.5,
    "-1,234.5": -1234.5,
    "12,345,678": 12345678.0,
    "(1,234.5)": -1234.5,
    "\u2212999,999.": -999999.0,
    "1,234.5e3": 1234500.0,
    "1 234": 1234.0,
    "1\u00a0234\u00a0567.25": 1234567.25,
    "1\u202f234": 1234.0,
    "1\u2009234": 1234.0,
    "1'234'567": 1234567.0,
    "1\u2019234.5": 1234.5,
    "- 1 234.5": -1234.5,
    "1.5": 1.5,
    "24.111": 24.111,
    ".5": 0.5,
    "1.": 1.0,
    "0.123": 0.123,
    "1234.567": 1234.567,
    "1.5e3": 1500.0,
    "24": 24.0,
}
"""Numbers of a file of decimal points."""


@pytest.mark.parametrize(("text", "value"), POINTS.items())
@pytest.mark.parametrize("style", NumberStyle)
def test_thousands_are_grouped_in_threes_and_decimals_follow_the_style(
    text, value, style
):
    """A market value cut off at its first separator would be a millionth of itself."""
    if style is NumberStyle.COMMA:
        text = text.translate(str.maketrans(".,", ",."))
    assert parsed(text, style=style) == ([value], [None])
    assert parsed("1", f" {text}%", percent=True, style=style) == (
        [1.0, value],
        [None, None],
    )


@pytest.mark.parametrize(
    "text",
    [
        *("1,5", "(1,5)", "0,123", "1234,567", "1.234,5", "1.234.567"),
        *(",5", "1,", "1,5e400"),
    ],
)
def test_a_number_of_the_other_style_is_refused_by_that_name(text):
    """Told apart from a word, it points to the setting and not to the cell."""
    for percent in (True, False):
        assert parsed(text, percent=percent) == ([None], ["other_decimal"])
    other = text.translate(str.maketrans(".,", ",."))
    found = parsed("1", other, style=NumberStyle.COMMA)
    assert found == ([1.0, None], [None, "other_decimal"])


def test_a_point_is_a_decimal_point_in_a_file_that_types_its_cells():
    """A workbook's own number 24.111 must not become 24111 beside a text of 1,5."""
    cells = ("24.111", "0.5", "(24.111)", "1,5", "1.234,5", "24,111", "24")
    values, reasons = parsed(*cells, style=NumberStyle.COMMA, typed=True)
    assert values == [24.111, 0.5, -24.111, 1.5, 1234.5, 24.111, 24.0]
    assert reasons == [None] * 7
    assert parsed("1.234.567", "1,234.5", style=NumberStyle.COMMA, typed=True) == (
        [None, None],
        ["other_decimal"] * 2,
    )
    points = parsed("24.111", "1,234", "1,5", typed=True)
    assert points == ([24.111, 1234.0, None], [None, None, "other_decimal"])


@pytest.mark.parametrize("text", ["0,0005", "0,05%", "(0,0005)"])
def test_fractions_may_have_a_decimal_comma(text):
    """The unit of a file and its decimal mark have nothing to do with each other."""
    (value,), _ = parsed(text, percent=True, fractions=True, style=NumberStyle.COMMA)
    assert value == (-0.05 if "(" in text else 0.05)


@pytest.mark.parametrize(
    ("texts", "doubtful"),
    [
        ((), False),
        (("24.111", "", "NM", "(1.5)", "abc", "1,2,3", "1 234", "1'234.5"), False),
        (("1,234.5", "1,234,567", "12,345,678.9"), False),
        (("24.111", "1,5"), True),
        (("1.234.567",), True),
        (("24,111",), True),
        (("(24,111 %)",), True),
        (("abc", "1.234,5", "24"), True),
    ],
)
def test_a_figure_that_may_mean_something_else_is_in_doubt(texts, doubtful):
    """The reader goes on as long as points explain every cell, and stops when not."""
    cells = pl.Series(texts, dtype=pl.String)
    assert parse_numbers(cells, percent=True).doubtful is doubtful
    marks = pl.Series([t.translate(str.maketrans(".,", ",.")) for t in texts])
    mirrored = parse_numbers(
        marks.cast(pl.String), percent=True, style=NumberStyle.COMMA
    )
    assert mirrored.doubtful is doubtful


def test_error_cells_are_counted_among_the_missing():
    """A formula that failed is worth a word to the sender; a blank is not."""
    cells = pl.Series(["1", "", "NM", "#N/A", "#DIV/0!", " #ref! ", "abc"])
    assert parse_numbers(cells).error_cells == 2
    assert parse_numbers(cells.head(4)).error_cells == 0


def test_the_texts_of_a_caller_stay_as_they_are():
    """Rejects show the cell as it stood in the file."""
    texts = ["(1,5)", "1.234,5", "-", " 7 ", "1 234", "24,111"]
    cells = pl.Series(texts)
    for style in NumberStyle:
        parse_numbers(cells, percent=True, fractions=True, style=style)
    assert cells.to_list() == texts


def test_no_cells_give_no_values():
    """A file of a header alone goes the same way as any other."""
    assert parsed() == ([], [])


def test_a_column_without_any_figure_is_all_missing():
    """A supplier who never reports a ratio must not have every row rejected."""
    assert parsed("", "", "") == ([None] * 3, [None] * 3)
    assert parsed("NM", "-", "") == ([None] * 3, [None] * 3)


@settings(max_examples=50, deadline=None)
@given(st.floats(allow_nan=False, allow_infinity=False, allow_subnormal=False))
def test_a_figure_written_out_comes_back_to_the_last_bit(number):
    """Rows loaded again would count as conflicts with themselves."""
    (plain, signed, bracketed), _ = parsed(
        repr(number), f"{number!r}%", f"({abs(number)!r})", percent=True
    )
    assert (plain, signed, bracketed) == (number, number, -abs(number))


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.one_of(st.text(max_size=6), ODD, st.floats().map(repr)), max_size=8),
    st.fixed_dictionaries(
        {
            "percent": st.booleans(),
            "fractions": st.booleans(),
            "style": st.sampled_from(NumberStyle),
            "typed": st.booleans(),
        }
    ),
)
def test_any_cell_is_a_finite_value_or_missing_or_refused_alone(texts, options):
    """What a cell means must not depend on its neighbours in the file."""
    together = parsed(*texts, **options)
    for text, value, reason in zip(texts, *together, strict=True):
        alone = parsed(text, **options)
        assert alone == ([value], [reason])
        assert value is None or (math.isfinite(value) and reason is None)
        assert reason in (
            None,
            "not_a_number",
            "other_decimal",
            "not_finite",
            "too_small",
        )


@pytest.mark.parametrize("text", ["0.07", "0.29", "0.24111", "0.57", " 0.07 "])
def test_a_fraction_is_the_same_number_as_its_percent_text(text: str) -> None:
    """The same accounts sent in both units must not contradict each other."""
    percent = str(Decimal(text.strip()) * 100)
    fractions = parse_numbers(pl.Series([text]), percent=True, fractions=True)
    percents = parse_numbers(pl.Series([percent]), percent=True)

    assert fractions.values.to_list() == percents.values.to_list()


CELLS = st.one_of(
    st.floats(width=64).map(repr),
    st.decimals(allow_nan=False, allow_infinity=False, places=3).map(str),
    st.sampled_from(
        [
            *("", " ", "-", "n/a", "inf", "-inf", "nan", "1e400", "1e-400", "1e-310"),
            *("0", "-0", "+1", " 1.5 ", "1,5", "1,234", "5%", "(3)", "#DIV/0!"),
            *("2.2250738585072014e-308", "1.7976931348623157e308", "twelve"),
        ]
    ),
)


@settings(max_examples=300, deadline=None)
@given(
    st.lists(CELLS, max_size=6),
    st.booleans(),
    st.booleans(),
    st.sampled_from(NumberStyle),
)
def test_the_quick_look_never_decides_otherwise(texts, percent, fractions, style):
    """A column that passes the quick look must be what the careful one makes of it."""
    rules = {"percent": percent, "fractions": fractions, "style": style}
    cells = pl.Series(texts, dtype=pl.String)
    found = parse_numbers(cells, **rules)
    # One cell that is no number sends all of them to the careful look.
    careful = parse_numbers(pl.concat([cells, pl.Series(["x"])]), **rules)
    assert found.values.equals(careful.values.head(len(texts)), null_equal=True)
    refused = [None] * len(texts) if found.refused is None else found.refused.to_list()
    assert careful.refused is not None
    assert refused == careful.refused.head(len(texts)).to_list()
    assert found.error_cells == careful.error_cells
    assert found.doubtful == careful.doubtful
