"""What a load asked of its database is told in seconds, and waits apart from work."""

import threading
import time

import pytest
import sqlalchemy as sa

from bulk_pipeline.adapters.databases.watching import watching
from bulk_pipeline.adapters.loaders.base import LoadResult
from bulk_pipeline.adapters.loaders.sqlite_timed import TimedDriver
from bulk_pipeline.adapters.loaders.wire import result_from_json, result_to_json
from bulk_pipeline.core.metrics import DatabaseFigures
from bulk_pipeline_tests.adapters.harness import until

WAIT = 0.3


@pytest.fixture
def database(small):
    """A database with its tables."""
    small.installation.database.create_tables()
    return small.installation.database


def test_a_load_tells_what_it_asked_of_its_database(pipeline, base) -> None:
    """Seconds of the database alone do not say whether it worked or waited."""
    asked = pipeline.load(base).figures.database

    assert asked.statements > 3
    assert 0 < asked.statement_longest_seconds <= asked.statement_seconds
    assert asked.connections_most_in_use >= 1
    assert asked.lock_wait_seconds < WAIT


class Slow:
    """A driver that takes its time."""

    def command(self, text: str) -> None:
        """Wait, whatever is asked."""
        assert text
        time.sleep(WAIT)


def test_a_wait_for_another_writer_is_no_work() -> None:
    """Whoever looks for a slow statement must not find a load that was patient."""
    timed = TimedDriver(Slow())
    timed.begin()
    waited = timed.asked
    timed.command("COMMIT")

    assert waited.lock_wait_seconds >= WAIT
    assert (waited.statements, waited.statement_seconds) == (0, 0.0)
    assert timed.asked.lock_wait_seconds == waited.lock_wait_seconds
    assert timed.asked.statements == 1
    assert timed.asked.statement_longest_seconds >= WAIT


def test_statements_are_counted_while_the_block_runs(database) -> None:
    """What others ask afterwards is not the load's."""
    with watching(database.backend) as watch, database.reading() as connection:
        connection.execute(sa.select(sa.literal(1)))
    before = watch.figures
    with database.reading() as connection:
        connection.execute(sa.select(sa.literal(1)))

    assert watch.figures == before
    assert before.statements >= 1
    assert before.connections_most_in_use == 1


def test_the_wait_of_a_writer_is_told_apart(database) -> None:
    """It is the figure that says that two loads got into each other's way."""
    holding, done = threading.Event(), threading.Event()

    def hold(connection: sa.Connection) -> None:
        """Write for as long as it is asked to."""
        holding.set()
        done.wait(60)

    other = threading.Thread(target=database.writing, args=(hold,))
    other.start()
    assert holding.wait(60)

    def let_go(*said) -> None:
        """The first statement is the one that waits; from here on it does so."""
        threading.Timer(WAIT, done.set).start()

    sa.event.listen(database.engine, "before_cursor_execute", let_go, once=True)
    with watching(database.backend) as watch:
        database.writing(lambda connection: connection.closed)
    other.join()

    assert watch.figures.lock_wait_seconds >= WAIT / 2
    assert watch.figures.statement_seconds < watch.figures.lock_wait_seconds
    assert watch.figures.connections_most_in_use == 2, "the other one's, too"


def test_a_statement_that_fails_is_counted(database) -> None:
    """It may have waited longer than any other before it gave up."""
    with watching(database.backend) as watch:
        with pytest.raises(sa.exc.DBAPIError), database.engine.connect() as connection:
            connection.execute(sa.text("SELECT * FROM nowhere"))
        failed = watch.figures.statements
        with database.engine.connect() as connection:
            connection.execute(sa.select(sa.literal(1)))

    assert 1 <= failed < watch.figures.statements


def test_a_wait_for_the_pool_is_told(make) -> None:
    """A pool that is too small shows nowhere else."""
    database = make(
        ULTRA_CONNECTION_POOL_SIZE=1, BULK_PIPELINE_POOL_OVERFLOW=0
    ).installation.database
    database.create_tables()

    def waited() -> float:
        """Seconds that the pool kept somebody waiting; 0 where it did not."""
        taken = database.engine.connect()
        threading.Timer(WAIT, taken.close).start()
        with watching(database.backend) as watch, database.reading():
            pass
        assert watch.figures.connections_most_in_use == 1
        return watch.figures.connection_wait_seconds

    assert until(lambda: waited() > WAIT / 2)


def test_the_bulk_process_tells_its_own_figures() -> None:
    """Its statements pass nobody's watch but its own."""
    asked = DatabaseFigures(0.5, 1, 0.0, 12, 2.0, 1.5)
    result = LoadResult((), 3, 2.5, asked)

    assert result_from_json(result_to_json(result)) == result
