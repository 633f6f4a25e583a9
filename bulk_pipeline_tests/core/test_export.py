"""The law of exports: a cell is shown as it stands and never run."""

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bulk_pipeline.core.export import safe_text


def exported(*texts):
    """The cells of one column as they leave."""
    cells = pl.DataFrame({"cell": pl.Series(texts, dtype=pl.String)})
    return cells.select(shown=safe_text(pl.col("cell")))["shown"].to_list()


@pytest.mark.parametrize("sign", ["=", "+", "-", "@", "\t", "\r", "\x00"])
@pytest.mark.parametrize("rest", ["", "1+1", "cmd|' /C calc'!A0", " 5", "HYPERLINK(1)"])
def test_a_text_that_starts_like_a_formula_gets_an_apostrophe(sign, rest):
    """A supplier's cell must not run on the machine of whoever opens the rejects."""
    assert exported(f"{sign}{rest}") == [f"'{sign}{rest}"]


@pytest.mark.parametrize(
    "number", ["5", "-5", "+5", "-5.25", "-.5", "-5.", "-1e400", "+1.5E-3", "0"]
)
def test_a_plain_number_stays_a_number(number):
    """A corrected reject file is loaded again: '-5 would be rejected for ever."""
    assert exported(number) == [number]


@pytest.mark.parametrize(
    "text", ["-5+1", "-5\n", "-1e", "--5", "-", "+", "-5,5", "-2+3+cmd|' /C calc'!A0"]
)
def test_what_only_begins_like_a_number_is_escaped(text):
    """The part after the number is where the formula hides."""
    assert exported(text) == [f"'{text}"]


@pytest.mark.parametrize("text", ["", "HPE", "a=b", "'=1", " =1", "#N/A", "(3.2)"])
def test_a_harmless_text_is_left_alone(text):
    """The reject file shows the cell as it stood, or nobody finds it again."""
    assert exported(text) == [text]


def test_nothing_stays_nothing():
    """An absent value must not become a text, and no rows must stay no rows."""
    assert exported() == []
    assert exported(None, "=1", None) == [None, "'=1", None]


@settings(deadline=None)
@given(st.lists(st.text(max_size=8)))
def test_no_cell_leaves_with_the_start_of_a_formula(texts):
    """One cell that slips through is enough; and no cell may lose a character."""
    for text, shown in zip(texts, exported(*texts), strict=True):
        assert shown in (text, f"'{text}")
        if shown[:1] in {"=", "+", "-", "@", "\t", "\r", "\x00"}:
            float(shown)
