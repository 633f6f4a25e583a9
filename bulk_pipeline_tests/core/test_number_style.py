"""The laws of decimal marks: a file is read one way, and its own cells say which."""

from decimal import Decimal

import polars as pl
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from bulk_pipeline.core.cleaning import CleaningRules, clean
from bulk_pipeline.core.errors import UnreadableFile
from bulk_pipeline.core.number_style import (
    Evidence,
    NumberStyle,
    Sightings,
    numeric_evidence,
    settle,
    tally,
)
from bulk_pipeline.core.numbers import parse_numbers
from bulk_pipeline_tests.builders import HEADER, ROW

POINT, COMMA = NumberStyle
DELIMITERS = (",", ";", "\t", "|", "")
SPACES = (" ", "\u00a0", "\u2009", "\u202f", "'", "\u2019")
CLASSES = {
    "point": (
        *("1.5", "0.123", "1234.567", ".5", "1.", "1.5e3", "1,234.5", "1,234.567"),
        *("1,234,567", "12,345,678.9", "-1.5", "(1.5)", "\u22121.5", "1.5%", " 1.5\t"),
        *("1 234.567", "1\u00a0234.5", "1'234.567", "00.123", "1.2345", "(1,234.5%)"),
    ),
    "open_point": ("24.111", "1.000", "-24.111", "(24.111 %)", "999.999", "+2.057"),
}
"""Cells by what they say; with their marks exchanged they say it of the comma."""
SILENT = (
    *("", "-", "NM", "nan", "#DIV/0!", "24", "-24", "1e5", "(24)", "24%", "1 234"),
    *("1'234'567", "1,2,3", "1.2.3", "12,34,567", "12.34.567", "1,234,56", "1,23.4"),
    *("1234,567.8", "0,123.4", "abc", "a,b", ".", ",", "1,2.3,4", "inf", "31.12.2012"),
    *("1.5 m", "1,5,", "$1.5", "1,,234", "1 234,567.8", "12 34.5", "\u0661.\u0665"),
)


def exchanged(text):
    """A text with a point for each comma and a comma for each point."""
    return text.translate(str.maketrans(".,", ",."))


def evidence_of(*texts, column="return_on_assets", first=2):
    """What some cells of a column say, lines counted from 2."""
    lines = pl.int_range(first, first + len(texts), dtype=pl.Int64, eager=True)
    return tally(pl.Series(texts, dtype=pl.String), lines, column)


def style_of(*texts, delimiter=";"):
    """The style of a file of these cells; None if it is refused."""
    try:
        return settle(evidence_of(*texts), delimiter=delimiter)
    except UnreadableFile:
        return None


def counts(evidence):
    """How many cells of each kind there are."""
    kinds = ("point", "comma", "open_point", "open_comma")
    found = {kind: getattr(evidence, kind).count for kind in kinds}
    return {kind: count for kind, count in found.items() if count}


@st.composite
def cells(draw, style=None, groups=(None, "mark", *SPACES)):
    """A number, its text under a style, and the style."""
    value = draw(
        st.floats(allow_nan=False, allow_infinity=False, allow_subnormal=False)
    )
    style = style or draw(st.sampled_from(NumberStyle))
    power = draw(st.sampled_from([0, 0, 0, 1, -3, 20]))
    shifted = f"{Decimal(repr(value)).scaleb(power).copy_abs():f}"
    whole, _, decimals = shifted.partition(".")
    group = draw(st.sampled_from(groups))
    if group and whole != "0":
        whole = f"{int(whole):,}".replace(",", "," if group == "mark" else group)
    text = whole + (f".{decimals}" if decimals else "")
    text = text if style is POINT else exchanged(text)
    text += f"{draw(st.sampled_from('eE'))}{-power}" if power else ""
    dress = st.sampled_from(["-{}", "\u2212{}", "({})", "- {}", "( {}\u00a0)"])
    text = draw(dress).format(text) if value < 0 else text
    text = draw(st.sampled_from(["{}", "{}%", "{} %", " {}\u00a0"])).format(text)
    return value, text, style


ANY = st.one_of(
    cells().map(lambda cell: cell[1]),
    st.from_regex(r"\A[-(]?[0-9]{0,4}([., '][0-9]{2,4}){0,3}[)%]?\Z"),
    st.sampled_from([*SILENT, *CLASSES["point"], *CLASSES["open_point"]]),
    st.sampled_from([*CLASSES["point"], *CLASSES["open_point"]]).map(exchanged),
)


@pytest.mark.parametrize(
    ("text", "kind"), [(text, kind) for kind in CLASSES for text in CLASSES[kind]]
)
def test_a_cell_says_what_it_can_only_mean(text, kind):
    """One cell taken wrongly settles a whole file, off by a factor of 1000."""
    assert counts(evidence_of(text)) == {kind: 1}
    mirrored = {"point": "comma", "open_point": "open_comma"}[kind]
    assert counts(evidence_of(exchanged(text))) == {mirrored: 1}


@pytest.mark.parametrize("text", SILENT)
def test_other_cells_say_nothing(text):
    """A year, a word or a typing error must not decide about the figures beside it."""
    assert counts(evidence_of(text, exchanged(text))) == {}


def test_a_percent_sign_speaks_only_where_the_unit_is_percent():
    """Elsewhere its cell is rejected, and what is no number is no evidence."""
    assert counts(evidence_of("1,5%", column="return_on_assets")) == {"comma": 1}
    assert counts(evidence_of("1,5%", column="total_debt_to_ebitda")) == {}


def test_evidence_names_the_first_cell_of_its_kind():
    """The sender of a refused file opens it at the line that is named."""
    found = evidence_of("24", " 1,5 ", "0.5", "2,5")
    assert found.comma == Sightings(2, 3, "return_on_assets", "1,5")
    assert found.point == Sightings(1, 4, "return_on_assets", "0.5")
    assert found.open_comma == Sightings()


def test_a_long_cell_is_cut_in_the_evidence():
    """A message must not fill the screen with one cell."""
    assert evidence_of("1." + "5" * 30_000).point.text == "1." + "5" * 38


@settings(max_examples=50, deadline=None)
@given(st.lists(ANY, max_size=8), st.integers(0, 8))
def test_evidence_of_pieces_adds_up_to_that_of_the_whole(texts, cut):
    """The size of a chunk must not decide how a file is read."""
    first, second = texts[:cut], texts[cut:]
    pieces = evidence_of(*first), evidence_of(*second, first=2 + len(first))
    assert pieces[0] + pieces[1] == pieces[1] + pieces[0] == evidence_of(*texts)
    assert Evidence() + pieces[0] == pieces[0]


def test_all_numeric_columns_have_their_say_and_no_other():
    """A name is no number, and a market value may be the only evidence."""
    change = {"company_name": "1,5", "sector": "1,5", "market_cap": "1.234,5"}
    names = [name for name in HEADER if name != "total_debt_to_ebitda"]
    row = {**ROW, "return_on_assets": "1,5", **change}
    texts = pl.DataFrame({"line": [7], **{name: [row[name]] for name in names}})
    found = numeric_evidence(texts)
    assert counts(found) == {"comma": 2, "open_point": 3}
    assert found.comma == Sightings(2, 7, "market_cap", "1.234,5")
    assert numeric_evidence(texts.clear()) == Evidence()


@pytest.mark.parametrize(
    ("texts", "styles"),
    [
        ((), (POINT, POINT, POINT, POINT)),
        (("24", "NM"), (POINT, POINT, POINT, POINT)),
        (("24.111",), (POINT, POINT, POINT, POINT)),
        (("24.111", "1.5"), (POINT, POINT, POINT, POINT)),
        (("24,111", "1.5"), (POINT, POINT, POINT, POINT)),
        (("1,234,567",), (POINT, POINT, POINT, POINT)),
        (("1,5",), (COMMA, COMMA, COMMA, COMMA)),
        (("1.234.567",), (COMMA, COMMA, COMMA, COMMA)),
        (("24,111", "1,5"), (COMMA, COMMA, COMMA, COMMA)),
        (("24.111", "1,5"), (COMMA, COMMA, COMMA, None)),
        (("24,111",), (None, COMMA, None, None)),
        (("24,111", "24.111"), (POINT, None, None, POINT)),
        (("1,5", "1.5"), (None, None, None, None)),
        (("24.111", "2.057", "1,5"), (None, None, None, None)),
        (("24,111", "2,057", "1.5"), (None, None, None, None)),
        (("24,111", "2.057", "4.111", "1.5"), (POINT, POINT, POINT, POINT)),
        (("1,234.5", "1.234,5"), (None, None, None, None)),
    ],
)
def test_evidence_settles_a_file_and_convention_only_without_any(texts, styles):
    """What nobody can tell is refused: a guess stores figures 1000 times too large."""
    found = [style_of(*texts, delimiter=mark) for mark in (",", ";", "\t", "")]
    assert tuple(found) == styles


def test_a_contradiction_is_shown_with_both_readings():
    """Whoever sent the file needs the two cells, and a way out."""
    evidence = evidence_of("24", "1,5", "1.5", column="net_income_margin")
    with pytest.raises(UnreadableFile) as error:
        settle(evidence, delimiter=",")
    assert str(error.value) == (
        "line 4, column net_income_margin: '1.5' is a number with a decimal point "
        "only, and line 3, column net_income_margin: '1,5' is one with a decimal comma "
        "only. Write all numbers one way, or set BULK_PIPELINE_DECIMAL=point or "
        "=comma: cells that do not fit are then rejected one by one."
    )
    with pytest.raises(UnreadableFile, match="Turn text cells into numbers, or set"):
        settle(evidence, delimiter="")


def test_a_slip_does_not_turn_all_other_numbers_into_thousands():
    """One 1,5 among decimal points would make 24111 of 24.111, and so on."""
    texts = ["24.111", *["2.057"] * 1_500, "1,5"]
    with pytest.raises(UnreadableFile) as error:
        settle(evidence_of(*texts), delimiter=";")
    assert str(error.value) == (
        "line 1,503, column return_on_assets: '1,5' is a number with a decimal comma "
        "only, which makes 24111 of '24.111' (line 2, column return_on_assets) and "
        "1,500 more. Correct the one or the others, or set "
        "BULK_PIPELINE_DECIMAL=point or =comma: cells that do not fit are then "
        "rejected one by one."
    )


def test_what_nothing_settles_is_shown_with_both_values():
    """The two values, a factor of 1000 apart, say what is at stake."""
    with pytest.raises(UnreadableFile) as error:
        settle(evidence_of("24", *[""] * 2000, "(24,111 %)"), delimiter=",")
    assert str(error.value) == (
        "line 2,003, column return_on_assets: '(24,111 %)' is (24111 %) or "
        "(24.111 %); nothing in the file settles it. Set BULK_PIPELINE_DECIMAL=comma "
        "or =point."
    )


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(NumberStyle), st.sampled_from(DELIMITERS), st.data())
def test_cells_of_one_style_with_evidence_are_never_read_in_the_other(
    style, delimiter, data
):
    """A file of one pen must come out as it was written, or not at all."""
    texts = data.draw(st.lists(cells(style).map(lambda cell: cell[1]), max_size=8))
    evidence = evidence_of(*texts)
    own, other = evidence.point, evidence.comma
    if style is COMMA:
        own, other = other, own
    assert not other.count
    assume(own.count)
    settled = style_of(*texts, delimiter=delimiter)
    decimals, grouped = evidence.open_point.count, evidence.open_comma.count
    if style is COMMA:
        decimals, grouped = grouped, decimals
    # A file that types its cells holds a grouped 24.111 for a number with decimals.
    may_be_refused = not delimiter or own.count + decimals < grouped
    assert settled is style or (settled is None and may_be_refused)


@settings(max_examples=100, deadline=None)
@given(st.lists(ANY, max_size=8), st.sampled_from(DELIMITERS))
def test_no_file_is_read_against_its_evidence(texts, delimiter):
    """Every cell of the file is a number under the style in use, or under none."""
    evidence = evidence_of(*texts)
    settled = style_of(*texts, delimiter=delimiter)
    if settled is POINT:
        assert not evidence.comma.count
    if settled is COMMA:
        assert not evidence.point.count


@settings(max_examples=200, deadline=None)
@given(cells())
def test_a_number_written_in_a_style_comes_back_to_the_last_bit(cell):
    """The same accounts from two countries are the same rows, not conflicts."""
    value, text, style = cell
    found = parse_numbers(pl.Series([text, ""]), percent=True, style=style)
    assert found.refused is None
    assert found.values.to_list() == [value, None]
    typed = parse_numbers(pl.Series([text]), percent=True, style=style, typed=True)
    # There a text of thousands and nothing else, 24.111 or 1.234.567, is no such thing.
    assert typed.values[0] == value or (style is COMMA and "," not in text)


@settings(max_examples=60, deadline=None)
@example([("", "10.000.000")], "", COMMA)
@given(
    st.lists(st.tuples(ANY, ANY), max_size=6),
    st.sampled_from(DELIMITERS),
    st.sampled_from(NumberStyle),
)
def test_whatever_could_be_misread_is_in_doubt_until_it_is_settled(
    pairs, delimiter, style
):
    """The reader starts with points and goes on unless a cell speaks against them."""
    rows = [
        {**ROW, "return_on_assets": ratio, "market_cap": cap} for ratio, cap in pairs
    ]
    texts = pl.DataFrame(rows, schema=dict.fromkeys(HEADER, pl.String))
    lines = pl.int_range(2, texts.height + 2, dtype=pl.Int64, eager=True)
    texts = texts.insert_column(0, lines.alias("line"))
    evidence = numeric_evidence(texts)
    first = clean(texts, CleaningRules(2027))
    assert first.doubtful == bool(evidence.comma.count + evidence.open_comma.count)
    rules = CleaningRules(2027, style=style, settled=True, typed=not delimiter)
    found = clean(texts, rules)
    assert not found.doubtful
    assert found.rows.height + found.rejects.height == texts.height
    misfits = evidence.comma if style is POINT else evidence.point
    # Where cells are typed, 1.234.567 as a text is no number of decimal commas either.
    grouped = [t for pair in pairs for t in pair if "," not in t and t.count(".") > 1]
    if not misfits.count and not (rules.typed and style is COMMA and grouped):
        assert "other_decimal" not in found.rejects["reason"]
