"""A whole batch through the adapters, as a run takes it, without Dagster.

The tests of the adapters load real files into a real database with it, in this process
or in one of its own.
"""

import contextlib
import csv
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import polars as pl
import psutil
import sqlalchemy as sa

from bulk_pipeline.adapters.active_model import activate
from bulk_pipeline.adapters.batches import Batch, Options, land_copies, read_batch
from bulk_pipeline.adapters.chunks import ChunkHandle
from bulk_pipeline.adapters.database import Database
from bulk_pipeline.adapters.home import Home
from bulk_pipeline.adapters.installation import Installation
from bulk_pipeline.adapters.journal import Journal, UploadReport
from bulk_pipeline.adapters.loaders import loader_for
from bulk_pipeline.adapters.loaders.base import Loader
from bulk_pipeline.adapters.loaders.sqlite import SqliteLoader
from bulk_pipeline.adapters.publishing import Published, publish_batch, register_batch
from bulk_pipeline.adapters.reading import ROWS, ingest
from bulk_pipeline.adapters.scoring import gather, plan_spans, score_span
from bulk_pipeline.adapters.settings import Settings
from bulk_pipeline.core.schema import RATIOS
from bulk_pipeline_tests.adapters.looking import (
    PATIENCE_SECONDS,
    View,
    query,  # noqa: F401  # other tests look into SQLite files with it
    view_of,
)
from bulk_pipeline_tests.builders import HEADER, ROW

ROOT = Path(__file__).resolve().parents[2]
REAL_FILE = (
    Path(__file__).resolve().parents[3] / "shared/data/annual_predictions_part_1.xlsx"
)
"""Real rows, where they lie beside the checkout; they are not part of the project."""

IN_PROCESS, BULK_CHILD = 1_000_000_000, 1
"""Rows from which SQLite's load gets a process of its own: never, and always."""


def installation_in(folder: Path, **variables: Any) -> Installation:
    """An installation with its home in a folder; settings by their variable."""
    given = {name: _text(value) for name, value in variables.items()}
    settings = Settings.from_environment({"BULK_PIPELINE_HOME": str(folder), **given})
    home = Home(settings.home)
    database = Database.from_settings(settings)
    return Installation(settings, home, database, Journal(home.journal))


def _text(value: Any) -> str:
    """A setting as its variable has it; a URL with its password."""
    return url_text(value) if isinstance(value, sa.URL) else str(value)


def url_text(url: sa.URL) -> str:
    """A URL as a setting has it, with its password."""
    return url.render_as_string(hide_password=False)


@dataclass
class Pipeline:
    """An installation and how it loads.

    Attributes:
        installation: where to.
        bulk_rows: rows from which SQLite's load gets a process of its own.
        model: what scores; None for the shipped scorecard.
    """

    installation: Installation
    bulk_rows: int = IN_PROCESS
    model: Path | None = None

    def land(self, *files: Path, force: bool = False, **options: Any) -> Batch:
        """Claim copies of files as a new batch."""
        home, settings = self.installation.home, self.installation.settings
        wanted = replace(Options.from_settings(settings, force=force), **options)
        batch = land_copies(home, files, wanted, datetime.now(UTC))
        self.installation.journal.claim(batch)
        return batch

    def load(self, *files: Path, force: bool = False, **options: Any) -> Published:
        """Claim files as a new batch and run it."""
        return self.run(self.land(*files, force=force, **options).key)

    def given(self, *files: Path, **options: Any) -> Published:
        """Load files in this process, for what a test finds in the database."""
        return replace(self, bulk_rows=IN_PROCESS).load(*files, **options)

    def given_again(self, key: str) -> Published:
        """Run a batch in this process."""
        return replace(self, bulk_rows=IN_PROCESS).run(key)

    def run(self, key: str) -> Published:
        """Run a batch that has landed, for the first time or again."""
        return self.publish(self.score(self.read(key)))

    def read(self, key: str) -> ChunkHandle:
        """Read a batch."""
        self.installation.database.create_tables()
        return ingest(self.installation, key)

    def score(self, rows: ChunkHandle) -> ChunkHandle:
        """Score a batch that was read."""
        model = activate(self.installation.home, self.model)
        workers = self.installation.settings.workers
        for span in plan_spans(rows, workers, model):
            score_span(self.installation, span)
        return gather(self.installation, rows.directory.parent.name)

    def publish(self, scores: ChunkHandle, *, register: bool = True) -> Published:
        """Load a batch that was scored."""
        rows = ChunkHandle.open(scores.directory.parent / ROWS)
        with closing(self.loader()) as load:
            load.prepare(rows.rows)
            if register:
                register_batch(self.installation, rows)
            return publish_batch(self.installation, load, scores, "run")

    def loader(self) -> Loader:
        """The way into the database."""
        database = self.installation.database
        if self.is_sqlite:  # of another size than the one that pays
            return SqliteLoader(database, self.bulk_rows)
        return loader_for(database)

    @property
    def is_sqlite(self) -> bool:
        """Whether it loads into a SQLite file."""
        return self.installation.database.url.get_backend_name() == "sqlite"

    @property
    def url(self) -> str:
        """``DATABASE_URL`` of its database, for other homes and processes."""
        return url_text(self.installation.database.url)

    @cached_property
    def seen(self) -> View:
        """Its database as another program sees it."""
        return view_of(self.installation.database.url)

    def query(self, text: str, *values: Any) -> list[tuple[Any, ...]]:
        """Rows of a query on a connection of its own; see ``looking``."""
        return self.seen.query(text, *values)

    def value(self, text: str, *values: Any) -> Any:
        """The one value of a query."""
        return self.query(text, *values)[0][0]

    def stored(self) -> list[tuple[Any, ...]]:
        """Symbol, year, quarter and ratios of each stored row, in order of the key."""
        return self.query(
            "SELECT symbol, reporting_year, reporting_quarter,"
            " long_term_debt_to_total_capital, total_debt_to_ebitda,"
            " net_income_margin, ebit_to_interest_expense, return_on_assets"
            " FROM annual_predictions JOIN companies"
            " ON companies.id = company_id ORDER BY 1, 2, 3"
        )

    def predictions(self) -> int:
        """How many rows are stored."""
        return int(self.value("SELECT count(*) FROM annual_predictions"))

    def batch(self, key: str) -> Batch:
        """A batch that has landed."""
        return read_batch(self.installation.home, key)

    def close(self) -> None:
        """Close what was opened."""
        self.installation.close()


def counts(report: UploadReport) -> tuple[int, int, int, int, int, int]:
    """Read, inserted, updated, duplicates, conflicting ones among them, rejected."""
    return (
        report.rows_read,
        report.inserted,
        report.updated,
        report.duplicates,
        report.duplicates_conflicting,
        report.rejected,
    )


def listed(report: UploadReport) -> list[dict[str, str]]:
    """The rows of an upload's reject file, as texts; none if there is no file."""
    if report.reject_file is None:
        return []
    with Path(report.reject_file).open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def write_many(path: Path, companies: range, years: range, roa: float = 1.0) -> Path:
    """A file with one row per company and year; ``roa`` is the return on assets."""
    symbols = pl.DataFrame(
        {"company_symbol": [f"S{number:05}" for number in companies]}
    )
    periods = pl.DataFrame({"reporting_year": list(years)})
    fixed = {
        n: v for n, v in ROW.items() if n not in ("company_symbol", "reporting_year")
    }
    rows = symbols.join(periods, how="cross").with_columns(
        **{name: pl.lit(value) for name, value in fixed.items()}
    )
    rows = rows.with_columns(return_on_assets=pl.lit(roa))
    rows.select(HEADER).write_csv(path)
    return path


def started(code: str, *arguments: object, **variables: str) -> "subprocess.Popen[str]":
    """Another Python process that runs some lines with these arguments.

    Args:
        code: the lines.
        arguments: of its command line, which everybody on the machine may read.
        variables: of its environment, for what they may not.
    """
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), **variables},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ended(process: "subprocess.Popen[str]") -> str:
    """What a process wrote, once it has ended without an error."""
    out, err = process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode == 0, err
    return out


@contextlib.contextmanager
def killed_at_the_end(process: "subprocess.Popen[str]") -> Iterator[None]:
    """A process that does not outlive the block."""
    try:
        yield
    finally:
        process.kill()
        process.communicate()


def until(found: Callable[[], Any], pause: float = 0.001) -> Any:
    """What a look finds, once it finds something."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        if result := found():
            return result
        time.sleep(pause)
    raise AssertionError("It did not happen in time.")


def bulk_children(pid: int) -> list[psutil.Process]:
    """The processes that load in bulk for a process."""
    return [
        child
        for child in psutil.Process(pid).children(recursive=True)
        if "bulk_pipeline.adapters.loaders.sqlite_child" in _command(child)
    ]


def _command(process: psutil.Process) -> list[str]:
    """How a process was started; nothing of one that has ended."""
    try:
        return process.cmdline()
    except psutil.NoSuchProcess:  # or a zombie, which is one of these
        return []


def ratios(**values: object) -> Mapping[str, str]:
    """Cells of the ratios: all blank but the given ones."""
    return {**dict.fromkeys(RATIOS, ""), **{n: str(v) for n, v in values.items()}}
