"""One file → typed rows, rejects, companies and what is odd about them.

Used by a batch that is loaded and by a check that stores nothing.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

import polars as pl

from bulk_pipeline.adapters.batches import Options
from bulk_pipeline.adapters.chunks import ChunkWriter
from bulk_pipeline.adapters.limits import Limits
from bulk_pipeline.adapters.monitor import Stopwatch
from bulk_pipeline.adapters.number_vote import voted_style
from bulk_pipeline.adapters.parts import Part, parts
from bulk_pipeline.adapters.progress import advance
from bulk_pipeline.adapters.readers import open_text
from bulk_pipeline.adapters.readers.base import TextSource
from bulk_pipeline.adapters.reports import UploadReading
from bulk_pipeline.core.cleaning import CleaningRules
from bulk_pipeline.core.companies import distinct_companies
from bulk_pipeline.core.errors import UnreadableFile
from bulk_pipeline.core.notices import Notice, NoticeKind
from bulk_pipeline.core.number_style import NumberStyle
from bulk_pipeline.core.quality import Quality
from bulk_pipeline.core.schema import HeaderMatch, match_header
from bulk_pipeline.core.wording import amount


@dataclass(frozen=True, slots=True)
class ReadingRules:
    """How the files of a batch are read.

    Attributes:
        cleaning: how cells are read; its number style is settled file by file where
            the options leave it open.
        encoding: name of the encoding of text files, "" to find it out.
        sheets: whether one or all sheets with our columns are read.
        limits: how much one file may take.
        rows_per_chunk: rows of a chunk.
    """

    cleaning: CleaningRules
    encoding: str
    sheets: str
    limits: Limits
    rows_per_chunk: int

    @classmethod
    def of(
        cls, options: Options, limits: Limits, latest_year: int, rows_per_chunk: int
    ) -> "ReadingRules":
        """The rules of a batch that was claimed under these options."""
        fixed = options.decimal != "auto"
        cleaning = CleaningRules(
            latest_year=latest_year,
            blank_quarter=options.blank_quarter,
            fractions=options.ratio_unit == "fraction",
            style=NumberStyle(options.decimal) if fixed else NumberStyle.POINT,
            settled=fixed,
        )
        encoding = "" if options.encoding == "auto" else options.encoding
        return cls(cleaning, encoding, options.sheets, limits, rows_per_chunk)


@dataclass(frozen=True, slots=True)
class FileReading:
    """What reading found in one file.

    Attributes:
        rows_read: rows parsed, those of a wrong length included.
        reasons: reason code → rejected rows.
        quality: what is odd about the others.
        notices: what the person who sent the file should know.
        header: our column name → header text in the file.
        columns: all header texts of the file, in order.
        companies: the companies of the file.
    """

    rows_read: int
    reasons: Counter[str]
    quality: Quality
    notices: tuple[Notice, ...]
    header: dict[str, str]
    columns: tuple[str, ...]
    companies: pl.DataFrame

    def told(self, reading: UploadReading) -> UploadReading:
        """The record of an upload with what was found in its file."""
        return replace(
            reading,
            rows_read=self.rows_read,
            rejected=self.reasons.total(),
            reasons=dict(self.reasons),
            quality=self.quality,
            notices=self.notices,
            header=self.header,
            columns=self.columns,
        )


class _Doubtful(Exception):
    """A number that the style in use may misread; the file must be read anew."""


@dataclass(frozen=True, slots=True)
class FileReader:
    """Reads files one after the other; each counts whole or not at all.

    Attributes:
        rules: how they are read.
        rows: takes the typed rows of all of them.
        rejects: folder of the rejects, one folder in it for each file's number.
        watch: told the seconds by stage.
        open: opens a file as ``open_text`` does; by default that.
    """

    rules: ReadingRules
    rows: ChunkWriter
    rejects: Path
    watch: Stopwatch
    open: Callable[[Path], TextSource] | None = None

    def read(self, path: Path, number: int) -> FileReading:
        """Read one file to its end.

        Args:
            path: the file.
            number: its number in the batch.

        Raises:
            UnreadableFile: it is no table that can be read.
            MissingColumns: a needed column is absent.
        """
        with self.watch.stage("read"):
            source = self.open(path) if self.open else self._opened(path)
        match = match_header(source.header)
        tally, settled = self._rows(path.name, source, match, number)
        with self.watch.stage("companies"):
            companies = distinct_companies(tally.companies)
        notices = (
            *source.notices,
            *_odd_columns(match),
            *settled,
            *_odd_cells(tally),
            *_odd_names(companies),
            *tally.quality.notices(fractions=self.rules.cleaning.fractions),
        )
        names = {name: source.header[place] for name, place in match.positions.items()}
        return FileReading(
            tally.rows_read,
            tally.reasons,
            tally.quality,
            notices,
            names,
            source.header,
            companies.drop("names_differ"),
        )

    def _opened(self, path: Path) -> TextSource:
        return open_text(
            path,
            limits=self.rules.limits,
            encoding=self.rules.encoding,
            sheets=self.rules.sheets,
        )

    def _rows(
        self, name: str, source: TextSource, match: HeaderMatch, number: int
    ) -> "tuple[_Tally, tuple[Notice, ...]]":
        """Read all rows; once more if a number leaves a doubt, and say how."""
        cleaning = replace(self.rules.cleaning, typed=not source.delimiter)
        with suppress(_Doubtful):
            return self._pass(source, match, number, cleaning), ()
        with self.watch.stage("clean"):
            style = voted_style(name, source, match)
        cleaning = replace(cleaning, style=style, settled=True)
        return self._pass(source, match, number, cleaning), (_settled(style),)

    def _pass(
        self,
        source: TextSource,
        match: HeaderMatch,
        number: int,
        cleaning: CleaningRules,
    ) -> "_Tally":
        """Read all rows under one style of numbers; on an error none was taken."""
        folder = self.rejects / f"{number:05}"
        rejects = ChunkWriter(folder, self.rules.rows_per_chunk)
        marks = self.rows.mark(), rejects.mark()
        tally, taken = _Tally(), 0
        try:
            for part in parts(number, source, match, cleaning, self.watch):
                if part.doubtful:
                    raise _Doubtful  # noqa: TRY301 (the rewinding below is for it, too)
                with self.watch.stage("clean"):
                    self.rows.add(part.rows)
                    if part.rejects.height:
                        folder.mkdir(parents=True, exist_ok=True)
                        rejects.add(part.rejects)
                tally.add(part)
                taken += part.bytes_read
                advance("read", part.bytes_read)
        except (UnreadableFile, OSError, _Doubtful):
            self.rows.rewind(marks[0])
            rejects.rewind(marks[1])
            advance("read", -taken)
            raise
        if tally.reasons:
            rejects.finish()
        return tally


@dataclass(slots=True)
class _Tally:
    """Sums over the parts of a file."""

    rows_read: int = 0
    dates: int = 0
    error_cells: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    quality: Quality = field(default_factory=Quality)
    companies: list[pl.DataFrame] = field(default_factory=list)

    def add(self, part: Part) -> None:
        """Take in one part."""
        self.rows_read += part.rows_read
        self.dates += part.dates_as_years
        self.error_cells += part.error_cells
        self.reasons += part.reasons
        self.quality += part.quality
        self.companies.append(part.companies)


def _odd_columns(match: HeaderMatch) -> Iterator[Notice]:
    """The columns that were passed over."""
    if match.ignored:
        names = ", ".join(repr(text) for text in match.ignored)
        said = f"Columns that are none of ours were passed over: {names}."
        yield Notice(NoticeKind.IGNORED_COLUMNS, len(match.ignored), said)


def _odd_cells(tally: _Tally) -> Iterator[Notice]:
    """What was decided about cells without rejecting them."""
    if tally.dates:
        said = (
            amount(
                tally.dates,
                "cell of the reporting year holds",
                "cells of the reporting year hold",
            )
            + " a date; its year was taken."
        )
        yield Notice(NoticeKind.DATES_AS_YEARS, tally.dates, said)
    if tally.error_cells:
        said = (
            amount(tally.error_cells, "cell holds", "cells hold")
            + " a spreadsheet's error such as #DIV/0!; "
            + ("it counts" if tally.error_cells == 1 else "they count")
            + " as missing."
        )
        yield Notice(NoticeKind.ERROR_CELLS, tally.error_cells, said)


def _settled(style: NumberStyle) -> Notice:
    """How numbers were read after a vote."""
    readings = {
        NumberStyle.POINT: "a decimal point: 1.5 is one and a half, 1,500 is fifteen "
        "hundred",
        NumberStyle.COMMA: "a decimal comma: 1,5 is one and a half, 1.500 is fifteen "
        "hundred",
    }
    other = {NumberStyle.POINT: "comma", NumberStyle.COMMA: "point"}[style]
    said = (
        f"Numbers were read with {readings[style]}. If that is wrong, set "
        f"BULK_PIPELINE_DECIMAL={other}."
    )
    return Notice(NoticeKind.NUMBER_STYLE, 1, said)


def _odd_names(companies: pl.DataFrame) -> Iterator[Notice]:
    """Companies that the file calls by several names."""
    named = int(companies["names_differ"].sum())
    if named:
        found = amount(named, "company has", "companies have")
        said = f"{found} more than one name; the first counts."
        yield Notice(NoticeKind.NAMES_DIFFER, named, said)
