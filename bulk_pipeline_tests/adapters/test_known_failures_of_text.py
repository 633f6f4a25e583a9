"""Text files that today's readers misread in silence: a value, a warning, a refusal.

Each case was seen in polars, pandas, duckdb or pyarrow with their defaults.
"""

import bz2
import gzip
from pathlib import Path

import pytest

from bulk_pipeline.adapters.limits import Limits
from bulk_pipeline.adapters.readers import read_text_table
from bulk_pipeline.core.errors import MissingColumns, UnreadableFile
from bulk_pipeline.core.schema import RATIOS
from bulk_pipeline_tests.adapters.known_files import row, seen, text_of
from bulk_pipeline_tests.builders import HEADER, ROW

MARGIN, ROA, DEBT = "net_income_margin", "return_on_assets", "total_debt_to_ebitda"
NAMES = ("Société Générale", "Müller & Söhne", "L\u2019Oréal", "Nestlé", "Telefónica")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where a test puts its file."""
    return tmp_path / "dropped.csv"


@pytest.mark.parametrize(
    ("codec", "encoding"),
    [
        ("utf-8", "utf-8"),
        ("utf-8-sig", "utf-8"),
        ("utf-16", "utf-16-le"),
        ("utf-16-le", "utf-16-le"),
        ("utf-16-be", "utf-16-be"),
        ("utf-32", "utf-32-le"),
        ("utf-32-be", "utf-32-be"),
    ],
)
def test_every_unicode_file_gives_its_names(
    path: Path, codec: str, encoding: str
) -> None:
    """UTF-16 read as UTF-8 gives cells full of NULs and a row too many."""
    rows = [
        row(company_name=name, reporting_year=2000 + n) for n, name in enumerate(NAMES)
    ]
    path.write_bytes(text_of(rows).encode(codec))
    table = read_text_table(path)
    assert table.encoding == encoding
    assert table.table["company_name"].to_pylist() == list(NAMES)
    assert table.line_numbers.to_pylist() == [2, 3, 4, 5, 6]
    assert table.warnings == ()
    assert seen(path).rows.height == 5


@pytest.mark.parametrize("codec", ["cp1252", "cp1250", "cp1251", "shift_jis"])
def test_a_legacy_encoding_is_guessed_and_the_guess_is_told(
    path: Path, codec: str
) -> None:
    """Bytes taken for another alphabet are names that nobody finds again."""
    names = {
        "cp1252": NAMES,
        "cp1250": ("Česká spořitelna", "Żabka Polska Spółka", "Škoda Auto", "Płock"),
        "cp1251": ("Газпром нефть", "Сбербанк России", "Лукойл"),
        "shift_jis": ("トヨタ自動車", "三菱商事株式会社", "任天堂"),
    }[codec]
    rows = [
        row(company_name=name, reporting_year=2000 + n) for n, name in enumerate(names)
    ]
    path.write_bytes(text_of(rows).encode(codec))
    table = read_text_table(path)
    assert table.table["company_name"].to_pylist() == list(names)
    assert any(table.encoding in warning for warning in table.warnings)
    assert seen(path).notices["guessed_encoding"] == 1


def test_a_decimal_comma_beside_a_semicolon_is_a_decimal_comma(path: Path) -> None:
    """One column and the value 5 is what a reader made of it without a word."""
    rows = [row(**{MARGIN: "1,5", ROA: "1.234,5", DEBT: "2,057"})]
    path.write_text(
        text_of(rows, ";").replace("24.111", "24,111").replace("74.333", "74,333")
    )
    found = seen(path)
    assert (found.one(MARGIN), found.one(ROA), found.one(DEBT)) == (1.5, 1234.5, 2.057)
    assert found.one("long_term_debt_to_total_capital") == 24.111
    assert found.notices["number_style"] == 1


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ("1,234,567", 1234567.0),
        ("1,234.5", 1234.5),
        ("5%", 5.0),
        ("(1.5)", -1.5),
        ("\u22123.2", -3.2),
        ("\u00a07.5\u00a0", 7.5),
        ("1\u00a0234.5", 1234.5),
        ("1.5E2", 150.0),
        ("123456789012345678901234567890", 1.2345678901234568e29),
        ("N/A", None),
        ("NM", None),
        ("NaN", None),
        ("#DIV/0!", None),
        ("", None),
        ("-", None),
    ],
)
def test_a_cell_is_the_number_that_a_person_reads(
    path: Path, cell: str, value: float | None
) -> None:
    """A number left as text is lost, and a missing one taken for 0 is wrong."""
    path.write_text(text_of([row(**{ROA: cell})]))
    found = seen(path)
    assert found.one(ROA) == value
    assert found.reading.reasons == {}


@pytest.mark.parametrize("cell", ["inf", "-Infinity", "1e400", "-1e999"])
def test_what_is_not_finite_is_rejected(path: Path, cell: str) -> None:
    """Every one of today's readers makes an infinite number of 1e400."""
    path.write_text(text_of([row(**{ROA: cell}), row(reporting_year="2013")]))
    found = seen(path)
    assert found.rejected() == [(2, ROA, "not_finite")]
    assert found.rows.height == 1


@pytest.mark.parametrize("symbol", ["NA", "NULL", "0700", "TRUE", "1E5", "NAN", "-"])
def test_a_symbol_is_a_text(path: Path, symbol: str) -> None:
    """A company called NA that turns into nothing, or 0700 into 700, is lost."""
    rows = [row(company_symbol=symbol, reporting_year=year) for year in (2001, 2002)]
    path.write_text(text_of(rows))
    assert seen(path).rows["company_symbol"].to_list() == [symbol, symbol]


def test_two_columns_of_one_meaning_are_refused(path: Path) -> None:
    """A reader renames the second, and nobody knows which one was meant."""
    path.write_text(text_of([row()], header=[*HEADER[:-1], "ROA (%)"]))
    assert seen(path).rows.height == 1
    header = ",".join([*HEADER, "ROA"])
    path.write_text(f"{header}\n{','.join([*ROW.values(), '1'])}\n")
    assert read_text_table(path).table.column_names == [*HEADER, "ROA"]
    (path.parent / "again").mkdir()
    again = path.rename(path.parent / "again" / path.name)
    with pytest.raises(MissingColumns, match="'return_on_assets' and 'ROA'"):
        seen(again)


def test_blanks_and_case_in_a_header_do_not_matter(path: Path) -> None:
    """`Company Symbol ` is what people write."""
    header = [f" {name.replace('_', ' ').title()} " for name in HEADER]
    path.write_text(text_of([row()], header=header))
    assert seen(path).rows.height == 1


def test_rows_of_delimiters_alone_are_no_rows(path: Path) -> None:
    """They turn years into 2020.0 elsewhere, and count as rows."""
    path.write_text(text_of([row()]) + f"{',' * 10}\n" * 3)
    found = seen(path)
    assert (found.reading.rows_read, found.rows.height) == (1, 1)


def test_short_and_long_rows_are_rejected_by_line(path: Path) -> None:
    """Padded they lose a figure; shifted they score a company with another's."""
    text = text_of([row(), row(reporting_year="2013"), row(reporting_year="2014")])
    lines = text.splitlines()
    lines[2] = lines[2].rsplit(",", 1)[0]
    lines[3] += ",9"
    path.write_text("\n".join(lines))
    found = seen(path)
    assert found.rejected() == [
        (3, "", "wrong_field_count"),
        (4, "", "wrong_field_count"),
    ]
    assert found.rows["reporting_year"].to_list() == [2012]
    table = read_text_table(path)
    assert [line.line for line in table.ragged] == [3, 4]
    assert "2 lines have more or fewer fields" in table.warnings[0]


def test_a_quoted_line_break_keeps_the_lines_right(path: Path) -> None:
    """A message that names the wrong line sends people to the wrong row."""
    rows = [row(company_name='"Acme\nLtd"'), row(reporting_year="soon")]
    path.write_text(text_of(rows))
    assert read_text_table(path).line_numbers.to_pylist() == [2, 4]
    assert seen(path).rejected() == [
        (2, "company_name", "control_character"),
        (4, "reporting_year", "not_a_year"),
    ]


def test_an_unclosed_quote_is_refused_where_it_opens(path: Path) -> None:
    """Taken as it stands it swallows all rows below."""
    path.write_text(text_of([row(), row(company_name='"Acme'), row()]))
    with pytest.raises(UnreadableFile, match="line 3: a quote that is never closed"):
        seen(path)


def test_title_rows_are_passed_over(path: Path) -> None:
    """Taken for the header they make a table of one column."""
    path.write_text("Accounts 2012\nas of today\n\n" + text_of([row()]))
    found = seen(path)
    assert found.rows["line"].to_list() == [5]


def test_carriage_returns_alone_end_lines(path: Path) -> None:
    """Elsewhere such a file has a header and no row."""
    path.write_bytes(
        text_of([row(), row(reporting_year="x")]).replace("\n", "\r").encode()
    )
    found = seen(path)
    assert found.rows.height == 1
    assert found.rejected() == [(3, "reporting_year", "not_a_year")]


def test_a_nul_byte_is_refused_by_line(path: Path) -> None:
    """Kept in a name it ends the text for whoever reads it next."""
    path.write_text(text_of([row(), row(company_name="Ac\0me")]))
    with pytest.raises(UnreadableFile, match="line 3: a NUL byte"):
        seen(path)


def test_one_late_text_costs_one_row(path: Path) -> None:
    """A type that was guessed from a hundred rows makes a column text, or an error."""
    rows = [row(reporting_year=1900 + n) for n in range(120)]
    path.write_text(text_of([*rows, row(reporting_year=2021, **{ROA: "many"})]))
    found = seen(path)
    assert found.rows.height == 120
    assert found.rejected() == [(122, ROA, "not_a_number")]


def test_a_file_without_a_byte_is_refused(path: Path) -> None:
    """It was cut off, or nobody exported anything."""
    path.write_bytes(b"")
    with pytest.raises(UnreadableFile, match=r"dropped\.csv: the file is empty"):
        seen(path)


def test_a_header_without_rows_is_an_empty_table(path: Path) -> None:
    """There is nothing wrong with it, and nothing in it."""
    path.write_text(text_of([]))
    assert seen(path).reading.rows_read == 0
    assert read_text_table(path).table.num_rows == 0


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress])
def test_a_packed_file_is_read_by_its_content(path: Path, pack) -> None:
    """The name may say .csv or nothing at all."""
    path.write_bytes(pack(text_of([row()]).encode("utf-16")))
    assert seen(path).rows.height == 1


def test_a_file_of_two_minds_is_refused_with_both_readings(path: Path) -> None:
    """1,234 is one number in the upper half and another one in the lower."""
    rows = [row(**{ROA: "1.5"}), row(reporting_year="2013", **{ROA: "1,5"})]
    path.write_text(text_of(rows))
    with pytest.raises(UnreadableFile) as caught:
        seen(path)
    message = str(caught.value)
    assert message.startswith("dropped.csv")
    assert "line 3" in message
    assert "'1,5'" in message
    assert "BULK_PIPELINE_DECIMAL" in message
    (path.parent / "again").mkdir()
    found = seen(path.rename(path.parent / "again" / path.name), decimal="point")
    assert found.rejected() == [(3, ROA, "other_decimal")]


def far_below(last: str) -> str:
    """A hundred thousand rows that leave their numbers open, and one that does not."""
    lines = text_of([row(**dict.fromkeys(RATIOS, "2,057"))], ";").splitlines()
    header, first = lines
    rows = [
        first.replace("HPE", f"S{n // 100:04}").replace(";2012;", f";{1900 + n % 100};")
        for n in range(120_000)
    ]
    return "\n".join([header, *rows, first.replace("2,057", last)])


def test_what_a_file_says_far_below_counts_for_all_of_it(path: Path) -> None:
    """Rows that were read the other way by then are read anew."""
    path.write_text(far_below("2,5"))
    found = seen(path)
    assert found.rows[ROA].unique(maintain_order=True).to_list() == [2.057, 2.5]
    assert found.reading.rows_read == found.rows.height == 120_001
    assert found.rows["line"].to_list() == [*range(2, 120_003)]
    assert found.notices["number_style"] == 1


def test_a_contradiction_far_below_refuses_the_file(path: Path) -> None:
    """It was a decimal comma for a hundred thousand rows, and now it cannot be."""
    path.write_text(far_below("2.5"))
    with pytest.raises(UnreadableFile, match=r"line 120,002, column .*'2\.5'.*'2,057'"):
        seen(path)


@pytest.mark.parametrize(
    ("limits", "what"),
    [
        (Limits(rows=2), "more than 2 rows"),
        (Limits(columns=5), "11 columns; at most 5"),
        (Limits(file_bytes=100), "at most 100"),
        (Limits(cell_chars=10), "more than 10 characters"),
        (Limits(line_bytes=150, block_bytes=64), "more than 150 bytes"),
    ],
)
def test_what_is_over_a_limit_is_refused(path: Path, limits: Limits, what: str) -> None:
    """One file must not take what the others need."""
    rows = [row(reporting_year=2001 + n) for n in range(3)]
    path.write_text(text_of(rows))
    with pytest.raises(UnreadableFile, match=what):
        seen(path, limits)
