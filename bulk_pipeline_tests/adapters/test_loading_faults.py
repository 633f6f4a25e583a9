"""What a load leaves behind when something goes wrong, or two happen at once."""

import json
import os
import sqlite3
import subprocess
import threading
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from bulk_pipeline.adapters import publishing
from bulk_pipeline.adapters.chunks import ChunkHandle
from bulk_pipeline.adapters.database import Database
from bulk_pipeline.adapters.loaders import sqlite
from bulk_pipeline.adapters.loaders.base import LoadResult, UploadOutcome
from bulk_pipeline.adapters.loaders.sqlite import SqliteLoader, _start_child
from bulk_pipeline.adapters.loaders.wire import (
    error_to_json,
    request_from_json,
    request_to_json,
    result_from_json,
    result_to_json,
)
from bulk_pipeline.adapters.publishing import publish_batch, register_batch
from bulk_pipeline.adapters.reading import ROWS
from bulk_pipeline.adapters.reports import read_readings
from bulk_pipeline.adapters.settings import Settings
from bulk_pipeline.core.errors import (
    ConfigurationError,
    PermanentError,
    TransientError,
)
from bulk_pipeline_tests.adapters.harness import (
    BULK_CHILD,
    IN_PROCESS,
    Pipeline,
    bulk_children,
    counts,
    ended,
    installation_in,
    killed_at_the_end,
    locked,
    query,
    started,
    until,
    write_many,
)
from bulk_pipeline_tests.builders import rows_of, write_csv

DRIVERS = pytest.mark.parametrize(
    "bulk_rows", [IN_PROCESS, BULK_CHILD], ids=["in process", "bulk child"]
)
LOAD = """
import sys
from pathlib import Path
from bulk_pipeline_tests.adapters.harness import Pipeline, counts, installation_in
home, database, file, bulk_rows, mode = sys.argv[1:]
installation = installation_in(Path(home), DATABASE_URL=database)
pipeline = Pipeline(installation, int(bulk_rows))
batch = pipeline.land(Path(file), on_conflict=mode)
print(batch.key, flush=True)
scores = pipeline.score(pipeline.read(batch.key))
print("scored", flush=True)
sys.stdin.readline()
print(counts(pipeline.publish(scores).uploads[0]))
"""
"""Lands and scores a file, waits for a line, loads it and writes the counts."""


def loading(tmp_path, file, bulk_rows, mode="skip", home="home"):
    """A process that has scored a file and waits; and the key of its batch."""
    url = f"sqlite:///{tmp_path / 'shared.db'}"
    process = started(LOAD, tmp_path / home, url, file, bulk_rows, mode)
    key = process.stdout.readline().strip()
    assert process.stdout.readline() == "scored\n", process.communicate()[1]
    return process, key


def go(process):
    """Let a waiting process load."""
    process.stdin.write("\n")
    process.stdin.flush()


def shared(tmp_path, bulk_rows=IN_PROCESS, home="home", **variables):
    """A pipeline of this process into the database of the others."""
    url = f"sqlite:///{tmp_path / 'shared.db'}"
    installation = installation_in(tmp_path / home, DATABASE_URL=url, **variables)
    return Pipeline(installation, bulk_rows)


def nothing_visible(path: Path) -> bool:
    """Whether the database is sound and no load has left a trace in it."""
    tables = ("annual_predictions", "annual_prediction_history", "uploads", "models")
    found = [query(path, f"SELECT count(*) FROM {name}")[0][0] for name in tables]  # noqa: S608
    assert query(path, "PRAGMA integrity_check") == [("ok",)]
    return found == [0, 0, 0, 0]


def load_at_once(tmp_path, companies, bulk_rows, mode):
    """Two processes load files whose companies overlap by half; returns the counts."""
    years = range(1900, 2000)
    half = companies // 2
    ranges = (range(companies), range(half, companies + half))
    files = [
        write_many(tmp_path / f"{n}.csv", numbers, years, roa=float(n))
        for n, numbers in enumerate(ranges)
    ]
    homes = ("one", "two")
    processes = [
        loading(tmp_path, file, rows, mode, home)[0]
        for file, rows, home in zip(files, bulk_rows, homes, strict=True)
    ]
    for process in processes:
        go(process)
    texts = [ended(process).strip().strip("()").split(",") for process in processes]
    return [tuple(map(int, text)) for text in texts]


@pytest.mark.parametrize(
    ("bulk_rows", "mode"),
    [
        ((BULK_CHILD, BULK_CHILD), "skip"),
        ((BULK_CHILD, IN_PROCESS), "update"),
    ],
    ids=["both in bulk, skip", "one in bulk, update"],
)
def test_two_loads_at_once_store_every_key_once(tmp_path, bulk_rows, mode) -> None:
    """Two schedulers on one database must neither lose a row nor store it twice."""
    every_key_once(tmp_path, 200, bulk_rows, mode)


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["skip", "update"])
def test_two_large_loads_at_once_store_every_key_once(tmp_path, mode) -> None:
    """At this size the loads overlap for seconds, and every wait is a real one."""
    every_key_once(tmp_path, 1_000, (BULK_CHILD, BULK_CHILD), mode)


def every_key_once(tmp_path, companies, bulk_rows, mode):
    """Load two files at once and compare the table with what the loads report."""
    found = load_at_once(tmp_path, companies, bulk_rows, mode)
    rows, half = companies * 100, companies * 50
    path = tmp_path / "shared.db"
    assert query(path, "PRAGMA integrity_check") == [("ok",)]
    assert query(path, "SELECT count(*) FROM annual_predictions") == [(rows + half,)]
    keys = "SELECT DISTINCT company_id, reporting_year FROM annual_predictions"
    assert len(query(path, keys)) == rows + half
    assert query(path, "SELECT count(*) FROM companies") == [
        (companies + companies // 2,)
    ]
    (read, inserted, updated, duplicates, conflicting, rejected) = map(
        sum, zip(*found, strict=True)
    )
    assert (read, inserted, rejected) == (2 * rows, rows + half, 0)
    skipped = half if mode == "skip" else 0
    assert (updated, duplicates, conflicting) == (half - skipped, skipped, skipped)
    history = query(path, "SELECT count(*) FROM annual_prediction_history")
    assert history == [(updated,)]
    receipts = query(
        path, "SELECT rows_read, inserted, updated, duplicates FROM uploads"
    )
    assert sorted(receipts) == sorted(counts[:4] for counts in found)


def stopped_while_writing(pid: int, path: Path) -> psutil.Process:
    """A process halted after it took the write lock and before it gave it back."""
    until(lambda: locked(path), pause=0.0005)
    process = psutil.Process(pid)
    process.suspend()
    assert locked(path), "the load was over before it could be halted"
    return process


def test_a_killed_bulk_child_leaves_nothing(tmp_path) -> None:
    """The kernel kills what takes too much memory; half a load must not stay."""
    pipeline = shared(tmp_path, BULK_CHILD, BULK_PIPELINE_RETRIES="1")
    path = pipeline.installation.database.path
    file = write_many(tmp_path / "many.csv", range(250), range(1900, 2000))
    batch = pipeline.land(file)
    scores = pipeline.score(pipeline.read(batch.key))

    def kill_it() -> None:
        """Kill the child while it holds the lock."""
        (child,) = until(lambda: bulk_children(os.getpid()))
        until(lambda: child.num_threads() > 1)
        # Registering the companies takes the lock too; only the load is long.
        until(lambda: pipeline.value("SELECT count(*) FROM companies") == 250)
        stopped_while_writing(child.pid, path).kill()

    killer = threading.Thread(target=kill_it)
    killer.start()
    with pytest.raises(TransientError, match=r"killed by signal 9.*again\."):
        pipeline.publish(scores)
    killer.join()
    assert nothing_visible(path)
    states = [report.state for report in pipeline.installation.journal.uploads()]
    assert states == ["claimed"]
    again = pipeline.publish(scores)
    assert counts(again.uploads[0]) == (25_000, 25_000, 0, 0, 0, 0)
    assert pipeline.predictions() == 25_000
    pipeline.close()


@DRIVERS
def test_a_killed_run_leaves_nothing(tmp_path, bulk_rows) -> None:
    """A machine may be switched off at any moment; its batch is then run again."""
    file = write_many(tmp_path / "many.csv", range(250), range(1900, 2000))
    process, key = loading(tmp_path, file, bulk_rows)
    path = tmp_path / "shared.db"
    with killed_at_the_end(process):
        go(process)
        until(lambda: query(path, "SELECT count(*) FROM companies") == [(250,)])
        children = until(lambda: bulk_children(process.pid)) if bulk_rows == 1 else []
        writing = stopped_while_writing(
            children[0].pid if children else process.pid, path
        )
        process.kill()
        process.wait()
        if children:
            writing.resume()
        _, alive = psutil.wait_procs(children, timeout=20)
    assert not alive, "the loading process outlived the run that started it"
    assert not locked(path)
    assert nothing_visible(path)
    pipeline = shared(tmp_path, bulk_rows)
    assert counts(pipeline.run(key).uploads[0]) == (25_000, 25_000, 0, 0, 0, 0)
    assert pipeline.predictions() == 25_000
    pipeline.close()


def test_a_run_killed_while_its_child_waits_takes_the_child_along(tmp_path) -> None:
    """A child that went on alone would store a batch that is being run again."""
    file = write_many(tmp_path / "few.csv", range(5), range(1990, 2000))
    process, _ = loading(tmp_path, file, BULK_CHILD)
    path = tmp_path / "shared.db"
    with killed_at_the_end(process), closing(sqlite3.connect(path)) as writer:
        go(process)
        until(lambda: query(path, "SELECT count(*) FROM companies") == [(5,)])
        writer.execute("BEGIN IMMEDIATE")
        children = until(lambda: bulk_children(process.pid))
        time.sleep(0.5)
        process.kill()
        process.wait()
        _, alive = psutil.wait_procs(children, timeout=20)
        writer.rollback()
    assert not alive
    assert query(path, "SELECT count(*) FROM annual_predictions") == [(0,)]


@DRIVERS
def test_a_busy_database_is_tried_again_and_then_given_up(tmp_path, bulk_rows) -> None:
    """Busy is no fault of the file: it must stay apart from what cannot be loaded."""
    small = {"BULK_PIPELINE_BUSY_SECONDS": 0.2, "BULK_PIPELINE_RETRIES": 2}
    pipeline = shared(tmp_path, bulk_rows, **small)
    batch = pipeline.land(write_csv(tmp_path / "a.csv", rows_of("AB", [2001])))
    rows = pipeline.read(batch.key)
    scores = pipeline.score(rows)
    path = pipeline.installation.database.path
    register_batch(pipeline.installation, rows)
    with closing(sqlite3.connect(path)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        started_at = time.monotonic()
        with pytest.raises(TransientError, match=r"busy.*another program"):
            pipeline.publish(scores, register=False)
        assert time.monotonic() - started_at >= 0.4
        writer.rollback()
    assert nothing_visible(path)
    again = pipeline.given_again(batch.key)
    assert again.uploads[0].inserted == 2
    pipeline.close()


def test_a_busy_register_is_given_up_too(tmp_path) -> None:
    """The companies come first, and wait for the same lock."""
    given = {"BULK_PIPELINE_BUSY_SECONDS": 0.1, "BULK_PIPELINE_RETRIES": 2}
    pipeline = shared(tmp_path, **given)
    scores = scored_batch(pipeline, tmp_path)
    path = pipeline.installation.database.path
    with closing(sqlite3.connect(path)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        with pytest.raises(TransientError, match=r"busy.*another program"):
            pipeline.publish(scores)
        writer.rollback()
    assert pipeline.value("SELECT count(*) FROM companies") == 0
    pipeline.close()


@DRIVERS
def test_a_load_waits_for_a_writer_that_goes_away(tmp_path, bulk_rows) -> None:
    """Two loads in a row are the normal case, not a failure."""
    pipeline = shared(tmp_path, bulk_rows)
    batch = pipeline.land(write_csv(tmp_path / "a.csv", rows_of("AB", [2001])))
    scores = pipeline.score(pipeline.read(batch.key))
    path = pipeline.installation.database.path
    with closing(sqlite3.connect(path, check_same_thread=False)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        timer = threading.Timer(0.4, writer.rollback)
        timer.start()
        assert pipeline.publish(scores).uploads[0].inserted == 2
        timer.join()
    pipeline.close()


def test_a_full_disk_stores_nothing_and_says_so(tmp_path) -> None:
    """The first thing an operator must read is what to do, not a rollback's error."""
    pipeline = shared(tmp_path, ULTRA_CONNECTION_POOL_SIZE=1)
    file = write_many(tmp_path / "many.csv", range(50), range(1900, 2000))
    batch = pipeline.land(file)
    scores = pipeline.score(pipeline.read(batch.key))
    with pipeline.installation.database.reading() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages + 5}")
    with pytest.raises(PermanentError, match=r"The disk is full\. Free some space"):
        pipeline.publish(scores)
    assert nothing_visible(pipeline.installation.database.path)
    pipeline.close()


def test_a_bulk_child_that_cannot_write_stores_nothing(tmp_path) -> None:
    """A full disk in the other process comes back as a sentence, not as a traceback."""
    file = write_many(tmp_path / "many.csv", range(50), range(1900, 2000))
    program = """
import resource, sys
from pathlib import Path
from bulk_pipeline.core.errors import PermanentError
from bulk_pipeline_tests.adapters.harness import Pipeline, installation_in
pipeline = Pipeline(installation_in(Path(sys.argv[1])), 1)
batch = pipeline.land(Path(sys.argv[2]))
scores = pipeline.score(pipeline.read(batch.key))
path = pipeline.installation.database.path
limit = path.stat().st_size + 300_000
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
try:
    pipeline.publish(scores)
except PermanentError as error:
    print(error)
"""
    said = ended(started(program, tmp_path / "home", file))
    assert said.startswith("The database refused"), said
    assert "disk" in said
    assert nothing_visible(tmp_path / "home/bulk_pipeline.db")


def scored_batch(pipeline, tmp_path):
    """The scores of a small file, with the tables not yet asked for."""
    batch = pipeline.land(write_csv(tmp_path / "a.csv", rows_of("AB", [2001])))
    return pipeline.score(pipeline.read(batch.key))


@pytest.mark.parametrize(
    ("kind", "cure"),
    [
        ("a directory", "cannot be opened. Check that its folder"),
        ("text", "no SQLite database. Name another one in DATABASE_URL"),
        ("a folder that is a file", "DATABASE_URL"),
    ],
)
def test_a_place_that_holds_no_database_is_refused_with_a_cure(
    tmp_path, kind, cure
) -> None:
    """A mistyped setting must read as one, not as a damaged file or a traceback."""
    path = tmp_path / "place.db"
    if kind == "a directory":
        path.mkdir()
    else:
        path.write_text("company_symbol\n" * 400)
    if kind == "a folder that is a file":
        path = path / "inside.db"
    installation = installation_in(tmp_path / "home", DATABASE_URL=f"sqlite:///{path}")
    with pytest.raises(PermanentError, match=cure):
        installation.database.create_tables()
    installation.close()


def test_a_file_that_may_only_be_read_is_refused_with_a_cure(tmp_path) -> None:
    """Grant write access is what an operator can act on."""
    pipeline = shared(tmp_path, ULTRA_CONNECTION_POOL_SIZE=1)
    scores = scored_batch(pipeline, tmp_path)
    # The superuser may write any file, so the connection is told not to.
    with pipeline.installation.database.reading() as connection:
        connection.exec_driver_sql("PRAGMA query_only = ON")
    with pytest.raises(PermanentError, match=r"read-only\. Grant write access"):
        pipeline.publish(scores, register=False)
    assert nothing_visible(pipeline.installation.database.path)
    pipeline.close()


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may write any file")
@DRIVERS
def test_a_read_only_folder_stores_nothing(tmp_path, bulk_rows) -> None:
    """A share that was mounted read-only must say so."""
    pipeline = shared(tmp_path, bulk_rows, DATABASE_URL=f"sqlite:///{tmp_path}/ro/a.db")
    scores = scored_batch(pipeline, tmp_path)
    pipeline.installation.database.dispose()
    folder = tmp_path / "ro"
    for path in folder.iterdir():
        path.chmod(0o400)
    folder.chmod(0o500)
    try:
        with pytest.raises(PermanentError, match=r"write access|may be written"):
            pipeline.publish(scores)
    finally:
        folder.chmod(0o700)


def test_a_bulk_child_refuses_what_is_no_database(tmp_path) -> None:
    """The other process reports in the same words as this one."""
    pipeline = shared(tmp_path, BULK_CHILD)
    scores = scored_batch(pipeline, tmp_path)
    pipeline.close()
    for path in tmp_path.glob("shared.db*"):
        path.unlink()
    path = tmp_path / "shared.db"
    path.write_text("company_symbol\n" * 400)
    with pytest.raises(PermanentError, match="Name another one in DATABASE_URL"):
        pipeline.publish(scores, register=False)
    assert path.read_text().startswith("company_symbol\n")


def test_a_loader_that_was_not_used_leaves_no_process(tmp_path) -> None:
    """A run that fails before its load must not leave an idle process behind."""
    pipeline = shared(tmp_path)
    loader = SqliteLoader(pipeline.installation.database, BULK_CHILD)
    loader.prepare(10)
    (child,) = until(lambda: bulk_children(os.getpid()))
    loader.close()
    assert not child.is_running()
    loader.close()


def test_a_bulk_child_ends_well(tmp_path, monkeypatch) -> None:
    """A child that ends in a crash after its commit would fill the log with alarm."""
    children: list[subprocess.Popen[str]] = []

    def remembered() -> "subprocess.Popen[str]":
        """A child as the loader starts it."""
        children.append(_start_child())
        return children[-1]

    monkeypatch.setattr(sqlite, "_start_child", remembered)
    pipeline = shared(tmp_path, BULK_CHILD)
    scores = scored_batch(pipeline, tmp_path)
    register_batch(
        pipeline.installation, ChunkHandle.open(scores.directory.parent / ROWS)
    )
    loader = SqliteLoader(pipeline.installation.database, BULK_CHILD)
    loader.prepare(scores.rows)
    publish_batch(pipeline.installation, loader, scores, "run")
    (child,) = children
    time.sleep(1)  # it may end before it is told to, since it has nothing left to do
    loader.close()
    assert child.returncode == 0
    pipeline.close()


def test_no_password_is_shown() -> None:
    """Settings and databases end up in logs, tracebacks and bug reports."""
    secret = "hunter2"  # noqa: S105  # the one that must not be shown
    urls = [
        f"mssql+mssqlpython://user:{secret}@host/database",
        f"mssql+mssqlpython://user:{secret}@host:port/database",
        f"sqlite://user:{secret}@host/file.db",
        f"postgresql//user:{secret}@host",
    ]
    for url in urls:
        settings = Settings.from_environment({"DATABASE_URL": url})
        assert secret not in repr(settings)
        assert secret not in str(settings)
        with pytest.raises(ConfigurationError) as refused:
            Database.from_settings(settings)
        assert secret not in str(refused.value)
        assert refused.value.__cause__ is None
    good = Settings.from_environment({"DATABASE_URL": "sqlite:////data/a.db"})
    database = Database.from_settings(good)
    assert "a.db" not in repr(database)
    assert database.name == "sqlite:////data/a.db"


def test_the_bulk_child_imports_nothing_it_does_not_need() -> None:
    """Every import is paid for by the load that waits for it."""
    program = (
        "import sys, bulk_pipeline.adapters.loaders.sqlite_child;"
        "print([n for n in ('sqlalchemy', 'stamina', 'pydantic') if n in sys.modules])"
    )
    assert ended(started(program)).strip() == "[]"


def test_a_request_and_its_answer_survive_the_way(tmp_path) -> None:
    """What the other process loads must be what this one asked for, to the last id."""
    pipeline = shared(tmp_path)
    scores = scored_batch(pipeline, tmp_path)
    folder = scores.directory.parent
    batch = pipeline.batch(folder.name)
    readings = read_readings(folder)
    request = publishing._request(pipeline.installation, batch, readings, scores)
    document = json.loads(json.dumps(request_to_json(request)))
    found = request_from_json(document)
    assert found.companies.equals(request.companies)
    assert replace(found, companies=request.companies) == request
    empty = replace(request, rows=None, scores=None)
    again = request_from_json(request_to_json(empty))
    assert (again.rows, again.scores) == (None, None)
    result = LoadResult((UploadOutcome("k", 1, 6, 1, 2, 2, 1, 1),), 3, 0.5)
    assert result_from_json(result_to_json(result)) == result
    pipeline.close()


@pytest.mark.parametrize("kind", [PermanentError, TransientError, ConfigurationError])
def test_an_error_of_the_other_process_keeps_its_class(kind) -> None:
    """Whether a retry helps is known by the class alone."""
    with pytest.raises(kind, match="what to do") as raised:
        result_from_json(error_to_json(kind("what to do")))
    assert type(raised.value) is kind
