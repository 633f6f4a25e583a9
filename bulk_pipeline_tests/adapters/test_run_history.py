"""Whoever looks at the loads of the past sees each of them, once."""

from datetime import UTC

import pytest
import sqlalchemy as sa

from bulk_pipeline.adapters.run_history import last_loads
from bulk_pipeline.core.metrics import STAGES
from bulk_pipeline_tests.adapters.metrics_rows import entered


def shown(pipeline, limit=20, **wanted):
    """Batch and run of each load that the history shows, newest first."""
    loads = last_loads(pipeline.installation.database, limit, **wanted)
    return [(load.batch, load.run_id) for load in loads]


def test_the_history_tells_what_the_load_itself_reported(small, base) -> None:
    """Two answers to one question would both be doubted."""
    published = small.load(base)

    [load] = last_loads(small.installation.database, 20)
    figures = published.figures
    assert {name: getattr(load, name) for name in figures.counts} == figures.counts
    assert list(load.stages) == list(STAGES)
    assert load.stages == pytest.approx(figures.stages)
    assert load.rows_written == figures.rows_written
    assert (load.tier, load.run_id) == (figures.tier, "run")
    assert load.seconds == pytest.approx(figures.seconds)
    assert load.finished_at.tzinfo is UTC


def test_a_batch_that_is_run_again_is_one_load(small, base) -> None:
    """The second run found the receipts; its rate would tell of reading alone."""
    batch = small.land(base)
    small.run(batch.key)
    small.run(batch.key)

    [load] = last_loads(small.installation.database, 20)
    assert load.rows_written == 6
    assert small.value("SELECT count(*) FROM run_metrics") == 2


def test_the_newest_run_that_wrote_is_the_load(small) -> None:
    """A batch of which a part was refused and came later wrote twice."""
    entered(small.installation, ("a", 10, 4), ("b", 10, 10), ("a", 10, 6), ("a", 10, 0))

    assert shown(small) == [("a", "run 2"), ("b", "run 1")]


def test_of_runs_that_wrote_nothing_the_first_is_the_load(small) -> None:
    """A file of nothing but duplicates was loaded all the same, once."""
    entered(small.installation, ("a", 10, 0), ("b", 10, 10), ("a", 10, 0))

    assert shown(small) == [("b", "run 1"), ("a", "run 0")]


def test_a_number_of_loads_is_that_of_loads_and_not_of_rows(small) -> None:
    """Else a batch that was run twenty times would hide every other."""
    entered(small.installation, ("a", 10, 10), ("b", 10, 10), *[("b", 10, 0)] * 20)

    assert shown(small, 2) == [("b", "run 1"), ("a", "run 0")]


def test_loads_can_be_chosen_by_size_and_without_one_batch(small) -> None:
    """A load is compared with others of its size, and not with itself."""
    entered(
        small.installation, ("a", 10, 10), ("b", 99, 99), ("c", 12, 12), ("d", 20, 20)
    )

    assert shown(small, rows=(10, 20), other_than="c") == [
        ("d", "run 3"),
        ("a", "run 0"),
    ]


def test_on_a_connection_it_is_one_statement(on_sqlite) -> None:
    """A load looks into the past within a transaction that others wait for."""
    entered(on_sqlite.installation, ("a", 10, 10))
    heard = []
    engine = on_sqlite.installation.database.engine
    with engine.connect() as connection:
        sa.event.listen(engine, "before_cursor_execute", lambda *a: heard.append(a[2]))
        [load] = last_loads(connection, 20)

    assert load.batch == "a"
    assert [text.split()[0] for text in heard if text != "BEGIN"] == ["SELECT"]


def test_a_load_looks_as_long_at_a_long_history_as_at_a_short_one(on_sqlite) -> None:
    """It holds the lock for which other writers wait, and histories only grow."""
    steps = []
    for _ in range(2):
        entered(on_sqlite.installation, *[(f"b{n}", 10, 0) for n in range(2_000)] * 2)
        with on_sqlite.installation.database.reading() as connection:
            driver = connection.connection.driver_connection
            counted = []
            driver.set_progress_handler(lambda seen=counted: seen.append(1), 100)
            found = last_loads(connection, 20, rows=(10, 10), recent=True)
            driver.set_progress_handler(None, 100)
        assert len(found) == 20
        steps.append(len(counted))

    assert steps[1] <= 1.1 * steps[0]


def test_a_long_history_is_read_in_one_pass(on_sqlite) -> None:
    """Else a report of ten thousand loads would take minutes."""
    entered(on_sqlite.installation, *[(f"b{n}", 10, n % 2) for n in range(5_000)] * 2)
    with on_sqlite.installation.database.reading() as connection:
        driver = connection.connection.driver_connection
        counted = []
        driver.set_progress_handler(lambda: counted.append(1), 10_000)
        found = last_loads(connection, 10_000)
        driver.set_progress_handler(None, 1)

    assert len(found) == 5_000
    assert len(counted) < 400  # four million steps: 400 a row


def test_a_database_without_tables_has_no_history(small) -> None:
    """Somebody may look before the first load."""
    assert shown(small) == []
