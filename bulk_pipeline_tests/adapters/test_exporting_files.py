"""Laws of the formats: what is read back is what was written, to the last bit."""

import struct
from datetime import UTC, datetime
from zipfile import ZipFile

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bulk_pipeline.adapters.exporting_files import open_sink
from bulk_pipeline.adapters.readers.workbooks.parts import Parts
from bulk_pipeline.adapters.readers.workbooks.plain.sheet import plain_sheet
from bulk_pipeline.adapters.readers.workbooks.xlsx import LEAST_PLAIN_BYTES, open_xlsx
from bulk_pipeline.core.export import EXPORTED
from bulk_pipeline.core.schema import MARKET_CAP, RATIOS
from bulk_pipeline_tests.adapters.exports import read_back

NUMBERS = st.none() | st.floats(allow_nan=False, allow_infinity=False)
NAMES = st.text(
    st.characters(
        exclude_categories=("Cc", "Cs", "Zl", "Zp"),
        exclude_characters="\ufffe\uffff",  # which no workbook holds
    ),
    min_size=1,
    max_size=9,
).filter(lambda text: text == text.strip())
FLOATS = [*RATIOS, MARKET_CAP.name, "probability", "confidence"]


@st.composite
def rows(draw):
    """One row of an export with whatever may be stored, and worse."""
    values = {name: draw(NUMBERS) for name in FLOATS}
    texts = {
        name: draw(NAMES)
        for name in ("company_symbol", "company_name", "sector", "model")
    }
    moment = datetime.fromtimestamp(draw(st.integers(0, 4_000_000_000)), UTC)
    return {
        **values,
        **texts,
        "reporting_year": draw(st.integers(1900, 2155)),
        "reporting_quarter": draw(st.sampled_from(["Q1", "FY"])),
        "risk_level": draw(st.sampled_from(["LOW", "CRITICAL"])),
        "model_sha256": "0" * 64,
        "upload": "20260101T000000Z-00000000",
        "updated_at": moment,
    }


def bits(values):
    """Floats as their bytes: equal only where every bit is."""
    return [None if value is None else struct.pack("d", value) for value in values]


def unsigned_zero(values):
    """Floats with 0 for -0."""
    return [None if value is None else value + 0.0 for value in values]


@pytest.mark.parametrize("suffix", [".csv", ".xlsx", ".parquet"])
@settings(max_examples=25, deadline=None)
@given(given_rows=st.lists(rows(), max_size=4))
def test_every_value_reads_back_as_it_was(tmp_path_factory, suffix, given_rows):
    """A probability that changes in its last digit moves a company over a threshold."""
    block = pl.DataFrame(given_rows, schema=EXPORTED)
    out = tmp_path_factory.mktemp("formats") / f"out{suffix}"
    with open_sink(out, out) as write:
        write(block.head(2))
        write(block.slice(2))
    found = read_back(out)

    assert found.columns == block.columns
    for name, kind in EXPORTED.items():
        ours, theirs = block[name].to_list(), found[name].to_list()
        if isinstance(kind, pl.Float64):
            if suffix == ".xlsx":  # whose readers may make an integer of -0
                ours, theirs = unsigned_zero(ours), unsigned_zero(theirs)
            assert bits(theirs) == bits(ours), name
        elif isinstance(kind, pl.String) and suffix == ".csv":
            marked = [f"'{text}" for text in ours]
            pairs = zip(theirs, ours, marked, strict=True)
            assert all(text in both for text, *both in pairs), name
        else:
            assert theirs == ours, name


def test_a_large_workbook_is_one_that_our_reader_takes_as_plain(tmp_path):
    """Corrected results come back: by the other reader a million rows take minutes."""
    height = 9_000
    moment = datetime(2026, 1, 2, 3, 4, 5, 678_000, UTC)
    values = {"reporting_year": 2001, "reporting_quarter": "Q4", "updated_at": moment}
    values |= dict.fromkeys(FLOATS, 1e-7 / 3) | {"risk_level": "HIGH"}
    row = {name: values.get(name, "Sociétés & <Cie>") for name in EXPORTED}
    frame = pl.DataFrame([row] * height, schema=EXPORTED)
    gaps = pl.int_range(height) % 9 == 0
    frame = frame.with_columns(pl.when(~gaps).then(pl.col(RATIOS)))
    out = tmp_path / "out.xlsx"
    with open_sink(out, out) as write:
        write(frame)
    book = open_xlsx(str(out))
    [sheet] = book.sheets()
    with ZipFile(out) as archive:
        parts = Parts(archive)
        assert parts.size(sheet.place) >= LEAST_PLAIN_BYTES
        texts, _ = plain_sheet(parts, sheet, frozenset())
    assert {len(column) for column in texts} == {height + 1}
