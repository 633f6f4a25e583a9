"""What is stored is what was read: texts, numbers and gaps come back identical."""

import pytest

from bulk_pipeline.core.schema import RATIOS
from bulk_pipeline_tests.adapters.harness import Pipeline, counts, ratios
from bulk_pipeline_tests.adapters.predictions import ODD_TEXTS, ROA
from bulk_pipeline_tests.builders import ROW, rows_of, write_csv

LONGEST = {"company_symbol": 20, "company_name": 255, "sector": 100}
FLOATS = [
    2.2250738585072014e-308,  # the smallest that is normal
    1.7976931348623157e308,
    -1.7976931348623157e308,
    0.1 + 0.2,
    1 / 3,
    -123456789.12345679,
    9007199254740993.0,
    4.35,
    5e-300,
    1.0000000000000002,
]


def companies(pipeline):
    """Symbol, name and sector of each company."""
    return pipeline.query("SELECT symbol, name, sector FROM companies")


def test_odd_texts_come_back_as_they_were(pipeline: Pipeline, tmp_path) -> None:
    """A name that is read as SQL, or as a wildcard, is a fault for everybody."""
    rows = [
        {
            **ROW,
            "company_symbol": f"{text[:2]}{number}",
            "company_name": text,
            "sector": text,
        }
        for number, text in enumerate(ODD_TEXTS)
    ]
    path = write_csv(tmp_path / "odd ';--[%].csv", rows)
    report = pipeline.load(path).uploads[0]
    assert counts(report)[:2] == (len(rows), len(rows))
    stored = {name: (symbol, sector) for symbol, name, sector in companies(pipeline)}
    assert stored.keys() == {*ODD_TEXTS}
    for number, text in enumerate(ODD_TEXTS):
        assert stored[text] == (f"{text[:2]}{number}".upper(), text)
    assert pipeline.value("SELECT file_name FROM uploads") == path.name
    assert counts(pipeline.given(path, force=True).uploads[0])[3] == len(rows)


@pytest.mark.parametrize("letter", ["x", "é", "株", "😀"])
def test_the_longest_texts_fit(pipeline: Pipeline, tmp_path, letter) -> None:
    """A limit in characters that is one of bytes somewhere cuts names of Asia."""
    longest = {name: letter * length for name, length in LONGEST.items()}
    path = write_csv(tmp_path / "long.csv", [{**ROW, **longest}])
    assert pipeline.load(path).uploads[0].inserted == 1
    symbol, name, sector = longest.values()
    assert companies(pipeline) == [(symbol.upper(), name, sector)]


def test_symbols_that_differ_in_case_width_or_accent_differ(
    pipeline: Pipeline, tmp_path
) -> None:
    """A collation that takes two companies for one would mix their accounts."""
    symbols = [
        "E",
        "É",
        "E\u0301",
        "\uff25",
        "ß",
        "SS",
        "Æ",
        "AE",
        "²",
        "2",
        "Ⅷ",
        "VIII",
    ]
    wanted = {symbol.upper() for symbol in symbols}
    path = write_csv(tmp_path / "alike.csv", rows_of(symbols, [2001]))
    report = pipeline.load(path).uploads[0]
    assert report.inserted == len(wanted)
    assert {row[0] for row in pipeline.stored()} == wanted
    again = pipeline.given(path, force=True, on_conflict="update").uploads[0]
    assert counts(again) == (len(symbols), 0, 0, len(symbols), 0, 0)


def test_numbers_come_back_to_the_last_bit(pipeline: Pipeline, tmp_path) -> None:
    """A number that went through a text or a decimal is another number."""
    rows = [
        {**ROW, "company_symbol": f"F{number}", "reporting_year": str(1990 + number)}
        | ratios(**dict.fromkeys(RATIOS, repr(value)))
        for number, value in enumerate(FLOATS)
    ]
    path = write_csv(tmp_path / "floats.csv", rows)
    pipeline.load(path)
    found = [tuple(float(v).hex() for v in row[3:]) for row in pipeline.stored()]
    assert found == [(value.hex(),) * len(RATIOS) for value in FLOATS]
    again = pipeline.given(path, force=True, on_conflict="update").uploads[0]
    assert counts(again) == (len(rows), 0, 0, len(rows), 0, 0)


def test_a_sector_that_is_missing_is_no_text(pipeline: Pipeline, tmp_path) -> None:
    """An empty text and the word None are both values, and neither was given."""
    rows = rows_of("AB", [2001])
    rows[0].update(sector="", market_cap="")
    pipeline.load(write_csv(tmp_path / "gaps.csv", rows))
    query = "SELECT sector, market_cap FROM companies ORDER BY symbol"
    assert pipeline.query(query) == [(None, None), ("Technology", 100_000.0)]


def test_a_missing_ratio_is_stored_as_missing(pipeline: Pipeline, tmp_path) -> None:
    """Zero is a value, and a good one for debt: a gap that becomes zero flatters."""
    rows = [
        {**ROW, "company_symbol": "A", **ratios()},
        {**ROW, "company_symbol": "B", **ratios(return_on_assets="0")},
        {**ROW, "company_symbol": "C", **ratios(net_income_margin="-24.182")},
    ]
    published = pipeline.load(write_csv(tmp_path / "gaps.csv", rows))
    nothing = None
    wanted = [
        ("A", 2012, "Q4", nothing, nothing, nothing, nothing, nothing),
        ("B", 2012, "Q4", nothing, nothing, nothing, nothing, 0.0),
        ("C", 2012, "Q4", nothing, nothing, -24.182, nothing, nothing),
    ]
    assert pipeline.stored() == wanted
    forced = pipeline.given(tmp_path / "gaps.csv", force=True, on_conflict="update")
    assert counts(forced.uploads[0]) == (3, 0, 0, 3, 0, 0)
    again = pipeline.given_again(published.uploads[0].batch)
    assert again.figures.rows_written == 0
    rows[0] = {**rows[0], ROA: "0"}
    filled = write_csv(tmp_path / "filled.csv", rows)
    assert counts(pipeline.given(filled).uploads[0]) == (3, 0, 0, 3, 1, 0)
    updated = pipeline.load(filled, on_conflict="update").uploads[0]
    assert counts(updated) == (3, 0, 1, 2, 0, 0)
    assert pipeline.stored()[0] == (*wanted[0][:-1], 0.0)


def test_ratios_keep_every_digit(pipeline: Pipeline, tmp_path) -> None:
    """A ratio that comes back in another form would conflict with its own file."""
    values = ["0.1", "-1e-300", "1.7976931348623157e308", "12345678901234.567", "-0.0"]
    row = {**ROW, **dict(zip(RATIOS, values, strict=True))}
    path = write_csv(tmp_path / "digits.csv", [row])
    assert counts(pipeline.load(path).uploads[0])[1] == 1
    assert list(pipeline.stored()[0][3:]) == [float(value) for value in values]
    forced = pipeline.given(path, force=True, on_conflict="update").uploads[0]
    assert counts(forced) == (1, 0, 0, 1, 0, 0)


def test_symbols_are_texts(pipeline: Pipeline, tmp_path) -> None:
    """A driver that takes 0700 for a number would lose the company in Hong Kong."""
    symbols = ["0700", "1E5", "NA", "TRUE", "BRK.A", "007", "O'B%_[", "É"]
    path = write_csv(tmp_path / "symbols.csv", rows_of(symbols, [2001]))
    assert pipeline.given(path).uploads[0].inserted == len(symbols)
    assert {row[0] for row in pipeline.stored()} == set(symbols)
    numbers = [s for s in symbols if s[0] == "0"]
    more = write_csv(tmp_path / "more.csv", rows_of(numbers, [2001, 2002]))
    assert counts(pipeline.load(more).uploads[0]) == (4, 2, 0, 2, 0, 0)
