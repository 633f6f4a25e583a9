"""Distinct texts: all of them, each once, in whatever order a file has them."""

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from bulk_pipeline.core.texts import spellings


@given(st.lists(st.sampled_from(["", "A", "B", "a", "a name of more than 12 bytes"])))
def test_every_spelling_is_found_once(texts: list[str]) -> None:
    """A spelling that is passed over goes unjudged, into a key or the register."""
    found = spellings(pl.Series(texts, dtype=pl.String))
    assert found.dtype == pl.String
    assert sorted(found) == sorted(set(texts))
