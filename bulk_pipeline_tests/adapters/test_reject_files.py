"""Reject tables as files: the same cells in both formats, and no formula in any."""

import zipfile
from pathlib import Path

import openpyxl
import polars as pl
import pytest
from openpyxl.worksheet.worksheet import Worksheet

from bulk_pipeline.adapters.reject_files import read_rejects, write_rejects
from bulk_pipeline.adapters.rejects import OWN_COLUMNS
from bulk_pipeline.core.errors import ConfigurationError

HEADER = [*OWN_COLUMNS, "Ticker", "Ticker", "#N/A"]
ODD = ["=1+1", "#DIV/0!", "0700", "TRUE", "2031-01-01", '5,"5"\r\n', "é\t¼", "+1"]


def table(*rows: list[str | None]) -> pl.DataFrame:
    """Rows as texts below the header."""
    frame = pl.DataFrame([HEADER, *rows], orient="row")
    return frame.cast(pl.String)


def row(line: int, *texts: str | None) -> list[str | None]:
    """A row of the list with these texts, and blanks behind them."""
    return [str(line), *texts, *[None] * (len(HEADER) - 1 - len(texts))]


def sheet_xml(path: Path) -> str:
    """The sheet as it is stored."""
    with zipfile.ZipFile(path) as archive:
        return archive.read("xl/worksheets/sheet1.xml").decode()


def written(path: Path, *rows: list[str | None]) -> Worksheet:
    """The sheet of a workbook with these rows, as a spreadsheet program opens it."""
    write_rejects(table(*rows), path)
    return openpyxl.load_workbook(path).worksheets[0]


def test_a_csv_reads_back_as_it_was_written(tmp_path: Path) -> None:
    """A copy that differs from the list in one blank would be another list."""
    cells = table(row(2, *ODD), row(7, "", None, "two\nlines"), row(9))
    write_rejects(cells, tmp_path / "list.csv")
    write_rejects(read_rejects(tmp_path / "list.csv"), tmp_path / "copy.csv")
    assert read_rejects(tmp_path / "list.csv").rows() == cells.rows()
    bytes_ = [(tmp_path / name).read_bytes() for name in ("list.csv", "copy.csv")]
    assert bytes_[0] == bytes_[1]


def test_every_cell_of_a_workbook_is_text_but_the_line(tmp_path: Path) -> None:
    """A spreadsheet that sees numbers and dates changes what it was sent to show."""
    path = tmp_path / "list.xlsx"
    sheet = written(path, row(2, *ODD), row(70, "", *ODD[1:]))
    header, first, second = sheet.iter_rows(values_only=True)
    assert list(header) == HEADER
    assert list(first[:9]) == [2, *(text.replace("\r", "") for text in ODD)]
    assert second[:2] == (70, None)
    for cells in sheet.iter_rows(min_row=2):
        assert cells[0].data_type == "n"
        for cell in cells[1:]:
            if cell.value is not None:
                assert (cell.data_type, cell.number_format) == ("s", "@")
    assert "<f" not in sheet_xml(path)


def test_a_cell_that_is_filled_in_is_text_too(tmp_path: Path) -> None:
    """The reject is a blank symbol; its cure is 0700, not 700."""
    sheet = written(tmp_path / "list.xlsx", row(2))
    formats = {
        dimension.number_format for dimension in sheet.column_dimensions.values()
    }
    assert formats == {"@"}


def test_a_workbook_is_ready_to_be_filtered(tmp_path: Path) -> None:
    """A thousand rejects are mended reason by reason."""
    sheet = written(tmp_path / "list.xlsx", row(2, "rejected", "x" * 300), row(3))
    assert all(cell.font.bold for cell in sheet[1])
    assert sheet.freeze_panes == "A2"
    assert sheet.auto_filter.ref == "A1:J3"
    widths = [dimension.width for dimension in sheet.column_dimensions.values()]
    assert widths[1] > len("rejected")
    assert widths[2] < 100


def test_what_a_workbook_cannot_hold_is_shown(tmp_path: Path) -> None:
    """A control character may be the very reason; a damaged workbook shows nothing."""
    texts = ["bell\x07", "\x00\x1f", "no\uffffletter", "é" * 40_000, "é" * 32_767]
    sheet = written(tmp_path / "list.xlsx", row(2, *texts))
    *shown, cut, whole = [cell.value for cell in sheet[2][1:6]]
    assert shown == ["bell␇", "␀␟", "no\N{REPLACEMENT CHARACTER}letter"]
    assert (len(cut), cut[-2:]) == (32_767, "é…")
    assert whole == texts[-1]


@pytest.mark.filterwarnings("error")
def test_a_place_that_cannot_be_written_is_an_error_and_no_more(tmp_path: Path) -> None:
    """The one message that matters must not drown in those of a library."""
    with pytest.raises(OSError, match="absent"):
        write_rejects(table(row(2)), tmp_path / "absent" / "list.xlsx")


def test_more_rows_than_a_sheet_holds_are_refused(tmp_path: Path) -> None:
    """A list that ends in silence hides the rest of the trouble."""
    cells = pl.select(line=pl.repeat("2", 1 + 1_048_576))
    with pytest.raises(ConfigurationError, match=r"at most 1,048,575 .*\.csv"):
        write_rejects(cells, tmp_path / "list.xlsx")
    assert not list(tmp_path.iterdir())
