"""Distinct texts: all of them, each once, in whatever order a file has them."""

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from bulk_pipeline.core.export import safe_text
from bulk_pipeline.core.schema import NAME
from bulk_pipeline.core.texts import parse_texts, spellings


@given(st.lists(st.sampled_from(["", "A", "B", "a", "a name of more than 12 bytes"])))
def test_every_spelling_is_found_once(texts: list[str]) -> None:
    """A spelling that is passed over goes unjudged, into a key or the register."""
    found = spellings(pl.Series(texts, dtype=pl.String))
    assert found.dtype == pl.String
    assert sorted(found) == sorted(set(texts))


@given(st.text(st.sampled_from("=+-@'A "), min_size=1, max_size=4))
def test_a_text_that_left_formula_safe_comes_back_as_it_was(text: str) -> None:
    """What is exported, mended and loaded again must find the row it came from."""
    left = pl.select(safe_text(pl.lit(text))).item()
    back, _ = parse_texts(pl.Series([left]), NAME)
    kept, _ = parse_texts(pl.Series([text]), NAME)
    assert back.to_list() == kept.to_list()


def test_only_the_mark_of_an_export_is_no_part_of_a_text() -> None:
    """An apostrophe that belongs to a name stays in it."""
    names = ["'=A", "'+A", "'-A", "'@A", "'A", "A'=B", "''=A", "'"]
    found, _ = parse_texts(pl.Series(names), NAME)
    assert found.to_list() == ["=A", "+A", "-A", "@A", "'A", "A'=B", "''=A", "'"]
