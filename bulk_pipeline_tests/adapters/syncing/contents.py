"""Databases by chance, for laws that hold for any two."""

from collections.abc import Iterable

from hypothesis import strategies as st

from bulk_pipeline_tests.adapters.syncing.pair import Content, Row

_FEW = 3
"""Numbers of each kind, so that the two sides often have the same keys."""

_numbers = st.integers(0, _FEW - 1)
_keys = st.tuples(
    _numbers, st.sampled_from([1999, 2000, 2001]), st.sampled_from(["Q4", "Q1"])
)
_values = st.tuples(
    _numbers,
    _numbers,
    st.sampled_from([None, 0.0, -2.5, 1e300]),
    st.integers(0, 4),
)


def _row(key: tuple[int, int, str], values: tuple[int, int, float | None, int]) -> Row:
    """A prediction of a key and its values."""
    company, year, quarter = key
    model, upload, value, stamp = values
    return Row(company, year, quarter, model, upload, value, stamp)


def _whole(
    models: dict[int, str],
    uploads: dict[int, tuple[int, int | None]],
    companies: dict[int, tuple[str, int]],
    rows: dict[tuple[int, int, str], tuple[int, int, float | None, int]],
    history: Iterable[Row],
) -> Content:
    """The content, with every parent that its rows name."""
    stored = tuple(_row(key, values) for key, values in rows.items())
    past = tuple(history)
    for row in (*stored, *past):
        uploads.setdefault(row.upload, (row.model, None))
        companies.setdefault(row.company, ("Company", 0))
        models.setdefault(row.model, "model")
    for model, _ in uploads.values():
        models.setdefault(model, "model")
    return Content(models, uploads, companies, stored, past)


def contents(*, history: bool = True) -> st.SearchStrategy[Content]:
    """Any content; without a history every row can go."""
    rows = st.dictionaries(_keys, _values, max_size=6)
    past = st.lists(st.builds(_row, _keys, _values), max_size=2 if history else 0)
    names = st.sampled_from(["Company", "COMPANY", "Ærø 😀", "x' --"])
    return st.builds(
        _whole,
        st.dictionaries(_numbers, st.sampled_from(["model", "Model", "bare"])),
        st.dictionaries(_numbers, st.tuples(_numbers, st.none() | _numbers)),
        st.dictionaries(_numbers, st.tuples(names, st.integers(0, 4))),
        rows,
        past,
    )
