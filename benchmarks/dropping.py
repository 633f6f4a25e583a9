"""A home with a real `bulk-pipeline up`, files to drop into it, and looks at both.

For the benchmarks that drop many files; it is no program.
"""

import os
import shutil
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from random import Random
from typing import Any

import openpyxl
import psutil
import sqlalchemy as sa

from bulk_pipeline.adapters.database import Database
from bulk_pipeline.adapters.settings import Settings

PROGRAM = "from bulk_pipeline.cli import main; main()"
CHECKOUT = Path(__file__).resolve().parents[1]
START_SECONDS, STOP_SECONDS = 120, 90
OURS = ("BULK_PIPELINE_", "DAGSTER_", "ULTRA_", "DATABASE_URL")
HEADER = (
    "company_symbol",
    "company_name",
    "reporting_year",
    "long_term_debt_to_total_capital",
    "total_debt_to_ebitda",
    "net_income_margin",
    "ebit_to_interest_expense",
    "return_on_assets",
)
ROLES = {
    "webserver": "dagster-webserver",
    "daemon": "dagster-daemon",
    "run worker": "multiprocessing.spawn",
    "loading child": "loaders.sqlite_child",
    "workbook reader": "adapters.readers",
    "code server": "api grpc",
    "up": PROGRAM,
}
"""What a process is → what its command line holds; the first that fits."""
STATES = {"good": "loaded", "rejects": "loaded", "big": "loaded", "workbook": "loaded"}
STATES |= {"bad": "failed", "repeated": "repeated"}


@dataclass(frozen=True)
class Dropped:
    """A file as it was made, and what must become of it.

    Attributes:
        name: its name; no two have the same.
        kind: a key of ``STATES``.
        rows: rows of it that must be stored.
    """

    name: str
    kind: str
    rows: int

    @property
    def state(self) -> str:
        """The journal's word for its end."""
        return STATES[self.kind]


@dataclass
class Maker:
    """Makes files that share no company, so that no row depends on another file.

    Attributes:
        folder: where a copy of each file stays.
        random: decides about ratios.
    """

    folder: Path
    random: Random
    made: list[Dropped] = field(default_factory=list)

    def make(self, kind: str, rows: int) -> Dropped:
        """One more file of a kind, with so many good rows."""
        number = len(self.made)
        suffix = "xlsx" if kind == "workbook" else "csv"
        name = f"{number:05}-{kind}.{suffix}"
        if kind == "repeated":
            first = self.random.choice([m for m in self.made if m.kind == "good"])
            shutil.copyfile(self.folder / first.name, self.folder / name)
            rows = 0
        else:
            self._write(self.folder / name, kind, self._table(number, rows))
        dropped = Dropped(name, kind, 0 if kind == "bad" else rows)
        self.made.append(dropped)
        return dropped

    def _table(self, number: int, rows: int) -> Iterator[tuple[Any, ...]]:
        """Good rows, with ratios to one decimal."""
        for row in range(rows):
            symbol = f"F{number}R{row}"
            ratios = (round(self.random.uniform(-50, 150), 1) for _ in range(5))
            yield (symbol, f"Company {symbol}", 2020, *ratios)

    def _write(self, path: Path, kind: str, table: Iterator[tuple[Any, ...]]) -> None:
        if kind == "workbook":
            book = openpyxl.Workbook(write_only=True)
            sheet = book.create_sheet("Sheet1")
            for row in (HEADER, *table):
                sheet.append(row)
            book.save(path)
            return
        width = len(HEADER) - (kind == "bad")  # without its last column
        with path.open("w", encoding="utf-8") as file:
            for row in (HEADER, *table):
                file.write(",".join(map(str, row[:width])) + "\n")
            if kind == "rejects":
                for number in range(3):
                    file.write(f"X{number},Nobody,soon,1,1,1,1,1\n")


@dataclass
class Site:
    """A home, the `bulk-pipeline up` of it, and the database that it loads into.

    Attributes:
        folder: holds the home and the log of `up`.
        database_url: ``DATABASE_URL``; "" for the file in the home.
    """

    folder: Path
    database_url: str = ""
    process: "subprocess.Popen[bytes] | None" = None

    @property
    def home(self) -> Path:
        """Its ``BULK_PIPELINE_HOME``."""
        return self.folder / "home"

    @property
    def log(self) -> Path:
        """What every `up` of it printed."""
        return self.folder / "up.log"

    @property
    def history(self) -> Path:
        """Dagster's runs and events."""
        return self.home / "dagster" / "history"

    @cached_property
    def port(self) -> int:
        """Port of the UI, the same after each start."""
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            return int(probe.getsockname()[1])

    @cached_property
    def environment(self) -> dict[str, str]:
        """Environment of every process of it."""
        found = {n: v for n, v in os.environ.items() if not n.startswith(OURS)}
        found |= {"BULK_PIPELINE_HOME": str(self.home), "PYTHONPATH": str(CHECKOUT)}
        if self.database_url:
            found["DATABASE_URL"] = self.database_url
        return found

    @cached_property
    def database(self) -> Database:
        """The target database, for looks at it."""
        ours = {n: v for n, v in self.environment.items() if n.startswith(OURS)}
        return Database.from_settings(Settings.from_environment(ours))

    def start(self) -> float:
        """Start `up`; the seconds until it takes files."""
        self.home.mkdir(parents=True, exist_ok=True)
        self.log.touch()
        began, printed = time.monotonic(), self.log.stat().st_size
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-c", PROGRAM, "up", "--port", str(self.port)],
                env=self.environment,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        while b"Drop files into" not in self.log.read_bytes()[printed:]:
            if self.process.poll() is not None:
                raise RuntimeError(f"`up` did not start. See {self.log}")
            if time.monotonic() - began > START_SECONDS:
                raise TimeoutError(f"`up` does not answer. See {self.log}")
            time.sleep(0.1)
        return time.monotonic() - began

    def stop(self) -> None:
        """Stop `up` as Ctrl-C does, and all that is left of it."""
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        for _, process in self.processes():
            process.kill()

    @property
    def is_up(self) -> bool:
        """Whether `up` itself runs."""
        return self.process is not None and self.process.poll() is None

    def processes(self) -> list[tuple[str, psutil.Process]]:
        """What each process of this home is, also of those left by a dead `up`."""
        found: dict[int, tuple[str, psutil.Process]] = {}
        for process in psutil.process_iter():
            try:
                if process.environ().get("BULK_PIPELINE_HOME") != str(self.home):
                    continue
                # Those that read workbooks have no environment of ours.
                for one in (process, *process.children(recursive=True)):
                    line = " ".join(one.cmdline())
                    fits = (role for role, text in ROLES.items() if text in line)
                    found[one.pid] = (next(fits, "other"), one)
            except (psutil.NoSuchProcess, psutil.AccessDenied):
                continue
        return list(found.values())

    def drop(self, folder: Path, dropped: Sequence[Dropped]) -> None:
        """Put finished files into the inbox, as a program does: by rename."""
        for one in dropped:
            part = self.home / f"{one.name}.part"
            shutil.copyfile(folder / one.name, part)
            part.rename(self.home / "inbox" / one.name)

    def journal(self, text: str) -> list[tuple[Any, ...]]:
        """Rows of the journal; none before there is one."""
        path = self.home / "journal.db"
        made = "SELECT 1 FROM sqlite_master WHERE name = 'uploads'"
        return rows_of(path, text) if rows_of(path, made) else []

    def target(self, text: str) -> list[tuple[Any, ...]]:
        """Rows of the target database."""
        with self.database.engine.connect() as connection:
            return [tuple(row) for row in connection.execute(sa.text(text))]


def rows_of(path: Path, text: str) -> list[tuple[Any, ...]]:
    """Rows of a SQLite file; none before there is one."""
    if not path.exists():
        return []
    with closing(sqlite3.connect(path, timeout=30)) as connection:
        return connection.execute(text).fetchall()
