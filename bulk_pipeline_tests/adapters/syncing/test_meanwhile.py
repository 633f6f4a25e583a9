"""What others do while a synchronisation runs."""

import contextlib
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from bulk_pipeline.adapters.database import Database
from bulk_pipeline.adapters.syncing import attached_tables, opening, streamed
from bulk_pipeline.core.errors import ConfigurationError, TransientError
from bulk_pipeline_tests.adapters.syncing.pair import (
    Content,
    Pair,
    Row,
    content,
    shown,
)

ROWS = tuple(Row(company, year) for company in range(3) for year in (2000, 2001))
PORTION_READ = "SELECT annual_predictions.id AS source_id"
WRITE_BEGUN = "BEGIN IMMEDIATE"
LATER = 1_900_000_000_000_000
"""A moment after all others, as the files keep it."""


def change(database: Database, *statements: str) -> None:
    """Change a file as somebody else would."""
    with closing(sqlite3.connect(database.path)) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()


@contextlib.contextmanager
def before(start: str, act: Callable[[], None]) -> Iterator[None]:
    """Do something each time just before a statement that starts so is sent."""

    def sent(conn: Any, cursor: Any, statement: str, *others: object) -> None:
        """Look at a statement on its way."""
        del conn, cursor, others
        if statement.startswith(start):
            act()

    sa.event.listen(Engine, "before_cursor_execute", sent)
    try:
        yield
    finally:
        sa.event.remove(Engine, "before_cursor_execute", sent)


def once(act: Callable[[], None]) -> Callable[[], None]:
    """The same, the first time only."""
    left = [act]

    def first() -> None:
        """Do it, if it was not done."""
        if left:
            left.pop()()

    return first


def begin_nothing(connection: sa.Connection) -> None:
    """Leave each statement to see what is there by then."""
    del connection


@pytest.fixture
def wire(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Pair]:
    """Two files over a wire, the source without a snapshot, as a server may be."""
    monkeypatch.setattr(opening, "_begin", begin_nothing)
    monkeypatch.setattr(streamed, "_FIRST_WAIT_SECONDS", 0.01)
    monkeypatch.setattr(streamed, "_LONGEST_WAIT_SECONDS", 0.01)
    found = Pair.of_files(tmp_path, over_wire=True)
    yield found
    found.close()


@pytest.fixture(params=["attached", "wire"])
def pair(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Pair]:
    """Two files, compared either way."""
    found = Pair.of_files(tmp_path, over_wire=request.param == "wire")
    yield found
    found.close()


def ids(database: Database) -> list[int]:
    """The ids of the stored predictions, which a row keeps for its life."""
    with closing(sqlite3.connect(database.path)) as connection:
        query = "SELECT id FROM annual_predictions ORDER BY id"
        return [row_id for (row_id,) in connection.execute(query)]


def test_a_half_read_source_deletes_nothing_and_is_compared_again(wire: Pair) -> None:
    """Rows that a load replaces are missing for a moment, and were never to go."""
    wire.given(content(*ROWS), Content())
    wire.sync("full")
    kept = ids(wire.target)
    change(wire.source, "CREATE TABLE away AS SELECT * FROM annual_predictions")
    asked: list[str] = []

    def hide() -> None:
        """Take rows away before the first reading."""
        if not asked:
            change(wire.source, "DELETE FROM annual_predictions WHERE company_id = 1")
        asked.append("read")

    def give_back() -> None:
        """Give them back after it, before anything is written."""
        if asked:
            change(
                wire.source,
                "INSERT OR IGNORE INTO annual_predictions SELECT * FROM away",
            )

    read = f"{PORTION_READ}, annual_predictions.company_id"
    with before(read, hide), before(WRITE_BEGUN, give_back):
        report = wire.sync("full")
    assert report.equal
    assert len(asked) > 1
    assert ids(wire.target) == kept
    assert shown(wire.target) == shown(wire.source)


def test_a_source_that_never_rests_is_given_up(wire: Pair) -> None:
    """Better a run that says so than one that never ends; what it wrote is right."""
    wire.given(content(*ROWS), content(Row(9)))

    def go_on_changing() -> None:
        """Store one row more."""
        change(
            wire.source,
            "INSERT INTO annual_predictions SELECT (SELECT max(id) + 1 FROM"
            " annual_predictions), company_id, (SELECT max(reporting_year) + 1 FROM"
            " annual_predictions), reporting_quarter, long_term_debt_to_total_capital,"
            " total_debt_to_ebitda, net_income_margin, ebit_to_interest_expense,"
            " return_on_assets, probability, risk_level, confidence, model_id,"
            " upload_id, created_at, updated_at FROM annual_predictions LIMIT 1",
        )

    with (
        before(f"{PORTION_READ}, annual_predictions.company_id", go_on_changing),
        pytest.raises(TransientError, match="The source changed"),
    ):
        wire.sync("full")
    assert {row[0] for row in shown(wire.target)["companies"]} >= {"C0", "C1", "C2"}
    wire.sync("full")
    assert shown(wire.target) == shown(wire.source)


@pytest.mark.parametrize("mode", ["full", "incremental"])
def test_what_is_loaded_into_the_target_meanwhile_gives_way(
    pair: Pair, mode: str
) -> None:
    """Both sides were looked at before the lock was had; what came since counts."""
    pair.given(content(*ROWS), Content())
    pair.sync("full")

    def load() -> None:
        """Change a row here, as somebody who mistook the copy for the original."""
        change(
            pair.target,
            "UPDATE annual_predictions SET net_income_margin = 7,"  # noqa: S608
            f" updated_at = {LATER} WHERE id = 2",
        )

    with before(WRITE_BEGUN, once(load)):
        pair.sync(mode)
    assert shown(pair.target) == shown(pair.source)


def test_what_is_loaded_into_the_source_meanwhile_comes_next_time(pair: Pair) -> None:
    """No load waits for a synchronisation, and none is lost by one."""
    pair.given(content(*ROWS), Content())
    pair.sync("full")

    def load() -> None:
        """Change a row there."""
        change(
            pair.source,
            "UPDATE annual_predictions SET net_income_margin = 7,"  # noqa: S608
            f" updated_at = {LATER} WHERE id = 2",
        )

    with before(WRITE_BEGUN, once(load)):
        pair.sync("incremental")
    pair.sync("incremental")
    assert shown(pair.target) == shown(pair.source)


def test_many_changed_rows_come_over_as_few_do(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beyond a number they are not staged, which must not decide what comes out."""
    monkeypatch.setattr(attached_tables, "MOST_STAGED", 1)
    pair.given(content(*ROWS, Row(5, stamp=3)), content(*ROWS[:3], Row(9, stamp=8)))
    change(
        pair.source,
        "UPDATE annual_predictions SET net_income_margin = 7,"  # noqa: S608
        f" updated_at = {LATER} WHERE reporting_year = 2001",
    )
    counts = pair.sync("incremental").tables["annual_predictions"]
    assert (counts.inserted, counts.updated, counts.deleted) == (4, 1, 1)
    assert shown(pair.target) == shown(pair.source)


def test_each_year_has_its_figures_where_few_rows_changed(pair: Pair) -> None:
    """A partition's figure in the UI is how many rows the year has, not how many came.

    The years are counted while the rows are written.
    """
    pair.given(content(*ROWS), content(*ROWS[1:]))
    years = pair.sync("incremental").years
    found = {
        year: (c.source_rows, c.inserted, c.unchanged) for year, c in years.items()
    }
    assert found == {2000: (3, 1, 2), 2001: (3, 0, 3)}


def test_a_folder_that_sqlite_cannot_use_is_named_with_its_cure(pair: Pair) -> None:
    """A share mounted for reading looks fine until SQLite wants its files beside it."""
    pair.given(content(*ROWS), Content())
    pair.source.dispose()
    for end in ("-wal", "-shm"):
        pair.source.path.with_name(f"source.db{end}").unlink(missing_ok=True)
    # As good as a folder that refuses, which none does to root.
    pair.source.path.with_name("source.db-shm").symlink_to("nowhere/source.db-shm")
    with pytest.raises(ConfigurationError, match="may not write to its folder"):
        pair.sync("full")
