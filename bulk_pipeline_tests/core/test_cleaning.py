"""The laws of cleaning: every row is kept or rejected by name, and none by another."""

from itertools import pairwise

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from bulk_pipeline.core.cleaning import (
    REASONS,
    REJECT_SCHEMA,
    ROW_SCHEMA,
    CleaningRules,
    clean,
)
from bulk_pipeline.core.number_style import NumberStyle
from bulk_pipeline.core.numbers import ERROR_CELLS, MISSING_TOKENS
from bulk_pipeline.core.schema import INPUT_COLUMNS, PERCENT_RATIOS, QUARTERS, RATIOS
from bulk_pipeline_tests.builders import HEADER, ROW

RULES = CleaningRules(latest_year=2027)
UNSEEN = "\u200b\u200e\u200f\u202a\u202e\u2060\u2066\u2069\ufeff\u2028\u2029\x7f"
"""Marks that no reader of a text can see."""
OPTIONAL = tuple(column.name for column in INPUT_COLUMNS if not column.needed)


def texts_of(*changes, columns=HEADER):
    """Text rows: the good row with these changes, lines counted from 2."""
    rows = [[{**ROW, **change}[name] for name in columns] for change in changes]
    frame = pl.DataFrame(rows, schema=dict.fromkeys(columns, pl.String), orient="row")
    lines = pl.int_range(2, len(changes) + 2, dtype=pl.Int64, eager=True)
    return frame.insert_column(0, lines.alias("line"))


def kept(column, *texts, rules=RULES):
    """What one column's cells became; none of them may be rejected."""
    found = clean(texts_of(*({column: text} for text in texts)), rules)
    assert found.rejects.rows() == []
    return found.rows[column].to_list()


def refusal(change, rules=RULES):
    """Why a row was refused that stands between two good ones."""
    found = clean(texts_of({}, change, {}), rules)
    assert found.rows["line"].to_list() == [2, 4]
    assert found.rejects["row"].to_list() == [1]
    assert found.rejects["line"].to_list() == [3]
    return found.rejects.select("column", "reason", "value").row(0)


CELLS = {
    "company_symbol": ("HPE", " brk.a ", "NA", "x" * 21, "", "a\0b", "\u00df" * 11),
    "company_name": ("Hewlett", " A & B ", "", "n" * 256, "a\tb"),
    "sector": ("Technology", "", " ", " Energy", "s" * 101),
    "market_cap": ("100000", "", "NM", "1e9", "5%", "abc", "inf"),
    "reporting_year": ("2012", " 2011 ", "2012-12-31", "1899", "2028", "", "soon"),
    "reporting_quarter": ("Q4", "q1", "4", "2.0", "FY", "", " ", "Q7"),
    **dict.fromkeys(
        RATIOS,
        (
            *("24.111", "", "-", "nm", "#DIV/0!", "5%", "(3.2)", "\u22123.2", "0.05"),
            *("inf", "1e400", "nan", "abc", "\u00a07 ", "0"),
            *("1,5", "24,111", "1,234.5"),
        ),
    ),
}
"""Cells of each column that take every way through the code."""


@st.composite
def tables(draw):
    """Text rows of any cells, good and bad, with any of the optional columns."""
    absent = draw(st.sets(st.sampled_from(OPTIONAL)))
    columns = [name for name in HEADER if name not in absent]
    wild = draw(st.booleans())
    cells = {
        name: st.just(ROW[name]) | st.sampled_from(CELLS[name]) for name in columns
    }
    if wild:
        cells = {name: cell | st.text(max_size=5) for name, cell in cells.items()}
    rows = draw(st.lists(st.fixed_dictionaries(cells), max_size=8))
    return texts_of(*rows, columns=columns)


RULE_SETS = st.builds(
    CleaningRules,
    latest_year=st.sampled_from([2012, 2027]),
    blank_quarter=st.sampled_from(QUARTERS),
    fractions=st.booleans(),
    style=st.sampled_from(NumberStyle),
    settled=st.booleans(),
    typed=st.booleans(),
)


@settings(max_examples=40, deadline=None)
@given(tables(), RULE_SETS)
def test_every_row_is_kept_or_rejected(texts, rules):
    """A row lost between the two is one that no report would ever show."""
    found = clean(texts, rules)
    assert found.rows.schema == ROW_SCHEMA
    assert found.rejects.schema == REJECT_SCHEMA
    assert found.rows.height + found.rejects.height == texts.height
    lines = [*found.rows["line"], *found.rejects["line"]]
    assert sorted(lines) == texts["line"].to_list()
    for name in ("rows", "rejects"):
        assert getattr(found, name)["line"].is_sorted()
    assert set(found.rejects["reason"]) <= set(REASONS)
    for row, line, column, _, value in found.rejects.iter_rows():
        assert texts["line"][row] == line
        assert texts[column][row] == value
    whole = [name for name in ROW_SCHEMA if name not in (*RATIOS, "sector")]
    whole.remove("market_cap")
    assert found.rows.select(whole).null_count().sum_horizontal().sum() == 0
    for name in (*RATIOS, "market_cap"):
        assert found.rows[name].drop_nulls().is_finite().all()
    sectors = found.rows["sector"].drop_nulls()
    assert (sectors == sectors.str.strip_chars()).all()
    assert "" not in sectors


@settings(max_examples=40, deadline=None)
@given(tables(), RULE_SETS, st.data())
def test_a_file_cleaned_in_pieces_is_the_file_cleaned_whole(texts, rules, data):
    """The size of a chunk is a matter of memory; it must not change what is stored."""
    cuts = data.draw(st.lists(st.integers(0, texts.height), max_size=3))
    edges = [0, *sorted(cuts), texts.height]
    pieces = [(clean(texts[a:b], rules), a) for a, b in pairwise(edges)]
    whole = clean(texts, rules)
    assert_frame_equal(pl.concat([p.rows for p, _ in pieces]), whole.rows)
    rejects = [p.rejects.with_columns(pl.col("row") + at) for p, at in pieces]
    assert_frame_equal(pl.concat(rejects), whole.rejects)
    assert sum(p.dates_as_years for p, _ in pieces) == whole.dates_as_years
    assert sum(p.error_cells for p, _ in pieces) == whole.error_cells
    assert any(p.doubtful for p, _ in pieces) == whole.doubtful


@settings(max_examples=30, deadline=None)
@given(tables(), RULE_SETS)
def test_cleaning_what_is_clean_changes_nothing(texts, rules):
    """An exported table is sent in again; it must be the same accounts."""
    once = clean(texts, rules).rows
    again = once.with_columns(pl.exclude("line").cast(pl.String).fill_null(""))
    twice = clean(again, CleaningRules(rules.latest_year))
    assert_frame_equal(twice.rows, once)
    assert twice.rejects.is_empty()
    assert twice.dates_as_years == 0


def test_a_good_row_is_kept_as_it_is():
    """The plain case: every figure of the sample stands where it belongs."""
    found = clean(texts_of({}), RULES)
    assert found.rejects.is_empty()
    assert found.dates_as_years == 0
    assert found.rows.row(0, named=True) == {
        **ROW,
        "line": 2,
        "market_cap": 100_000.0,
        "reporting_year": 2012,
        **{name: float(ROW[name]) for name in RATIOS},
    }


def test_no_rows_are_cleaned_as_no_rows_of_the_same_types():
    """A file of a header alone is stored as nothing, not as a failure."""
    found = clean(texts_of(), RULES)
    assert found.rows.schema == ROW_SCHEMA
    assert found.rejects.schema == REJECT_SCHEMA
    assert found.rows.height == found.rejects.height == found.dates_as_years == 0


@pytest.mark.parametrize(
    ("text", "symbol"),
    [
        ("hpe", "HPE"),
        (" BRK.A ", "BRK.A"),
        ("bf.b\u00a0", "BF.B"),
        ("\u202f\u2003bf.b\u3000", "BF.B"),
        ("BRK  A", "BRK  A"),
        *((text, text) for text in ("0700", "NA", "TRUE", "1E5", "NULL", "-", "007")),
        ("nan", "NAN"),
        ("x" * 20, "X" * 20),
    ],
)
def test_a_symbol_is_text_trimmed_and_in_upper_case(text, symbol):
    """0700 read as 700 is another company, and NA read as missing is none."""
    assert kept("company_symbol", text) == [symbol]
    assert kept("company_symbol", "HPE", text) == ["HPE", symbol]


@pytest.mark.parametrize("name", ["NA", "None", "3M", "1.0", "True Corp", "=Equal="])
def test_a_name_is_text_whatever_it_looks_like(name):
    """A company may be called anything; only its blanks around are noise."""
    assert kept("company_name", name, f" {name}\u00a0") == [name, name]


@pytest.mark.parametrize("name", ["\u0646\u06cc\u200c\u06a9", "\u0915\u094d\u200d"])
def test_a_name_may_hold_the_joiners_of_its_script(name):
    """Persian and Hindi names are written with them; without, the word is another."""
    assert kept("company_name", name) == [name]


@pytest.mark.parametrize(
    ("column", "text", "reason"),
    [
        ("company_symbol", "", "blank"),
        ("company_symbol", " \u00a0", "blank"),
        ("company_symbol", "x" * 21, "too_long"),
        ("company_symbol", "\u00df" * 11, "too_long"),
        ("company_symbol", "A\x00B", "control_character"),
        ("company_name", "", "blank"),
        ("company_name", "\t", "blank"),
        ("company_name", "n" * 256, "too_long"),
        *(
            ("company_symbol", f"HP{mark}E", "control_character")
            for mark in f"{UNSEEN}\u200c\u200d\u00ad\u034f\u061c\u180e\u3164\ufe0f\x85"
        ),
        ("company_symbol", "\ufeffHPE", "control_character"),
        ("company_symbol", "HPE\u200b", "control_character"),
        *(("company_name", f"Hew{mark}lett", "control_character") for mark in UNSEEN),
        ("company_name", "two\nlines", "control_character"),
        ("sector", "s" * 101, "too_long"),
        ("sector", "bell\x07", "control_character"),
        ("market_cap", "big", "not_a_number"),
        ("market_cap", "5%", "not_a_number"),
        ("market_cap", "1e400", "not_finite"),
        ("market_cap", "1,5", "other_decimal"),
        ("return_on_assets", "1.234,5", "other_decimal"),
        ("reporting_year", "", "blank"),
        ("reporting_year", "soon", "not_a_year"),
        ("reporting_year", "41274", "not_a_year"),
        ("reporting_year", "1899", "year_out_of_range"),
        ("reporting_year", "2028", "year_out_of_range"),
        ("reporting_quarter", "Q5", "not_a_quarter"),
        ("total_debt_to_ebitda", "5%", "not_a_number"),
        ("ebit_to_interest_expense", "5%", "not_a_number"),
        *((name, "abc", "not_a_number") for name in RATIOS),
        *((name, "inf", "not_finite") for name in RATIOS),
        *((name, "1e400", "not_finite") for name in RATIOS),
    ],
)
def test_one_bad_cell_rejects_its_row_alone_and_by_name(column, text, reason):
    """The reference lost up to 49 good rows with a bad one, and did not say which."""
    assert refusal({column: text}) == (column, reason, text)


def test_a_row_is_rejected_once_for_its_first_bad_column():
    """Two rejects for one row would break the sum of kept and rejected."""
    bad = {"company_name": "", "reporting_year": "soon", "return_on_assets": "abc"}
    assert refusal(bad) == ("company_name", "blank", "")
    assert refusal({**bad, "company_name": "A"}) == (
        "reporting_year",
        "not_a_year",
        "soon",
    )


def test_every_row_may_be_bad():
    """A file of rejects alone must still be told apart from an empty one."""
    found = clean(texts_of({"company_symbol": ""}, {"sector": "s" * 101}), RULES)
    assert found.rows.is_empty()
    assert found.rows.schema == ROW_SCHEMA
    assert found.rejects["row"].to_list() == [0, 1]


@pytest.mark.parametrize("column", [*RATIOS, "market_cap"])
def test_a_missing_figure_stays_missing(column):
    """One real row in five lacks a ratio; 0 would be scored as a real figure."""
    tokens = sorted(MISSING_TOKENS | ERROR_CELLS)
    texts = [dress(token) for token in tokens for dress in (str, str.upper, str.title)]
    assert kept(column, *texts) == [None] * len(texts)


@pytest.mark.parametrize("column", PERCENT_RATIOS)
def test_a_percent_sign_stands_in_every_percent_column(column):
    """A percent-formatted cell arrives as 5% and means what 5 means beside it."""
    assert kept(column, "5%", "5", "(5 %)") == [5.0, 5.0, -5.0]


def test_fractions_concern_percent_ratios_only():
    """A multiple of 2 that became 200 would look like a company in ruins."""
    cells = dict.fromkeys((*RATIOS, "market_cap"), "0.25")
    row = clean(texts_of(cells), CleaningRules(2027, fractions=True)).rows.row(
        0, named=True
    )
    assert {name: row[name] for name in cells} == {
        name: 25.0 if name in PERCENT_RATIOS else 0.25 for name in cells
    }
    as_percent = clean(texts_of(cells), RULES).rows
    assert as_percent.select(list(cells)).row(0) == (0.25,) * 6


def test_a_cell_with_a_percent_sign_is_no_fraction():
    """The sign says the unit; multiplied again, 5 % would be 500 %."""
    rules = CleaningRules(2027, fractions=True)
    assert kept("return_on_assets", "5%", "0.05", rules=rules) == [5.0, 5.0]


def test_a_file_of_decimal_commas_is_the_same_accounts():
    """Sent from another country, the same figures must not be conflicts."""
    figures = (*RATIOS, "market_cap")
    row = {**ROW, "market_cap": "1,234,567.5"}
    marks = str.maketrans(".,", ",.")
    commas = {name: row[name].translate(marks) for name in figures}
    rules = CleaningRules(2027, style=NumberStyle.COMMA, settled=True)
    found = clean(texts_of(commas), rules)
    assert_frame_equal(found.rows, clean(texts_of(row), RULES).rows)
    assert not found.doubtful


@pytest.mark.parametrize("column", [*RATIOS, "market_cap"])
@pytest.mark.parametrize("text", ["1,5", "24,111", "1.234.567", "0,5"])
def test_doubt_arises_in_any_figure_and_ends_when_the_file_is_settled(column, text):
    """After the vote a cell that does not fit is one row's fault, not the file's."""
    texts = texts_of({}, {column: text}, {})
    assert clean(texts, RULES).doubtful
    assert not clean(texts.head(1), RULES).doubtful
    for style in NumberStyle:
        rules = CleaningRules(2027, style=style, settled=True)
        assert not clean(texts, rules).doubtful


def test_words_raise_no_doubt_about_figures():
    """Names are full of commas; a file must not be read twice for them."""
    change = {"company_name": "Smith, 1,5", "sector": "24,111", "reporting_year": "1,5"}
    assert not clean(texts_of(change), RULES).doubtful


def test_typed_cells_keep_their_decimal_points():
    """A setting made for text files must not make 24.111 of a workbook 24111."""
    rules = CleaningRules(2027, style=NumberStyle.COMMA, settled=True, typed=True)
    found = clean(texts_of({"market_cap": "1.234,5"}), rules).rows
    assert found.select(RATIOS).equals(clean(texts_of({}), RULES).rows.select(RATIOS))
    assert found["market_cap"].to_list() == [1234.5]


def test_errors_of_a_spreadsheet_are_counted():
    """In a text file nobody sees them any more; the sender should know."""
    cells = {"market_cap": "#REF!", "return_on_assets": "#div/0! ", "sector": "#REF!"}
    assert clean(texts_of(cells, {}, cells), RULES).error_cells == 4
    assert clean(texts_of({"return_on_assets": "#N/A"}), RULES).error_cells == 0


def test_dates_are_counted_where_they_gave_the_year():
    """The count becomes a warning; silence would let a wrong column pass for years."""
    years = ("2012-12-31", "2011", "31.12.2010")
    found = clean(texts_of(*({"reporting_year": year} for year in years)), RULES)
    assert found.rows["reporting_year"].to_list() == [2012, 2011, 2010]
    assert found.dates_as_years == 2


@pytest.mark.parametrize("rules", [RULES, CleaningRules(2027, blank_quarter="FY")])
def test_a_file_without_optional_columns_is_a_file_with_blank_ones(rules):
    """Sent once with the column and once without, no row may be stored twice."""
    needed = [name for name in HEADER if name not in OPTIONAL]
    without = clean(texts_of({}, {}, columns=needed), rules)
    blank = clean(texts_of(*[dict.fromkeys(OPTIONAL, "")] * 2), rules)
    assert_frame_equal(without.rows, blank.rows)
    assert without.rows["reporting_quarter"].to_list() == [rules.blank_quarter] * 2
    assert without.rows["sector"].to_list() == [None, None]
    assert without.rows["market_cap"].to_list() == [None, None]


@pytest.mark.parametrize("blank", ["", " ", "\u00a0"])
@pytest.mark.parametrize("others", [(), ("Energy",), ("Energy", " Steel ")])
def test_a_blank_sector_is_no_sector(blank, others):
    """Stored as a text it would count as known and never be filled in later."""
    found = kept("sector", blank, *others)
    assert found == [None, *(other.strip() for other in others)]


def test_every_reason_has_its_sentence():
    """A code without a sentence leaves the sender of a file guessing."""
    assert "wrong_field_count" in REASONS
    assert all(sentence.endswith(".") for sentence in REASONS.values())
