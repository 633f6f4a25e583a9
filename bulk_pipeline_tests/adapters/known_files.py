"""Files that other readers are known to misread, and what became of them here."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import openpyxl
import polars as pl

from bulk_pipeline.adapters.batches import Options
from bulk_pipeline.adapters.chunks import ChunkHandle, ChunkWriter
from bulk_pipeline.adapters.file_reading import FileReader, FileReading, ReadingRules
from bulk_pipeline.adapters.limits import Limits
from bulk_pipeline.adapters.monitor import Stopwatch
from bulk_pipeline.core.notices import counted
from bulk_pipeline_tests.builders import HEADER, ROW

LATEST_YEAR = 2030
LIMITS = Limits()


@dataclass(frozen=True)
class Seen:
    """What became of a file: typed rows, rejects, and what reading told."""

    rows: pl.DataFrame
    rejects: pl.DataFrame
    reading: FileReading

    @property
    def notices(self) -> dict[str, int]:
        """Kind of each notice and its count."""
        return counted(self.reading.notices)

    def one(self, column: str) -> Any:
        """The one value of a column."""
        (value,) = self.rows[column].to_list()
        return value

    def rejected(self) -> list[tuple[int, str, str]]:
        """Line, column and reason of each reject."""
        if self.rejects.is_empty():
            return []
        return self.rejects.select("line", "column", "reason").rows()


def seen(path: Path, limits: Limits = LIMITS, **options: Any) -> Seen:
    """Read one file to its end, as a load does."""
    folder = path.parent / f"{path.name}.read"
    (folder / "rows").mkdir(parents=True)
    chosen = Options(
        **{
            "on_conflict": "skip",
            "companies": "keep",
            "blank_quarter": "Q4",
            "ratio_unit": "percent",
            **options,
        }
    )
    rules = ReadingRules.of(chosen, limits, LATEST_YEAR, 50_000)
    writer = ChunkWriter(folder / "rows", 50_000)
    reader = FileReader(rules, writer, folder / "rejects", Stopwatch())
    reading = reader.read(path, 0)
    writer.finish()
    rejected = folder / "rejects/00000"  # there is none where nothing was rejected
    rejects = list(ChunkHandle.open(rejected).frames()) if rejected.exists() else []
    rows = list(ChunkHandle.open(folder / "rows").frames())
    return Seen(
        pl.concat(rows) if rows else pl.DataFrame(),
        pl.concat(rejects, how="diagonal") if rejects else pl.DataFrame(),
        reading,
    )


def text_of(
    rows: Sequence[Mapping[str, object]],
    delimiter: str = ",",
    header: Sequence[str] = HEADER,
) -> str:
    """Rows as delimited text; a cell that holds the delimiter is quoted."""

    def shown(cell: object) -> str:
        text = str(cell)
        return f'"{text}"' if delimiter in text else text

    lines = [header, *([row[name] for name in HEADER] for row in rows)]
    return "".join(delimiter.join(map(shown, line)) + "\n" for line in lines)


def row(**cells: object) -> dict[str, object]:
    """A good row with some cells of it changed."""
    return {**ROW, **cells}


def book_of(path: Path, rows: Sequence[Sequence[object]], title: str = "Data") -> Path:
    """A workbook of one sheet."""
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = title
    for cells in rows:
        sheet.append(list(cells))
    book.save(path)
    return path


def typed_row(**cells: object) -> list[object]:
    """A good row with numbers as numbers, as a workbook holds them."""
    values: dict[str, object] = dict(ROW)
    for name in (*HEADER[3:5], *HEADER[6:]):
        values[name] = float(ROW[name])
    values["reporting_year"] = 2012
    return list({**values, **cells}.values())
