"""Laws of the performance report: true, whole, escaped, and nowhere else."""

import errno
import os
import sqlite3
import subprocess
import sys
from collections import Counter
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path

import polars as pl
import pytest

from bulk_pipeline.adapters import sweeping
from bulk_pipeline.adapters.exporting.sources import FromConnection, reading_process
from bulk_pipeline.adapters.locks import only_one
from bulk_pipeline.adapters.replica import Replica
from bulk_pipeline.adapters.reporting import report as reports
from bulk_pipeline.adapters.reporting import stored
from bulk_pipeline.adapters.reporting.gathering import gathered
from bulk_pipeline.adapters.reporting.report import make_report
from bulk_pipeline.adapters.reporting.stored import NONE_GIVEN, OTHERS, stored_scores
from bulk_pipeline.adapters.settings import Settings
from bulk_pipeline.core.errors import ConfigurationError, TransientError
from bulk_pipeline.core.reporting_bins import edges
from bulk_pipeline.core.schema import YEAR
from bulk_pipeline_tests.adapters.harness import ROOT
from bulk_pipeline_tests.builders import ROW, rows_of, write_csv

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOSTILE = '<script>alert("1")</script> & $x^{_'
PNG = b"\x89PNG\r\n\x1a\n"


class Page(HTMLParser):
    """What a browser finds in a page: tags, attributes, texts; every tag is closed."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.images, self.texts, self.open = Counter(), [], [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        """Count it; images are kept."""
        self.tags[tag] += 1
        if tag == "img":
            self.images.append(dict(attrs))
        elif tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag):
        """It closes the last one that is open."""
        assert self.open.pop() == tag

    def handle_data(self, data):
        """Keep the text."""
        self.texts.append(data)


@pytest.fixture
def varied(tmp_path):
    """Rows of several sectors and years, one rejected, none for 2003."""
    rows = rows_of("ABCD", [2001, 2002, 2004])
    for row in rows:
        sectors = {"A": HOSTILE, "B": "_hidden $5$", "C": "", "D": "医療・製薬"}
        row["sector"] = sectors[row["company_symbol"]]
    rows.append({**ROW, "reporting_year": "soon"})
    return write_csv(tmp_path / "varied.csv", rows)


def at(days: int) -> datetime:
    """Noon, some days later."""
    return NOON + timedelta(days=days)


def page_of(report) -> Page:
    """The page of a report, read as a browser does."""
    page = Page(report.page.read_text(encoding="utf-8"))
    assert page.open == []
    return page


def test_histograms_hold_every_row_in_its_year_sector_and_level(small, varied):
    """Who reads them must be able to rely on them, in each database."""
    small.load(varied)
    found = stored_scores(small.installation.database)
    rows = small.query(
        "SELECT reporting_year, sector, risk_level, probability"
        " FROM annual_predictions JOIN companies ON companies.id = company_id"
    )
    levels, years, sectors = Counter(), Counter(), Counter()
    for year, sector, level, _ in rows:
        levels[level] += 1
        years[year] += 1
        sectors[sector or NONE_GIVEN] += 1

    assert found.rows == len(rows) == 12
    assert _sums(found.by_year, YEAR.name) == years
    assert _sums(found.by_year, "risk_level") == levels
    names = [found.sectors[place] for place in found.by_sector["sector"]]
    named = found.by_sector.with_columns(name=pl.Series(names))
    assert _sums(named, "name") == sectors
    low = edges()[found.by_year["bin"].to_numpy()]
    assert min(low) <= min(row[-1] for row in rows) <= min(low) + 0.0001


def test_rows_that_pass_by_are_counted_as_the_database_counts_them(
    on_sqlite, varied, monkeypatch
):
    """Large files are read by another process, in parts; nobody must see it."""
    on_sqlite.load(varied)
    monkeypatch.setattr(stored, "PART_ROWS", 5)
    monkeypatch.setattr(stored, "MOST_SECTORS", 2)
    database = on_sqlite.installation.database
    with database.reading() as connection:
        grouped = stored.counted(FromConnection(connection))
    with reading_process(database) as source:
        passed = stored.counted(source)

    assert grouped.sectors == passed.sectors
    assert grouped.sectors[2:] == (OTHERS, NONE_GIVEN)
    for one, other in (
        (grouped.by_year, passed.by_year),
        (grouped.by_sector, passed.by_sector),
    ):
        keys = one.columns[:3]
        assert one.schema == other.schema
        assert one.sort(keys).equals(other.sort(keys))
    assert passed.rows == 12


def test_a_report_is_a_page_that_needs_nothing_and_its_pictures(small, varied):
    """It is mailed, archived, and opened where there is no network and no script."""
    small.load(varied)
    report = make_report(small.installation, NOON)
    page = page_of(report)

    assert report.folder == small.installation.home.reports / "2026-03-01T12-00-00.000Z"
    names = {path.name for path in report.folder.iterdir()}
    assert names == {"report.html", *(f"{plot.name}.png" for plot in report.plots)}
    assert len(report.plots) == len(page.images) == 7
    for plot, image in zip(report.plots, page.images, strict=True):
        assert (report.folder / f"{plot.name}.png").read_bytes() == plot.png
        assert plot.png.startswith(PNG)
        assert len(plot.png) < 100_000
        assert image["src"].startswith("data:image/png;base64,")
        assert len(image["alt"]) > 20
    assert not page.tags.keys() & {"script", "link", "iframe", "form", "svg"}
    text = report.page.read_text(encoding="utf-8")
    assert '<html lang="en">' in text
    assert "http:" not in text
    assert "https:" not in text


def test_what_people_wrote_is_text_in_a_report_and_names_are_not_in_it(
    on_sqlite, varied, caplog
):
    """A sector is free text from a file: as markup it would run in a browser.

    Names and symbols of companies have no place in figures of many rows.
    """
    on_sqlite.load(varied)
    report = make_report(on_sqlite.installation, NOON)
    said = page_of(report).texts

    assert HOSTILE in said
    assert "_hidden $5$" in said
    assert "医療・製薬" in said
    assert not any(ROW["company_name"] in text for text in said)
    assert HOSTILE not in caplog.text
    assert [plot.name for plot in report.plots if not plot.impersonal] == [
        "probability-by-sector",
        "levels-by-sector",
    ]
    for plot in report.plots:
        assert not plot.impersonal or HOSTILE not in plot.alt + plot.caption


def test_rejected_rows_are_told_by_reason_with_its_sentence(on_sqlite, varied):
    """A code alone tells nobody what to mend."""
    on_sqlite.load(varied)
    [plot] = [
        plot
        for plot in make_report(on_sqlite.installation, NOON).plots
        if plot.name == "reject-reasons"
    ]
    [(reason, rows, files, sentence)] = plot.rows

    assert (reason, rows, files) == ("not_a_year", "1", "1")
    assert "four-digit year" in sentence


def test_a_report_of_an_empty_database_says_so(small):
    """People try it before they have loaded anything."""
    report = make_report(small.installation, NOON)
    said = " ".join(page_of(report).texts)

    assert report.plots == ()
    assert "Nothing has been loaded yet." in said
    assert "No prediction is stored." in said


def test_one_row_of_one_year_makes_a_report(on_sqlite, tmp_path):
    """The smallest load has no spread, no second year and no second load."""
    on_sqlite.load(write_csv(tmp_path / "one.csv", rows_of("A", [2012])))

    assert len(make_report(on_sqlite.installation, NOON).plots) == 6


def test_the_last_loads_and_uploads_are_looked_at_and_no_others(on_sqlite, tmp_path):
    """A report of a year of loads must not grow with every load before it."""
    for number in range(3):
        path = tmp_path / f"{number}.csv"
        on_sqlite.load(write_csv(path, rows_of([f"S{number}"], [2001])))
    figures = gathered(on_sqlite.installation, NOON, last=2)

    assert len(figures.loads) == figures.states["loaded"] == 2
    moments = [load.finished_at for load in figures.loads]
    assert moments == sorted(moments)
    assert figures.stored.rows == 3


def test_a_report_is_there_whole_or_not_at_all(on_sqlite, base, monkeypatch):
    """Half a page would be taken for the whole."""
    on_sqlite.load(base)

    def broken(*_):
        """A page that cannot be made."""
        raise OSError("disk")

    monkeypatch.setattr(reports, "page", broken)
    with pytest.raises(OSError, match="disk"):
        make_report(on_sqlite.installation, NOON)

    left = [p.name for p in on_sqlite.installation.home.reports.iterdir()]
    assert left == [".lock"]


def test_a_folder_that_is_closed_is_named(on_sqlite, monkeypatch):
    """A mount that became read-only is nothing that a trace explains."""

    def closed(path, **_):
        """A folder of a mount for reading."""
        raise OSError(errno.EROFS, "Read-only file system", str(path))

    monkeypatch.setattr(reports, "whole_directory", closed)
    with pytest.raises(ConfigurationError, match=r"reports/.*Read-only file system"):
        make_report(on_sqlite.installation, NOON)


def test_what_a_killed_report_left_is_swept(on_sqlite, monkeypatch):
    """It has no batch whose end would take it along."""
    folder = on_sqlite.installation.home.reports
    left = folder / ".2026-03-01T12-00-00.000Z.abcd1234.partial"
    left.mkdir(parents=True)
    assert sweeping.sweep(on_sqlite.installation) == []
    monkeypatch.setattr(sweeping, "OLD_SECONDS", -1.0)

    assert sweeping.sweep(on_sqlite.installation) == [f"reports/{left.name}"]
    assert not left.exists()


def test_as_many_reports_are_kept_as_the_settings_say(make, tmp_path):
    """Nobody looks after a folder that a schedule fills; what is not ours stays."""
    pipeline = make(BULK_PIPELINE_KEEP_REPORTS=2)
    folder = pipeline.installation.home.reports
    (folder / "mine").mkdir(parents=True)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    link = folder / "2020-01-01T00-00-00.000Z"
    link.symlink_to(elsewhere)
    for day in range(4):
        make_report(pipeline.installation, at(day))

    kept = {p.name for p in folder.iterdir()} - {"mine", ".lock", link.name}
    assert kept == {"2026-03-03T12-00-00.000Z", "2026-03-04T12-00-00.000Z"}
    assert (folder / "mine").is_dir()
    assert elsewhere.is_dir()


def test_a_folder_of_ones_own_must_not_be_there_yet(on_sqlite, tmp_path):
    """A report takes the place of nothing: what lies there may be all somebody has."""
    out = tmp_path / "out"
    report = make_report(on_sqlite.installation, NOON, out=out)
    assert report.page == out / "report.html"
    (out / "mine").write_text("mine")

    with pytest.raises(ConfigurationError, match="is there already"):
        make_report(on_sqlite.installation, NOON, out=out)
    with pytest.raises(ConfigurationError, match="no directory"):
        make_report(on_sqlite.installation, NOON, out=tmp_path / "no" / "out")
    assert (out / "mine").read_text() == "mine"


def test_one_report_of_a_home_is_made_at_a_time(on_sqlite):
    """Two would remove each other's oldest, and draw in one style."""
    with only_one(on_sqlite.installation.home.reports / ".lock") as alone:
        assert alone
        with pytest.raises(TransientError, match="Another report"):
            make_report(on_sqlite.installation, NOON)


def test_a_report_reads_the_replica_and_says_what_it_lacks(on_sqlite, base, tmp_path):
    """That is what a replica is for; who reads the report must know its age."""
    on_sqlite.load(base)
    installation, copy = on_sqlite.installation, tmp_path / "copy.db"
    with (
        closing(sqlite3.connect(installation.home.database)) as source,
        closing(sqlite3.connect(copy)) as target,
    ):
        source.backup(target)
    on_sqlite.load(write_csv(tmp_path / "more.csv", rows_of("Z", [2001])))
    settings = Settings.from_environment(
        {"BULK_PIPELINE_READ_URL": f"sqlite:///{copy}"}
    )
    replica = Replica.of(settings)
    try:
        report = make_report(replace(installation, replica=replica), NOON)
    finally:
        replica.dispose()

    assert report.figures.stored.rows == 6
    [note] = report.figures.notes
    assert note in page_of(report).texts


def test_nothing_is_written_into_anybodys_home(on_sqlite, base, tmp_path):
    """Services have no home, or one that cannot be written.

    Matplotlib keeps a list of fonts, and makes the folder when it is imported.
    """
    on_sqlite.load(base)
    somebody, place = tmp_path / "somebody", tmp_path / "place"
    somebody.mkdir()
    place.mkdir()
    # Whoever starts a command in a folder must not change how its pictures look.
    (place / "matplotlibrc").write_text("figure.facecolor: red\nfont.size: 40\n")
    home = on_sqlite.installation.home
    kept = {n: v for n, v in os.environ.items() if not n.startswith(("XDG_", "MPL"))}
    code = "from bulk_pipeline.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code, "report"],
        cwd=place,
        env={
            **kept,
            "HOME": str(somebody),
            "PYTHONPATH": str(ROOT),
            "BULK_PIPELINE_HOME": str(home.root),
        },
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert list(somebody.iterdir()) == []
    assert list((home.root / "cache" / "matplotlib").glob("fontlist*.json"))
    theirs = Path(done.stdout.rsplit(": ", 1)[1].strip()).parent
    ours = make_report(on_sqlite.installation, at(1)).folder
    for picture in ours.glob("*.png"):
        assert picture.read_bytes() == (theirs / picture.name).read_bytes()


def _sums(frame: pl.DataFrame, by: str) -> Counter[object]:
    """Rows by a column."""
    sums = frame.group_by(by).agg(pl.col("rows").sum())
    return Counter(dict(sums.iter_rows()))
