"""What a load does to a SQLite file in its own way: drivers, snapshots, types."""

import pytest

from bulk_pipeline_tests.adapters.harness import (
    BULK_CHILD,
    IN_PROCESS,
    counts,
    write_many,
)
from bulk_pipeline_tests.builders import rows_of, write_csv


def test_loads_follow_one_another_in_one_process(make, tmp_path) -> None:
    """A process that loads for months must not depend on its first load."""
    pipeline = make()
    for number, bulk_rows in enumerate((BULK_CHILD, IN_PROCESS, 3)):
        pipeline.bulk_rows = bulk_rows
        rows = rows_of("ABCD", [2001 + number, 2002 + number])
        report = pipeline.load(write_csv(tmp_path / f"{number}.csv", rows)).uploads[0]
        assert counts(report) == (8, *((8, 0, 0) if not number else (4, 0, 4)), 0, 0)
        assert pipeline.predictions() == 8 + 4 * number
    assert pipeline.value("PRAGMA integrity_check") == "ok"


def test_the_pool_stays_usable_beside_bulk_loads(make, tmp_path) -> None:
    """An open reader must neither block a load nor miss it afterwards."""
    pipeline = make(BULK_CHILD)
    pipeline.installation.database.create_tables()
    with pipeline.installation.database.reading() as connection:
        count = "SELECT count(*) FROM annual_predictions"
        assert connection.exec_driver_sql(count).scalar() == 0
        pipeline.load(write_many(tmp_path / "a.csv", range(10), range(1990, 2000)))
        assert connection.exec_driver_sql(count).scalar() == 0  # its own snapshot
        connection.rollback()
        assert connection.exec_driver_sql(count).scalar() == 100


@pytest.mark.parametrize("bulk_rows", [IN_PROCESS, BULK_CHILD])
def test_values_are_of_the_types_of_their_columns(make, base, bulk_rows) -> None:
    """SQLite keeps what it is given: a number as a text compares as a text."""
    pipeline = make(bulk_rows)
    pipeline.load(base)
    kinds = "typeof(created_at), typeof(probability), typeof(reporting_year)"
    found = pipeline.query(f"SELECT DISTINCT {kinds} FROM annual_predictions")  # noqa: S608
    assert found == [("integer", "real", "integer")]


@pytest.mark.parametrize("bulk_rows", [IN_PROCESS, BULK_CHILD])
def test_rows_that_a_trigger_writes_are_none_of_the_load(
    make, tmp_path, bulk_rows
) -> None:
    """A trigger that keeps a log for somebody must not make a load look wrong."""
    pipeline = make(bulk_rows)
    pipeline.installation.database.create_tables()
    pipeline.query("CREATE TABLE seen (id INTEGER)")
    pipeline.query(
        "CREATE TRIGGER log AFTER INSERT ON annual_predictions"
        " BEGIN INSERT INTO seen VALUES (NEW.id); END"
    )
    rows = rows_of("ABC", [2001, 2002])
    report = pipeline.load(write_csv(tmp_path / "a.csv", rows)).uploads[0]
    assert counts(report) == (6, 6, 0, 0, 0, 0)
    assert pipeline.value("SELECT count(*) FROM seen") == 6
