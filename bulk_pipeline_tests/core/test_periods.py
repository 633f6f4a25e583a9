"""The laws of periods: a year is a year, a date gives its own, a blank quarter ours."""

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bulk_pipeline.core.periods import QUARTER, parse_quarters, parse_years
from bulk_pipeline.core.schema import QUARTERS

NEXT_YEAR = 2027


def years(*texts, latest=NEXT_YEAR):
    """Years, reasons and the number of dates among some cells."""
    found = parse_years(pl.Series("cell", texts, dtype=pl.String), latest)
    refused = found.refused
    reasons = [None] * len(texts) if refused is None else refused.to_list()
    assert found.values.dtype == pl.Int16
    assert len(found.values) == len(reasons) == len(texts)
    return found.values.to_list(), reasons, found.from_dates


def quarters(*texts, blank="Q4"):
    """Quarters and reasons of some cells."""
    values, refused = parse_quarters(pl.Series("cell", texts, dtype=pl.String), blank)
    assert values.dtype == QUARTER
    reasons = [None] * len(texts) if refused is None else refused.to_list()
    assert len(values) == len(reasons) == len(texts)
    return values.to_list(), reasons


@pytest.mark.parametrize(
    "text", ["2012", " 2012 ", "\u00a02012", "2012.0", "2012.00", "2012\t", "2012,0"]
)
def test_four_digits_are_a_year(text):
    """Spreadsheets write whole numbers with a point; nobody means another year."""
    assert years(text) == ([2012], [None], 0)
    assert years("2011", text) == ([2011, 2012], [None, None], 0)


@pytest.mark.parametrize(
    "text",
    [
        "2012-12-31",
        "2012-1-1",
        "2012-12-31 00:00:00",
        "2012-12-31T00:00:00.000",
        "31.12.2012",
        "12/31/2012",
        "31-12-2012",
        "1/1/2012 0:00",
        " 2012-12-31 ",
        "2012/12/31",
        "2012.12.31",
        "2012-12",
        "2012-12-31T23:59:59Z",
        "2012-12-31T23:59:59.000001+01:00",
        "2012-12-31 00:00:00 -0500",
        "2012-12-31 00:00:00 UTC",
        "12/31/2012 12:00:00 AM",
        "31-Dec-2012",
        "31-DEC-2012 00:00:00",
        "31 dec 2012",
        "1 September 2012",
        "Dec 31, 2012",
        "Dec. 31, 2012",
        "December 31,2012",
        "may 1 2012",
        "13/12/2012",
        "12/13/2012",
    ],
)
def test_a_date_gives_its_year_and_is_counted(text):
    """A year-end date means its year; the count becomes a warning to the sender."""
    assert years(text) == ([2012], [None], 1)
    assert years("2011", text, text) == ([2011, 2012, 2012], [None] * 3, 2)


@pytest.mark.parametrize(
    "text",
    [
        *("soon", "12", "201", "20122", "2012.5", "-2012", "+2012", "2012 A", "FY2012"),
        *("12/31/12", "31-Dec-12", "Dec-12", "20121231", "2e3", "41274", "41274.0"),
        *("\u0662\u0660\u0661\u0662", "\uff12\uff10\uff11\uff12", "2\u200b012"),
        *("\u0663\u0661.12.2012", "2012-\uff11\uff12-31", "NA", "20 12", "2.012"),
        *("13/32/2012", "32.12.2012", "0/1/2012", "2012-13-01", "2012/12/32"),
        *("2012-13", "2012-00", "31.12/2012", "2012-12-31 to 2013-12-31"),
        *("31 Dez 2012", "32 Dec 2012", "Dec 2012", "2012/12", "12.2012", "2012,5"),
    ],
)
def test_what_is_no_year_is_refused(text):
    """A guessed year would store the figures of one year under another."""
    assert years(text) == ([None], ["not_a_year"], 0)
    assert years("2011", text) == ([2011, None], [None, "not_a_year"], 0)


@pytest.mark.parametrize("year", range(1999, 2015))
def test_two_years_in_a_row_are_no_month(year):
    """2011-12 is a business year to many, and they mean 2012 by it."""
    text = f"{year}-{(year + 1) % 100:02}"
    assert years(text) == ([None], ["not_a_year"], 0)
    december = ([year], [None], 1) if year != 2011 else ([None], ["not_a_year"], 0)
    assert years(f"{year}-12") == december


@pytest.mark.parametrize("text", ["", " ", "\u00a0"])
def test_a_blank_year_is_refused_as_blank(text):
    """The sender who forgot the year looks for a blank, not for a wrong one."""
    assert years(text) == ([None], ["blank"], 0)


@pytest.mark.parametrize(
    ("text", "year"),
    [
        ("1899", None),
        ("1900", 1900),
        ("2026", 2026),
        ("2027", 2027),
        ("2028", None),
        ("0000", None),
        ("9999", None),
        ("1899.0", None),
    ],
)
def test_a_year_lies_between_1900_and_next_year(text, year):
    """1899 is a spreadsheet's day zero and 2201 a typing error: neither reported."""
    reason = None if year else "year_out_of_range"
    assert years(text) == ([year], [reason], 0)
    assert years(text, "2012") == ([year, 2012], [reason, None], 0)


def test_a_date_out_of_range_is_refused_too():
    """30 December 1899 is what an empty date cell looks like in some programs."""
    assert years("1899-12-30")[:2] == ([None], ["year_out_of_range"])


def test_the_last_year_is_the_callers():
    """The clock of the run decides, so a rerun next year reads the same file alike."""
    assert years("2012", latest=2011)[1] == ["year_out_of_range"]
    assert years("2012", latest=2012)[1] == [None]


def test_no_cells_give_no_periods():
    """A file of a header alone goes the same way as any other."""
    assert years() == ([], [], 0)
    assert quarters() == ([], [])


@settings(max_examples=50, deadline=None)
@given(st.lists(st.one_of(st.text(max_size=11), st.from_regex(r"\d{4}.{0,6}"))))
def test_a_year_does_not_depend_on_its_neighbours(texts):
    """Any text is a year or refused, alone as among others, and none stops a load."""
    values, reasons, dates = years(*texts)
    alone = [years(text) for text in texts]
    assert [(v, r) for v, r in zip(values, reasons, strict=True)] == [
        (v, r) for (v,), (r,), _ in alone
    ]
    assert dates == sum(count for *_, count in alone)
    assert all((v is None) != (r is None) for v, r in zip(values, reasons, strict=True))


@pytest.mark.parametrize(
    ("text", "quarter"),
    [
        *((name, name) for name in QUARTERS),
        *((name.lower(), name) for name in QUARTERS),
        *((f" {name}\u00a0", name) for name in QUARTERS),
        *((str(number), f"Q{number}") for number in range(1, 5)),
        *((f"{number}.0", f"Q{number}") for number in range(1, 5)),
        *((f"{number},0", f"Q{number}") for number in range(1, 5)),
    ],
)
def test_a_quarter_is_read_in_each_of_its_forms(text, quarter):
    """Q4, q4 and 4 stored apart would be three rows for one set of accounts."""
    assert quarters(text) == ([quarter], [None])
    assert quarters("Q1", text) == (["Q1", quarter], [None, None])


@pytest.mark.parametrize("text", ["", " ", "\u00a0", "\t"])
@pytest.mark.parametrize("blank", QUARTERS)
def test_a_blank_quarter_is_the_one_of_the_setting(text, blank):
    """The same file with and without the column must not store every row twice."""
    assert quarters(text, "Q2", blank=blank) == ([blank, "Q2"], [None, None])


@pytest.mark.parametrize(
    "text", ["Q5", "Q0", "0", "5", "Q", "Quarter 4", "4Q", "H1", "NA", "1.5", "Q 4"]
)
def test_what_is_no_quarter_is_refused(text):
    """A half-year stored as a quarter would be compared with the wrong periods."""
    assert quarters(text) == ([None], ["not_a_quarter"])
    assert quarters("Q1", text) == (["Q1", None], [None, "not_a_quarter"])


def test_quarters_sort_in_order_of_time():
    """As texts FY would come before Q1, and the order of stored rows with it."""
    values, _ = parse_quarters(pl.Series(["FY", "Q4", "Q1"]), "Q4")
    assert values.sort().to_list() == ["Q1", "Q4", "FY"]
