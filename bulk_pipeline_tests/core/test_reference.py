"""Laws of a reference: counts of a population, whole, refused where they are not."""

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulk_pipeline.core.errors import ModelRefused
from bulk_pipeline.core.reference import COLUMNS, SCHEMA, SCORE, Reference
from bulk_pipeline.core.schema import RATIOS

ROWS = st.lists(
    st.tuples(*[st.one_of(st.just(math.nan), st.floats(-100, 100))] * 5),
    min_size=1,
    max_size=30,
)


def made(rows, edges=None):
    """The reference of some rows with scores from 0 to 1."""
    matrix = np.array(rows, np.float64)
    scores = np.linspace(0, 1, len(matrix))
    return Reference.of(matrix, scores, edges or {}, model="5ha", source="some rows")


@given(ROWS)
def test_a_reference_survives_its_document(rows):
    """What is compared next year is what was made today."""
    reference = made(rows, {RATIOS[0]: (0.0, 10.0, math.inf)})
    text = json.dumps(reference.document(), allow_nan=False)

    assert Reference.from_document(json.loads(text)) == reference


@given(ROWS)
def test_every_row_is_counted_in_each_column(rows):
    """A row that is lost here shifts every share."""
    reference = made(rows)

    assert tuple(reference.columns) == COLUMNS
    assert {found.rows for found in reference.columns.values()} == {len(rows)}
    assert reference.columns[SCORE].missing == 0


def test_no_row_makes_no_reference():
    """Shares of nothing would be compared with."""
    with pytest.raises(ModelRefused, match="no row"):
        made(np.empty((0, 5)))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"schema": "other/1"}, "schema is 'other/1'"),
        ({"rows": 0}, "rows is 0"),
        ({"rows": 2.5}, "rows must be a whole number"),
        ({"rows": True}, "rows must be a whole number"),
        ({"rows": 7}, "counts 2 rows, and the reference has 7"),
        ({"source": " "}, "source must be a text"),
        ({"columns": {}}, "columns has no long_term_debt_to_total_capital"),
        ({"more": 1}, "has more, which nothing reads"),
    ],
)
def test_a_document_that_is_none_is_refused_by_the_place(change, said):
    """It is written by hand now and then; the author must find the fault."""
    with pytest.raises(ModelRefused, match=said):
        Reference.from_document({**made([[1.0] * 5] * 2).document(), **change})


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"edges": [1.0], "counts": [2]}, "the last null"),
        ({"edges": [], "counts": []}, "the last null"),
        ({"edges": [None], "counts": [1, 1]}, "one count for each"),
        ({"edges": [2.0, 1.0, None], "counts": [1, 1, 0]}, "strictly ascend"),
        ({"edges": [None, None], "counts": [1, 1]}, "finite number"),
        ({"counts": [-2]}, "0 or more"),
        ({"counts": [10**400]}, "at most 10"),
        ({"missing": 1}, "counts 3 rows"),
        ({"placeholders": "no"}, "placeholders must be a whole number"),
    ],
)
def test_bins_that_are_none_are_refused(change, said):
    """Unordered bins would count rows twice; other counts would shift every share."""
    document = made([[1.0] * 5] * 2).document()
    document["columns"][RATIOS[1]].update(change)

    with pytest.raises(ModelRefused, match=said):
        Reference.from_document(document)


def test_the_layout_is_the_one_that_is_written():
    """A change of the layout must change its name."""
    assert (
        made([[1.0] * 5]).document()["schema"] == SCHEMA == "bulk_pipeline.reference/1"
    )
