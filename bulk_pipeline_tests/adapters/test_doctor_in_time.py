"""Laws of the time that the doctor takes for a server: bounded, and told."""

from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
import sqlalchemy as sa

from bulk_pipeline.adapters.database import Database
from bulk_pipeline.adapters.doctor.in_time import in_time, most_seconds
from bulk_pipeline.adapters.settings import Settings
from bulk_pipeline.core.errors import BulkPipelineError
from bulk_pipeline.core.findings import Area, Finding, Level, fine

AREA = Area.DATABASE


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """A database that answers at once; what it seems to take is a matter of the clock.

    A server is asked for as long as a login may take.
    """
    given = {"BULK_PIPELINE_CONNECT_SECONDS": "20"}
    settings = Settings.from_environment(
        {**given, "DATABASE_URL": f"sqlite:///{tmp_path}/a.db"}
    )
    assert most_seconds(settings) == 30
    made = Database.from_settings(settings)
    yield made
    made.dispose()


def found_of(
    database: Database, answer_seconds: float, questions: int
) -> list[Finding]:
    """What is found by so many questions, each of which takes so long."""
    clock = (number * answer_seconds for number in count())

    def look() -> Iterator[Finding]:
        for number in range(questions):
            try:
                with database.reading() as connection:
                    connection.execute(sa.text("SELECT 1"))
            except BulkPipelineError:
                # As checks do that are content with what they may see.
                continue
            yield fine(AREA, f"question {number}")

    return list(in_time(database, AREA, look, lambda: next(clock)))


def test_a_server_that_answers_in_time_is_asked_everything(database: Database) -> None:
    """A slow look that comes to an end is worth more than a warning."""
    found = found_of(database, 0.2, 40)

    assert [finding.what for finding in found] == [f"question {n}" for n in range(40)]


def test_a_slow_server_is_given_up_and_its_answers_are_timed(
    database: Database,
) -> None:
    """Somebody waits for the report; forty questions of three seconds are minutes."""
    *found, last = found_of(database, 3, 40)

    assert 1 <= len(found) < 20 / 3
    assert last.level is Level.WARNING
    assert "3.0 s for a login and 3.0 s for an answer" in last.what
    assert "not all was looked at" in last.what
    assert "dozens of times" in last.cure


def test_a_server_is_given_up_before_the_first_answer(database: Database) -> None:
    """Its login may take all the time that there is."""
    [found] = found_of(database, 30, 40)

    assert found.level is Level.WARNING
    assert "30.0 s for a login" in found.what
