"""Laws of the process that reads a large export: it changes nothing but the time."""

import contextlib
import os
import signal
import subprocess
import sys

import pytest
import sqlalchemy as sa

from bulk_pipeline.adapters.exporting import export as exporting
from bulk_pipeline.adapters.exporting.export import Selection, export_rows
from bulk_pipeline.adapters.exporting.rows import blocks
from bulk_pipeline.adapters.exporting.sources import reading_process
from bulk_pipeline.core.errors import PermanentError, TransientError
from bulk_pipeline_tests.adapters.exports import STORED, ordered, read_back, values
from bulk_pipeline_tests.adapters.harness import write_many
from bulk_pipeline_tests.builders import rows_of, write_csv


@pytest.fixture
def apart(monkeypatch):
    """Any export is large enough for a process, and its pages are small."""

    def begin():
        """From now on."""
        package = "bulk_pipeline.adapters.exporting"
        monkeypatch.setattr(f"{package}.moment.PROCESS_ROWS", 0)
        monkeypatch.setattr(f"{package}.rows.VALUES_AT_ONCE", 2)

    return begin


def test_its_file_has_the_same_bytes(on_sqlite, tmp_path, apart):
    """The number of rows must not decide what the values are.

    The driver guesses types from what it reads first, so columns begin with nothing.
    """
    rows = rows_of(["A", "B", "C", "D", "E", "7"], [2003, 2001])
    for number, row in enumerate(rows):
        row["sector"] = "" if number < 6 else "Société"
        row["market_cap"] = "" if number < 5 else str(number / 3)
        row["return_on_assets"] = "" if number < 6 else str(-number / 7)
    [upload] = on_sqlite.load(write_csv(tmp_path / "odd.csv", rows)).uploads
    wanted = (Selection(), Selection(year=2001), Selection(upload.key))
    here = [tmp_path / f"here{n}.csv" for n in range(3)]
    there = [tmp_path / f"there{n}.csv" for n in range(3)]
    for selection, out in zip(wanted, here, strict=True):
        export_rows(on_sqlite.installation, selection, out)
    apart()
    for selection, out in zip(wanted, there, strict=True):
        export_rows(on_sqlite.installation, selection, out)

    assert [p.read_bytes() for p in there] == [p.read_bytes() for p in here]
    assert values(read_back(there[0])) == ordered(on_sqlite.query(STORED))


def test_it_sees_one_moment(on_sqlite, base, tmp_path, monkeypatch, apart):
    """Half of a load in a report is neither the old state nor the new one."""
    on_sqlite.load(base)
    before = ordered(on_sqlite.query(STORED))
    more = write_many(tmp_path / "more.csv", range(3), range(2001, 2003))

    def with_a_load(*arguments):
        """The rows, and a load once the transaction has been begun."""
        found = blocks(*arguments[:-1], 1)
        first = next(found)
        on_sqlite.load(more)
        yield first
        yield from found

    apart()
    monkeypatch.setattr(exporting, "blocks", with_a_load)
    export_rows(on_sqlite.installation, Selection(), tmp_path / "out.parquet")
    assert values(read_back(tmp_path / "out.parquet")) == before
    assert on_sqlite.predictions() == len(before) + 6


def test_where_it_is_killed_nothing_is_left_and_again_helps(
    on_sqlite, base, tmp_path, monkeypatch, apart
):
    """The kernel ends who takes the last memory; a torn file must not stay for it."""
    on_sqlite.load(base)
    starts = []

    def killed_once(source, *arguments):
        """The rows, but the first process is killed before its first answer."""
        starts.append(source)
        if len(starts) == 1:
            os.kill(source._child.pid, signal.SIGKILL)
        yield from blocks(source, *arguments)

    apart()
    monkeypatch.setattr(exporting, "blocks", killed_once)
    out = tmp_path / "out.csv"
    export_rows(on_sqlite.installation, Selection(), out)
    assert len(starts) == 2
    assert values(read_back(out)) == ordered(on_sqlite.query(STORED))
    assert [p.name for p in tmp_path.iterdir() if "partial" in p.name] == []


def test_its_end_is_told_with_its_cure(on_sqlite, base):
    """A broken pipe names neither what ended nor what to do."""
    on_sqlite.load(base)
    database = on_sqlite.installation.database
    with reading_process(database) as source:
        source._child.kill()
        with pytest.raises(TransientError, match=r"ended with code -9 .* Export again"):
            source.frame(sa.select(sa.literal(1)), {})


def test_it_cannot_write_and_tells_what_sqlite_said(on_sqlite, base):
    """Who only reads must not be able to lose a commit of others."""
    on_sqlite.load(base)
    database = on_sqlite.installation.database
    with reading_process(database) as source:
        deleting = sa.text("DELETE FROM companies")
        with pytest.raises(PermanentError, match="readonly"):
            source.frame(deleting, {})
    assert on_sqlite.value("SELECT count(*) FROM companies") == 3


def test_it_ends_with_its_input(tmp_path):
    """Who started it may be killed, and nobody else would end it."""
    module = "bulk_pipeline.adapters.exporting.child"
    with (
        subprocess.Popen(
            [sys.executable, "-m", module], stdin=subprocess.PIPE
        ) as child,
        contextlib.closing(child.stdin) as line,
    ):
        line.write(b'{"path": "%s", "busy_ms": 1}\n' % bytes(tmp_path / "a.db"))
    assert child.returncode == 0
