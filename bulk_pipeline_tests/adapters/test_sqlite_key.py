"""The natural key's index, which a large load into SQLite builds after its rows."""

import contextlib
import os
import sqlite3
from contextlib import closing

import pytest

from bulk_pipeline.adapters.crash_points import VARIABLE
from bulk_pipeline.adapters.loaders import sqlite_key
from bulk_pipeline.adapters.loaders.sqlite_drivers import ArrowDriver, PythonDriver
from bulk_pipeline.adapters.loaders.sqlite_key import key_built_last, pays
from bulk_pipeline.adapters.loaders.sqlite_statements import compiled_statements
from bulk_pipeline.core.errors import AccountingError, TransientError
from bulk_pipeline_tests.adapters.harness import (
    BULK_CHILD,
    Pipeline,
    bulk_children,
    counts,
    ended,
    started,
    until,
    write_many,
)
from bulk_pipeline_tests.adapters.older_tables import make_version_1
from bulk_pipeline_tests.builders import rows_of, write_csv

COMPANIES, YEARS = range(1000), range(1900, 2000)
KEY = (
    "SELECT sql FROM sqlite_master WHERE type = 'index'"
    " AND tbl_name = 'annual_predictions'"
)
WAL_BYTES_PER_ROW = 170
"""The row takes 94 to 98 bytes and its entry in the index 14 to 17, pages not full and
frames' headers beside; written twice they would not fit."""
COPY = (
    "INSERT INTO annual_predictions (company_id, reporting_year, reporting_quarter,"
    " probability, risk_level, confidence, model_id, upload_id, created_at, updated_at)"
    " SELECT company_id, reporting_year, reporting_quarter, probability, risk_level,"
    " confidence, model_id, upload_id, created_at, updated_at FROM annual_predictions"
)
TWICE = """
import sys
from contextlib import closing
from bulk_pipeline.adapters.loaders.sqlite_drivers import ArrowDriver
from bulk_pipeline.adapters.loaders.sqlite_key import key_built_last
from bulk_pipeline.adapters.loaders.sqlite_statements import compiled_statements
from bulk_pipeline.core.errors import AccountingError
with closing(ArrowDriver(sys.argv[1], 1000, compiled_statements())) as driver:
    driver.command("BEGIN IMMEDIATE")
    try:
        with key_built_last(driver, 1_000_000, 1):
            driver.command(sys.argv[2])
    except AccountingError as error:
        print(error)
        driver.rollback()
"""


@pytest.fixture
def built(monkeypatch):
    """Which loads in this process built the index after their rows, and which not."""
    seen: list[bool] = []

    def watched(rows: int, stored: int) -> bool:
        seen.append(pays(rows, stored))
        return seen[-1]

    monkeypatch.setattr(sqlite_key, "pays", watched)
    return seen


def test_only_a_load_that_is_large_beside_what_is_stored_builds_it_last() -> None:
    """Ten rows must not cost the reading of a million."""
    assert pays(1_000_000, 0)
    assert pays(1_000_000, 500_000)
    assert not pays(1_000_000, 1_000_000)
    assert not pays(10, 0)


def test_a_large_load_leaves_the_index_that_it_found(make, tmp_path) -> None:
    """A table without its key would take a key twice from the next one who writes."""
    pipeline = make(BULK_CHILD)
    pipeline.installation.database.create_tables()
    before = pipeline.query(KEY)
    report = pipeline.load(write_many(tmp_path / "a.csv", COMPANIES, YEARS)).uploads[0]
    assert counts(report) == (100_000, 100_000, 0, 0, 0, 0)
    assert pipeline.query(KEY) == before != []
    assert pipeline.value("PRAGMA integrity_check") == "ok"
    with pytest.raises(sqlite3.IntegrityError, match="UNIQUE"):
        pipeline.query(COPY)


def test_a_child_killed_without_the_index_leaves_it(
    make, tmp_path, monkeypatch
) -> None:
    """Between the rows and their index the table is unsafe; nobody may find it so."""
    pipeline = make(BULK_CHILD, BULK_PIPELINE_RETRIES="1")
    batch = pipeline.land(write_many(tmp_path / "a.csv", COMPANIES, YEARS))
    scores = pipeline.score(pipeline.read(batch.key))
    before = pipeline.query(KEY)
    with monkeypatch.context() as patched:
        patched.setenv(VARIABLE, "inserted")
        with pytest.raises(TransientError, match="killed by signal 9"):
            pipeline.publish(scores)
    assert pipeline.query(KEY) == before != []
    assert pipeline.predictions() == 0
    assert pipeline.value("PRAGMA integrity_check") == "ok"
    report = pipeline.publish(scores).uploads[0]
    assert counts(report) == (100_000, 100_000, 0, 0, 0, 0)


@pytest.mark.parametrize("driver", [PythonDriver, ArrowDriver])
def test_a_key_that_stands_twice_stores_nothing(on_sqlite, base, driver) -> None:
    """Whatever brings a key twice, the table does not take it."""
    on_sqlite.load(base)
    path = on_sqlite.installation.database.path
    if driver is ArrowDriver:
        on_sqlite.installation.database.dispose()
        said = ended(started(TWICE, path, COPY))
        assert "has a period twice" in said
    else:
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            here = PythonDriver(connection, compiled_statements())
            here.command("BEGIN IMMEDIATE")
            with (
                pytest.raises(AccountingError, match="has a period twice"),
                key_built_last(here, 1_000_000, 1),
            ):
                here.command(COPY)
            here.rollback()
    assert on_sqlite.predictions() == 6
    assert len(on_sqlite.query(KEY)) == 1


@pytest.mark.parametrize("obstacle", ["a trigger", "an index of somebody's own"])
def test_what_somebody_else_made_is_left_alone(
    on_sqlite: Pipeline, base, monkeypatch, obstacle
) -> None:
    """A trigger may need the key while rows come in; an index may be there for more."""
    on_sqlite.installation.database.create_tables()
    if obstacle == "a trigger":
        on_sqlite.query(
            "CREATE TRIGGER mine AFTER INSERT ON annual_predictions BEGIN SELECT 1; END"
        )
    else:
        name = "uq_annual_predictions_company_id"
        on_sqlite.query(f"DROP INDEX {name}")
        on_sqlite.query(
            f"CREATE UNIQUE INDEX {name} ON annual_predictions"
            " (company_id, reporting_year, reporting_quarter, id)"
        )
    schema = on_sqlite.query("SELECT * FROM sqlite_master ORDER BY rowid")
    monkeypatch.setattr(sqlite_key, "pays", lambda *_: True)
    on_sqlite.load(base)
    assert on_sqlite.query("SELECT * FROM sqlite_master ORDER BY rowid") == schema


def test_the_tables_of_an_older_version_load_as_before(make, tmp_path, built) -> None:
    """Their key is a constraint, which SQLite cannot drop; users have such files."""
    pipeline = make()
    path = pipeline.installation.database.path
    path.parent.mkdir(parents=True, exist_ok=True)
    make_version_1(path)
    file = write_many(tmp_path / "a.csv", COMPANIES, YEARS)
    report = pipeline.load(file).uploads[0]
    assert built == [True]
    assert counts(report) == (100_000, 100_000, 0, 0, 0, 0)
    assert pipeline.query(KEY) == [(None,)]
    again = pipeline.load(write_csv(tmp_path / "b.csv", rows_of("A", [2001])))
    assert counts(again.uploads[0]) == (1, 1, 0, 0, 0, 0)
    assert pipeline.value("PRAGMA integrity_check") == "ok"


def test_a_reader_finds_the_key_while_a_load_goes_without(make, tmp_path) -> None:
    """Reports search by company and period all day long."""
    pipeline = make(BULK_CHILD)
    pipeline.given(write_csv(tmp_path / "b.csv", rows_of("A", [2001])))
    search = "SELECT count(*) FROM annual_predictions WHERE company_id = 1"
    plan = f"EXPLAIN QUERY PLAN {search}"
    with pipeline.installation.database.reading() as connection:
        assert connection.exec_driver_sql(search).scalar() == 1
        pipeline.load(write_many(tmp_path / "a.csv", COMPANIES, YEARS))
        assert connection.exec_driver_sql(search).scalar() == 1  # its own snapshot
        assert "uq_annual_predictions" in str(connection.exec_driver_sql(plan).all())
        connection.rollback()
        assert connection.exec_driver_sql(search).scalar() == 1
        whole = "SELECT count(*) FROM annual_predictions"
        assert connection.exec_driver_sql(whole).scalar() == 100_001
        assert "uq_annual_predictions" in str(connection.exec_driver_sql(plan).all())


def test_the_statements_of_a_load_do_not_grow_with_its_rows(make, tmp_path) -> None:
    """A statement for each slice or company would be paid for by every large load."""
    told = []
    for number, companies in enumerate((range(10), range(500))):
        pipeline = make(home=f"home{number}", ULTRA_BATCH_SIZE=1000)
        file = write_many(tmp_path / f"{number}.csv", companies, range(1990, 2000))
        scores = pipeline.score(pipeline.read(pipeline.land(file).key))
        texts: list[str] = []
        with pipeline.installation.database.engine.connect() as connection:
            raw = connection.connection.driver_connection
        raw.set_trace_callback(texts.append)
        pipeline.publish(scores)
        raw.set_trace_callback(None)
        # One text a row is told for what is executed many times: its first words count.
        told.append({text.split(" VALUES")[0] for text in texts})
    assert len(told[0]) == len(told[1]) > 10


def test_a_row_is_written_once(make, tmp_path) -> None:
    """The log is what a commit waits for; half of it for nothing would show."""
    pipeline = make(BULK_CHILD)
    rows = 200_000
    file = write_many(tmp_path / "a.csv", range(2000), YEARS)
    scores = pipeline.score(pipeline.read(pipeline.land(file).key))
    path = pipeline.installation.database.path
    with closing(sqlite3.connect(path)) as reader:
        # An open snapshot keeps the log from being started anew.
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM uploads").fetchall()
        pipeline.publish(scores)
        log = path.with_name(f"{path.name}-wal").stat().st_size
    assert pipeline.predictions() == rows
    assert log / rows < WAL_BYTES_PER_ROW


def test_the_bulk_child_has_no_pandas(make) -> None:
    """Importing it takes a third of a second from the reading of the files."""
    loader = make(BULK_CHILD).loader()
    loader.prepare(10)
    with contextlib.closing(loader):
        (child,) = until(lambda: bulk_children(os.getpid()))
        until(lambda: any("adbc" in m.path for m in child.memory_maps()))
        assert not [m.path for m in child.memory_maps() if "/pandas/" in m.path]
