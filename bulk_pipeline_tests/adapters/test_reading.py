"""Files of a batch into typed chunks: bad rows alone, bad files alone, nothing lost."""

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from bulk_pipeline.adapters import reading
from bulk_pipeline.adapters.atomic import write_text
from bulk_pipeline.adapters.chunks import ChunkHandle
from bulk_pipeline.adapters.progress import listening
from bulk_pipeline.adapters.reading import COMPANIES, ROWS
from bulk_pipeline.adapters.reports import read_readings, write_readings
from bulk_pipeline.core.errors import PermanentError
from bulk_pipeline.core.schema import RATIOS
from bulk_pipeline_tests.adapters.harness import Pipeline, counts, listed, write_many
from bulk_pipeline_tests.builders import HEADER, ROW, rows_of, write_csv


def readings(rows: ChunkHandle):
    """What reading found in each upload of a batch."""
    return read_readings(rows.directory.parent)


def test_one_bad_row_in_a_thousand_is_rejected_alone(
    pipeline: Pipeline, tmp_path
) -> None:
    """A supplier's one slip must not cost the other 999 rows, nor pass unseen."""
    rows = rows_of([f"S{number}" for number in range(1_000)], [2001])
    rows[499]["net_income_margin"] = "twelve"
    report = pipeline.load(write_csv(tmp_path / "slip.csv", rows)).uploads[0]
    assert counts(report) == (1_000, 999, 0, 0, 0, 1)
    assert pipeline.predictions() == 999
    (row,) = listed(report)
    assert (row["line"], row["column"]) == ("501", "net_income_margin")
    assert row["outcome"] == "rejected"
    assert row["reason"].startswith("not_a_number: ")
    assert row["value"] == "twelve"
    assert {name: row[name] for name in HEADER} == rows[499]
    assert report.rejected_by_reason == {"not_a_number": 1}


def test_a_file_without_a_needed_column_is_refused_whole(
    small: Pipeline, tmp_path
) -> None:
    """A forgotten column is the sender's to mend; the other files need not wait."""
    header = [name for name in HEADER if name != "return_on_assets"]
    bad = write_csv(tmp_path / "short.csv", rows_of("XY", [2001]), header)
    good = write_csv(tmp_path / "whole.csv", rows_of("AB", [2001]))
    published = small.load(bad, good)
    refused, loaded = sorted(published.uploads, key=lambda report: report.state)
    assert (refused.state, loaded.state) == ("failed", "loaded")
    assert "return_on_assets" in refused.message
    assert counts(refused) == (0, 0, 0, 0, 0, 0)
    assert {row[0] for row in small.stored()} == {"A", "B"}
    assert small.query("SELECT symbol FROM companies ORDER BY 1") == [("A",), ("B",)]
    assert small.query("SELECT file_name FROM uploads") == [("whole.csv",)]


def test_a_batch_that_is_read_twice_at_once_goes_on_from_the_first(
    small: Pipeline, tmp_path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A broker may hand a step out twice; the later end took away what was scored."""
    batch = small.land(write_csv(tmp_path / "two.csv", rows_of("AB", [2001])))
    scored: list[ChunkHandle] = []

    def while_another_reads(*given: Any) -> None:
        """The other begins later, ends before, and its rows are scored."""
        monkeypatch.undo()
        scored.append(small.score(small.read(batch.key)))
        write_readings(*given)

    monkeypatch.setattr(reading, "write_readings", while_another_reads)
    rows = small.read(batch.key)

    assert rows.rows == 2
    [report] = small.publish(scored[0]).uploads
    assert counts(report) == (2, 2, 0, 0, 0, 0)


def test_a_file_that_breaks_off_leaves_no_row(small: Pipeline, tmp_path) -> None:
    """Half a file stored is a company with half its history, and nobody knows which."""
    good = write_csv(tmp_path / "a.csv", rows_of("AB", [2001]))
    broken = write_many(tmp_path / "b.csv", range(700), range(1900, 2000))
    with broken.open("a") as file:
        file.write('S9,"a quote that never ends,,,2001\n')
    batch = small.land(good, broken)
    rows = small.read(batch.key)
    first, second = readings(rows)
    assert (first.state, second.state) == ("read", "refused")
    assert "b.csv" in second.message
    assert batch.uploads[1].stored_name not in second.message
    assert "line 70,002" in second.message
    assert rows.rows == 2
    assert rows.frame()["upload"].unique().to_list() == [0]
    companies = pl.read_ipc(rows.directory.parent / COMPANIES)
    assert companies["company_symbol"].to_list() == ["A", "B"]
    names = {chunk.name for chunk in rows.chunks} | {"manifest.json"}
    assert {path.name for path in rows.directory.iterdir()} == names


def test_a_broken_file_before_a_good_one_changes_nothing_of_it(make, tmp_path) -> None:
    """Rows that wait to fill a chunk must go with their file, and only they."""
    small = make(ULTRA_BATCH_SIZE=50)
    first = write_csv(tmp_path / "1.csv", rows_of(["A"], range(1900, 1970)))
    broken = write_csv(tmp_path / "2.csv", rows_of(["B"], range(1900, 2020)))
    with broken.open("a") as file:
        file.write('B,"never ends\n')
    last = write_csv(tmp_path / "3.csv", rows_of(["C"], range(1900, 1970)))
    published = small.load(first, broken, last)
    assert [report.state for report in published.uploads] == [
        "loaded",
        "failed",
        "loaded",
    ]
    assert [report.inserted for report in published.uploads] == [70, 0, 70]
    wanted = {("A", year) for year in range(1900, 1970)}
    wanted |= {("C", year) for year in range(1900, 1970)}
    assert {row[:2] for row in small.stored()} == wanted


def test_a_batch_of_refused_files_alone_stores_nothing(
    small: Pipeline, tmp_path
) -> None:
    """A batch in which nothing can be read still ends with a report for each file."""
    write_text(tmp_path / "prose.csv", "Dear colleague,\nplease find attached\n")
    write_text(tmp_path / "empty.csv", "")
    published = small.load(tmp_path / "prose.csv", tmp_path / "empty.csv")
    assert {report.state for report in published.uploads} == {"failed"}
    assert all(report.message for report in published.uploads)
    assert published.figures.counts["rows_read"] == 0
    assert small.value("SELECT count(*) FROM uploads") == 0


def test_what_is_odd_about_a_file_is_told(small: Pipeline, tmp_path) -> None:
    """A warning is the only trace of what was decided without asking."""
    rows = [
        {**ROW, "reporting_year": "2012-12-31", "note": "x"},
        {**ROW, "reporting_year": "2013", "company_name": "Another Name", "note": ""},
        {**ROW, "reporting_year": "2014", "total_debt_to_ebitda": "100000000"},
    ]
    path = write_csv(tmp_path / "odd.csv", rows, [*HEADER, "note"])
    report = small.load(path).uploads[0]
    said = "\n".join(report.warnings)
    assert "1 cell of the reporting year holds a date" in said
    assert "1 company has more than one name" in said
    assert "'note'" in said
    assert "1 cell holds exactly 100000000" in said
    assert counts(report) == (3, 3, 0, 0, 0, 0)
    (journalled,) = small.installation.journal.uploads()
    assert journalled.warnings == report.warnings


def test_the_counts_of_an_upload_hold_over_many_parts(make, tmp_path) -> None:
    """Counts are added up part by part; one that is not added up is a row lost."""
    small = make(ULTRA_BATCH_SIZE=1_000)
    path = write_many(tmp_path / "many.csv", range(1_000), range(1900, 2000))
    lines = path.read_text().splitlines(keepends=True)
    lines[5] = lines[5].replace("2.057", "many")
    lines[90_000] = lines[90_000].replace("2.057", "many")
    lines[95_000] = "S1;2001\n"
    path.write_text("".join(lines))
    seen: dict[str, int] = {}

    def listen(stage: str, units: int) -> None:
        """Add up what is reported."""
        seen[stage] = seen.get(stage, 0) + units

    with listening(listen):
        rows = small.read(small.land(path).key)
    (reading,) = readings(rows)
    assert reading.rows_read == 100_000
    assert rows.rows == 99_997
    assert reading.reasons == {"not_a_number": 2, "wrong_field_count": 1}
    assert reading.quality.rows == 99_997
    assert {chunk.rows for chunk in rows.chunks[:-1]} == {1_000}
    assert seen["read"] <= path.stat().st_size
    assert seen["read"] > path.stat().st_size * 0.99
    assert rows.frame()["line"].is_sorted()


def test_the_unit_of_the_ratios_is_an_option_of_the_batch(
    small: Pipeline, tmp_path
) -> None:
    """A file of fractions read as per cent gives every company the same low debt."""
    row = {**ROW, **dict.fromkeys(RATIOS, "0.05")}
    path = write_csv(tmp_path / "fractions.csv", [row])
    plain = small.load(path).uploads[0]
    assert "BULK_PIPELINE_RATIO_UNIT=fraction" in "\n".join(plain.warnings)
    assert small.stored()[0][3:] == (0.05,) * 5
    report = small.load(path, ratio_unit="fraction", on_conflict="update").uploads[0]
    assert report.updated == 1
    assert not report.warnings
    stored = small.stored()[0][3:]
    assert stored == pytest.approx((5.0, 0.05, 5.0, 0.05, 5.0), rel=1e-12)


def test_the_quarter_of_rows_without_one_is_an_option_of_the_batch(
    small: Pipeline, tmp_path
) -> None:
    """The same figures under another quarter would be other rows."""
    header = [name for name in HEADER if name != "reporting_quarter"]
    path = write_csv(tmp_path / "years.csv", rows_of("A", [2001]), header)
    small.load(path, blank_quarter="FY")
    small.load(path)
    assert [row[2] for row in small.stored()] == ["FY", "Q4"]


def test_a_batch_that_never_landed_is_refused_by_name(small: Pipeline) -> None:
    """A partition of another home must not look like an empty batch."""
    with pytest.raises(PermanentError, match="No batch nowhere has landed"):
        small.read("nowhere")


def test_a_batch_that_was_not_read_says_what_to_run(small: Pipeline, tmp_path) -> None:
    """Who starts in the middle is told where the beginning is."""
    with pytest.raises(PermanentError, match="Materialise ingestion_file"):
        read_readings(tmp_path)
    with pytest.raises(PermanentError, match="Materialise ingestion_file"):
        ChunkHandle.open(tmp_path / "batch" / ROWS)


def test_reading_again_replaces_what_was_read(small: Pipeline, tmp_path) -> None:
    """Chunks of an earlier attempt beside those of this one would count twice."""
    batch = small.land(write_many(tmp_path / "a.csv", range(5), range(1990, 2000)))
    first = small.read(batch.key)
    (first.directory / "left-over.arrow").write_bytes(b"")
    again = small.read(batch.key)
    assert again == first
    assert not (again.directory / "left-over.arrow").exists()
    assert list(Path(first.directory.parents[1]).glob(".*")) == []


@pytest.mark.parametrize("suffix", [".xlsx", ".parquet"])
def test_other_formats_take_the_same_way(small: Pipeline, tmp_path, suffix) -> None:
    """The same table must give the same rows, whatever it is saved as."""
    rows = pl.DataFrame(rows_of("AB", [2001, 2002])).with_columns(
        pl.col(*RATIOS).cast(pl.Float64), pl.col("reporting_year").cast(pl.Int64)
    )
    path = tmp_path / f"table{suffix}"
    if suffix == ".parquet":
        rows.write_parquet(path)
    else:
        openpyxl = pytest.importorskip("openpyxl")
        book = openpyxl.Workbook()
        for row in (rows.columns, *rows.rows()):
            book.active.append(row)
        book.save(path)
    assert counts(small.load(path).uploads[0]) == (4, 4, 0, 0, 0, 0)
    plain = write_csv(tmp_path / "table.csv", rows_of("AB", [2001, 2002]))
    assert counts(small.load(plain).uploads[0]) == (4, 0, 0, 4, 0, 0)
