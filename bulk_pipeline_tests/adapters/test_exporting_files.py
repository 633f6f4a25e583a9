"""Laws of the formats: what is read back is what was written, to the last bit."""

import io
import struct
from datetime import UTC, datetime
from zipfile import ZipFile

import openpyxl
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bulk_pipeline.adapters.exporting.files import open_sink
from bulk_pipeline.adapters.exporting.one_behind import one_behind
from bulk_pipeline.adapters.readers.workbooks.parts import Parts
from bulk_pipeline.adapters.readers.workbooks.plain.aside import Aside
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


ODD_TEXTS = (
    "=1+1",
    "+cmd|' /C calc'!A0",
    "@x",
    "-7",
    "0700",
    " x ",
    "a_x0041_b",
    '<&> "é"',
    "x\ny",
    "12345678901234567890",
)


def odd_rows(copies):
    """Rows with odd texts for names, each so often, and one text for each symbol."""
    height = len(ODD_TEXTS) * copies
    named = pl.Series("company_name", ODD_TEXTS).repeat_by(copies).explode()
    frame = pl.DataFrame({"company_name": named, "sector": [None] * height})
    moment = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    others = {
        **dict.fromkeys(FLOATS, 0.5),
        **dict.fromkeys(("model", "model_sha256", "upload"), "same"),
        "reporting_year": 2001,
        "reporting_quarter": "Q4",
        "risk_level": "HIGH",
        "updated_at": moment,
    }
    rows = frame.with_columns(
        (pl.int_range(height).cast(pl.String) + "=").alias("company_symbol"),
        *(pl.lit(value).alias(name) for name, value in others.items()),
    )
    return rows.select(pl.col(name).cast(kind) for name, kind in EXPORTED.items())


@pytest.mark.parametrize("copies", [1, 2, 3])
def test_no_text_of_a_workbook_is_a_formula_however_often_it_repeats(tmp_path, copies):
    """A text that is written once for many cells must run in none of them."""
    block = odd_rows(copies)
    out = tmp_path / "out.xlsx"
    with open_sink(out, out) as write:
        write(block.head(7))
        write(block.slice(7))
    cells = [*openpyxl.load_workbook(out).worksheets[0].iter_rows(min_row=2)]
    assert {c.data_type for line in cells for c in line if c.value is not None} == {
        "s",
        "n",
        "d",
    }
    texts = block.select(pl.selectors.string()).columns
    found = read_back(out)
    assert found.select(texts).equals(block.select(texts))
    book = open_xlsx(str(out))
    [sheet] = book.sheets()
    ours = dict(zip(block.columns, book.texts(sheet), strict=False))
    for name in ("company_symbol", "company_name", "model"):
        assert ours[name].to_pylist()[1:] == block[name].to_list()


def test_a_text_that_repeats_is_written_once_for_many_rows(tmp_path):
    """The hash of the model in each row made a gigabyte of a million rows."""
    out = tmp_path / "out.xlsx"
    with open_sink(out, out) as write:
        write(odd_rows(20))
    with ZipFile(out) as archive:
        texts = archive.read("xl/sharedStrings.xml").decode()
        sheet = archive.read("xl/worksheets/sheet1.xml").decode()
    assert texts.count(">same<") == len(["model", "model_sha256", "upload"])
    assert texts.count(">=1+1<") == 1
    assert "same" not in sheet
    assert sheet.count(">199=<") == 1  # a symbol that no other row has


class FullDisk(io.BytesIO):
    """A file that holds nothing."""

    def write(self, content):
        """Refuse what is more than nothing."""
        if content:
            raise OSError(28, "No space left on device")
        return 0


@pytest.mark.parametrize("pieces", [1, 3])
def test_what_cannot_be_written_is_told_though_another_thread_writes(pieces):
    """A file that lost its end on a full disk must not be given its name."""

    def write():
        """Some pieces, of which none can be."""
        with one_behind(FullDisk()) as put:
            for _ in range(pieces):
                put(b"rows")

    with pytest.raises(OSError, match="No space"):
        write()


def test_the_moment_of_a_load_is_read_back_once_for_all_its_rows(tmp_path, monkeypatch):
    """The same moment in each row of an export took half of the time of reading it."""
    out = tmp_path / "out.xlsx"
    block = odd_rows(1000).filter(pl.col("company_name").str.contains("^-|^@"))
    with open_sink(out, out) as write:
        write(block)
    asked = []
    read = Aside.read

    def counted(self, cells, **others):
        """What the other reader says, and how many cells it was asked for."""
        asked.append(len(cells))
        return read(self, cells, **others)

    monkeypatch.setattr(Aside, "read", counted)
    [sheet] = open_xlsx(str(out)).sheets()
    with ZipFile(out) as archive:
        texts, _ = plain_sheet(Parts(archive), sheet, frozenset())
    assert texts[-1].to_pylist()[1:] == ["2026-01-02 03:04:05"] * 2000
    assert max(asked) < 100  # the symbols are read where they stand
