"""One law for each promise of a synchronisation."""

import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, nullcontext
from pathlib import Path

import pytest
import sqlalchemy as sa

from bulk_pipeline.adapters.database import Database
from bulk_pipeline.adapters.settings import Settings
from bulk_pipeline.adapters.syncing.opening import require_two
from bulk_pipeline.core.errors import ConfigurationError
from bulk_pipeline_tests.adapters.syncing.pair import (
    Content,
    Pair,
    Row,
    at,
    content,
    shown,
)

MICROSECONDS = 1_000_000
ROWS = tuple(Row(company, year) for company in range(3) for year in (2000, 2001))


@pytest.fixture(params=["attached", "wire"])
def pair(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Pair]:
    """Two files, compared either way."""
    found = Pair.of_files(tmp_path, over_wire=request.param == "wire")
    yield found
    found.close()


def change(database: Database, statement: str, *values: object) -> None:
    """Change a file as somebody else would."""
    with closing(sqlite3.connect(database.path)) as connection:
        connection.execute(statement, values)
        connection.commit()


def minute(number: int) -> int:
    """A moment as the files keep it."""
    return int(at(number).timestamp() * MICROSECONDS)


def stored(database: Database) -> list[tuple[object, ...]]:
    """Symbol, year and first ratio of each prediction."""
    return [row[:1] + row[3:6] for row in shown(database)["annual_predictions"]]


def test_what_was_loaded_since_comes_over(pair: Pair) -> None:
    """The nightly case: a few rows more, and the rest is left alone."""
    pair.given(content(*ROWS), Content())
    pair.sync("incremental")
    change(
        pair.source,
        "UPDATE annual_predictions SET net_income_margin = 7, updated_at = ?"
        " WHERE id = 2",
        minute(5),
    )
    counts = pair.sync("incremental").tables["annual_predictions"]
    assert (counts.updated, counts.inserted, counts.unchanged) == (1, 0, 5)
    assert shown(pair.target) == shown(pair.source)


def test_a_load_that_committed_late_is_not_missed(pair: Pair) -> None:
    """A load stamps its rows first and commits last; another may end in between."""
    pair.given(content(*ROWS, Row(0, 2010, stamp=60)), Content())
    pair.sync("incremental")
    change(
        pair.source,
        "UPDATE annual_predictions SET net_income_margin = 7, updated_at = ?"
        " WHERE id = 2",
        minute(1),
    )
    pair.sync("incremental")
    assert shown(pair.target) == shown(pair.source)


def test_what_was_withdrawn_goes(pair: Pair) -> None:
    """A withdrawal deletes rows, and its receipt says so."""
    pair.given(content(*ROWS), Content())
    pair.sync("incremental")
    change(pair.source, "UPDATE uploads SET withdrawn_at = ?", minute(8))
    change(pair.source, "DELETE FROM annual_predictions WHERE company_id = 2")
    counts = pair.sync("incremental").tables
    assert counts["annual_predictions"].deleted == 2
    assert counts["uploads"].updated == 1
    assert shown(pair.target) == shown(pair.source)


@pytest.mark.parametrize("mode", ["full", "incremental"])
def test_nothing_is_deleted_where_that_is_switched_off(pair: Pair, mode: str) -> None:
    """Some keep in the second database what the first one has forgotten."""
    pair.given(content(*ROWS[:2]), content(*ROWS))
    report = pair.sync(mode, delete=False)
    assert report.tables["annual_predictions"].deleted == 4
    assert len(stored(pair.target)) == len(ROWS)
    assert len(shown(pair.target)["companies"]) == 3


def test_a_company_that_the_target_s_history_names_is_kept(pair: Pair) -> None:
    """The history belongs to its database, and its foreign keys hold."""
    pair.given(content(*ROWS), content(*ROWS, history=[Row(8, upload=4, model=2)]))
    report = pair.sync("full")
    kept = {name: counts.kept for name, counts in report.tables.items()}
    assert kept == {
        "models": 1,
        "uploads": 1,
        "companies": 1,
        "annual_predictions": 0,
    }
    with pair.target.reading() as connection:
        wrong = connection.exec_driver_sql("PRAGMA foreign_key_check").all()
    assert not wrong


def test_only_the_years_that_are_asked_for_are_touched(pair: Pair) -> None:
    """A partition of the nightly job is a year."""
    pair.given(content(*ROWS), content(Row(0, 1990), Row(0, 2000, value=9.0)))
    report = pair.sync("full", years=(2000,))
    assert list(report.years) == [2000]
    assert (report.years[2000].inserted, report.years[2000].updated) == (2, 1)
    assert ("C0", 1990) in {row[:2] for row in stored(pair.target)}
    assert {row[1] for row in stored(pair.target)} == {1990, 2000}


def test_companies_alone_can_be_brought_over(pair: Pair) -> None:
    """The job brings companies over first, in a step of its own."""
    pair.given(content(*ROWS), content(Row(9)))
    report = pair.sync("full", predictions=False)
    assert "annual_predictions" not in report.tables
    assert len(shown(pair.target)["companies"]) == 4
    assert {row[0] for row in stored(pair.target)} == {"C9"}


def test_verify_makes_no_file(pair: Pair) -> None:
    """Looking leaves no trace, not even an empty database."""
    pair.given(content(*ROWS), Content())
    pair.target.dispose()
    for file in pair.target.path.parent.glob("target.db*"):
        file.unlink()
    with pytest.raises(ConfigurationError, match="There is no database"):
        pair.sync("verify")
    assert not pair.target.path.exists()


def test_the_source_is_not_made_and_not_written(pair: Pair) -> None:
    """A mistyped source must not become an empty database that empties the target."""
    pair.target.create_tables()
    with pytest.raises(ConfigurationError, match="There is no database"):
        pair.sync("full")
    assert not pair.source.path.exists()


def test_a_source_without_tables_is_refused(pair: Pair) -> None:
    """The same for a file that is there and holds something else."""
    change(pair.source, "CREATE TABLE other (id INTEGER)")
    with pytest.raises(ConfigurationError, match="init-db"):
        pair.sync("full")


def test_a_source_of_another_version_is_refused(pair: Pair) -> None:
    """Its columns may mean something else."""
    pair.given(content(*ROWS), Content())
    change(pair.source, "UPDATE schema_version SET version = 1")
    with pytest.raises(ConfigurationError, match="version"):
        pair.sync("full")


def test_a_database_is_not_brought_to_itself(pair: Pair, tmp_path: Path) -> None:
    """Not by another path to the same file, either."""
    pair.given(content(*ROWS), Content())
    link = tmp_path / "link.db"
    link.symlink_to(pair.source.path)
    url = pair.target.url.set(database=str(link))
    itself = Pair(pair.source, Database(url, pair.target.settings), pair.over_wire)
    with pytest.raises(ConfigurationError, match="one database"):
        itself.sync("full")
    assert len(stored(pair.source)) == len(ROWS)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("mssql+pyodbc://h/d", "mssql+mssqlpython://me@H:1433/D", True),
        ("mssql+pyodbc://h/d", "mssql+pyodbc://h/e", False),
        ("mssql+pyodbc://h:1/d", "mssql+pyodbc://h:2/d", False),
        ("mssql+pyodbc://?odbc_connect=A", "mssql+pyodbc://?odbc_connect=a", True),
        ("mssql+pyodbc://?odbc_connect=A", "mssql+pyodbc://?odbc_connect=B", False),
    ],
)
def test_two_databases_of_servers_are_told_apart_by_their_urls(
    *, one: str, other: str, same: bool
) -> None:
    """A copy that is refused as its own source is never made."""
    ends = [Database(sa.make_url(url), Settings()) for url in (one, other)]
    with (
        pytest.raises(ConfigurationError, match="one database")
        if same
        else nullcontext()
    ):
        require_two(*ends)


def test_a_path_may_hold_what_a_uri_gives_a_meaning(tmp_path: Path) -> None:
    """A file of a user may be called anything."""
    folder = tmp_path / "50% of?mode=rwc#x y"
    folder.mkdir()
    pair = Pair.of_files(folder)
    pair.given(content(*ROWS), Content())
    pair.sync("full")
    assert shown(pair.target) == shown(pair.source)
    pair.close()


def test_what_was_written_here_alone_gives_way(pair: Pair) -> None:
    """Somebody loaded into the copy; its moments are not those of the source."""
    pair.given(content(*ROWS), Content())
    pair.sync("full")
    change(
        pair.target,
        "UPDATE annual_predictions SET net_income_margin = 7, updated_at = ?"
        " WHERE id = 2",
        minute(50),
    )
    pair.sync("incremental")
    assert shown(pair.target) == shown(pair.source)


def test_two_at_once_do_no_harm(pair: Pair) -> None:
    """A schedule and a person may start one at the same time."""
    pair.given(content(*ROWS), content(Row(0, 2000, value=9.0), Row(7)))

    def one(_: int) -> bool:
        """Synchronise by connections of one's own."""
        own = Pair(
            Database(pair.source.url, pair.source.settings),
            Database(pair.target.url, pair.target.settings),
            pair.over_wire,
        )
        own.sync("full", batch_size=2)
        own.close()
        return True

    with ThreadPoolExecutor(2) as threads:
        assert all(threads.map(one, range(2)))
    assert shown(pair.target) == shown(pair.source)
