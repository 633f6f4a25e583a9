"""Laws of synchronisation where one of the two databases, or both, is SQL Server."""

import contextlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import sqlalchemy as sa

from bulk_pipeline.adapters.database import Database
from bulk_pipeline.adapters.databases.sqlserver import SqlServerBackend
from bulk_pipeline.adapters.syncing.synchronising import synchronise
from bulk_pipeline.adapters.withdrawing import withdraw
from bulk_pipeline.core.errors import (
    BulkPipelineError,
    ConfigurationError,
    TransientError,
)
from bulk_pipeline.core.syncing import SyncMode, SyncOptions, SyncReport
from bulk_pipeline_tests import sqlserver
from bulk_pipeline_tests.adapters.harness import Pipeline, installation_in, write_many
from bulk_pipeline_tests.adapters.looking import view_of
from bulk_pipeline_tests.adapters.predictions import ODD_TEXTS, with_roa
from bulk_pipeline_tests.adapters.rescorings import rescore
from bulk_pipeline_tests.adapters.sqlserver_faults.own_server import OwnServer, data
from bulk_pipeline_tests.builders import rows_of, write_csv
from bulk_pipeline_tests.models import stricter

FULL, VERIFY = SyncOptions(mode=SyncMode.FULL), SyncOptions(mode=SyncMode.VERIFY)
INCREMENTAL = SyncOptions(batch_size=7)
"""So few rows at once that every test has several transactions."""

TABLES = {
    "models": "SELECT sha256, name, kind, document, created_at FROM models",
    "uploads": "SELECT upload_key, batch_key, home_id, file_name, u.sha256, options,"
    " m.sha256, rows_read, inserted, updated, duplicates, duplicates_conflicting,"
    " rejected, first_loaded_at, last_loaded_at, withdrawn_at"
    " FROM uploads u JOIN models m ON m.id = model_id",
    "companies": "SELECT symbol, name, sector, market_cap, created_at, updated_at"
    " FROM companies",
    "annual_predictions": "SELECT symbol, reporting_year, reporting_quarter,"
    " long_term_debt_to_total_capital, total_debt_to_ebitda, net_income_margin,"
    " ebit_to_interest_expense, return_on_assets, probability, risk_level, confidence,"
    " m.sha256, upload_key, p.created_at, p.updated_at FROM annual_predictions p"
    " JOIN companies c ON c.id = company_id JOIN models m ON m.id = p.model_id"
    " JOIN uploads u ON u.id = upload_id",
}
"""What is kept equal, without the ids, which are each database's own."""

NAMES = [text for text in ODD_TEXTS if "\\" not in text]
"""Without a backslash: where a test server compares texts as bytes, it escapes them."""

MOMENTS = {"models": 1, "uploads": 3, "companies": 2, "annual_predictions": 2}
"""Columns at the end of each row that are moments: SQL Server has milliseconds."""


def content(url: sa.URL) -> dict[str, list[tuple[object, ...]]]:
    """All that is kept equal, as another program sees it, in one order for all."""
    found = {}
    for name, text in TABLES.items():
        moments = MOMENTS[name]
        rows = [
            (*row[:-moments], *(m and m // 1000 for m in row[-moments:]))
            for row in view_of(url).query(text)
        ]
        found[name] = sorted(rows, key=repr)
    return found


@dataclass(frozen=True)
class Pair:
    """A source that loads go into, and a target."""

    source: Pipeline
    target: Database

    def sync(self, options: SyncOptions = INCREMENTAL) -> SyncReport:
        """Synchronise once."""
        return synchronise(self.source.installation.database, self.target, options)

    def require_equal(self) -> None:
        """The two are equal, to themselves and to another program."""
        assert content(self.target.url) == content(self.database.url)
        report = self.sync(VERIFY)
        assert report.equal, report
        again = self.sync()
        assert again.equal, again

    @property
    def database(self) -> Database:
        """The source."""
        return self.source.installation.database


@pytest.fixture(autouse=True)
def _short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """How long is waited before another attempt is no matter here."""
    monkeypatch.setattr(SqlServerBackend, "first_wait_seconds", 0.01)
    monkeypatch.setattr(SqlServerBackend, "longest_wait_seconds", 0.05)


@pytest.fixture(scope="session")
def other_server() -> Iterator[sa.URL]:
    """A second database of SQL Server: of the same server, or a test server's own."""
    sqlserver.require("mssqlpython")
    if not os.environ.get(sqlserver.CONTROL_VARIABLE):
        with sqlserver.database_of_its_own() as name:
            yield sqlserver.url_of("mssqlpython", name)
        return
    # One database stands behind every name of a test server.
    with data() as place, OwnServer(place) as server:
        yield server.url


Made = Callable[[sa.URL | None, sa.URL | None], Pair]


@pytest.fixture
def made(tmp_path: Path) -> Iterator[Made]:
    """Makes pairs: None is a SQLite file."""
    opened = []

    def pair(source: sa.URL | None, target: sa.URL | None) -> Pair:
        """A pair of two databases, each with a home of its own."""
        for name, url in (("source", source), ("target", target)):
            given = {} if url is None else {"DATABASE_URL": url}
            given["ULTRA_PARALLEL_WORKERS"] = 2
            opened.append(Pipeline(installation_in(tmp_path / name, **given)))
        return Pair(opened[-2], opened[-1].installation.database)

    yield pair
    for pipeline in opened:
        pipeline.close()


@pytest.fixture(params=["to a server", "from a server"])
def pair(request: pytest.FixtureRequest, made: Made, mssql_url: sa.URL) -> Pair:
    """SQLite and SQL Server, in either direction, by either driver."""
    to = request.param == "to a server"
    return made(None, mssql_url) if to else made(mssql_url, None)


def accounts(folder: Path) -> Path:
    """Odd names, symbols of several parts, missing ratios, several years."""
    symbols = ["BRK.A", "BF-B", "005930.KS", "NULL", *(f"S{n}" for n in range(17))]
    rows = rows_of(symbols, range(2008, 2012))
    for number, row in enumerate(rows):
        row["company_name"] = NAMES[number // 4 % len(NAMES)]
        row["net_income_margin"] = "" if number % 3 else "-0.1"
        row["ebit_to_interest_expense"] = "" if number % 5 else "1e300"
        row["market_cap"] = "" if number % 2 else "12345678901.25"
    return write_csv(folder / "accounts.csv", rows)


def history_of(pair: Pair, folder: Path) -> Iterator[str]:
    """What happens to a source in its life, one change after the other."""
    pipeline = pair.source
    pipeline.load(accounts(folder))
    yield "the first load"
    newer = rows_of(["BRK.A", "S1", "S2", "NEW"], [2010, 2011])
    path = write_csv(folder / "newer.csv", with_roa(newer, 44.5))
    upload = pipeline.load(path, on_conflict="update").uploads[0]
    yield "a load that updates"
    rescore(pipeline, stricter(folder), 2009, 2011)
    yield "another model"
    withdraw(pipeline.installation, [upload.key])
    yield "a withdrawal"
    pipeline.load(path, on_conflict="update", force=True)
    yield "the same file again"


def test_every_change_is_brought_over_and_nothing_twice(
    pair: Pair, tmp_path: Path
) -> None:
    """All that may happen to a database happens to its copy."""
    for change in history_of(pair, tmp_path):
        report = pair.sync()
        assert not report.equal, change
        pair.require_equal()


def test_full_finds_what_no_moment_of_change_tells(pair: Pair, tmp_path: Path) -> None:
    """Somebody wrote into the copy by hand: values, a row less, a row more."""
    pair.source.load(accounts(tmp_path))
    pair.sync(FULL)
    copy = view_of(pair.target.url)
    first = copy.query("SELECT min(id) FROM annual_predictions")[0][0]
    text = "UPDATE annual_predictions SET return_on_assets = ? WHERE id = ?"
    copy.query(text, 99.0, first)
    copy.query("DELETE FROM annual_predictions WHERE id = ?", first + 1)
    copy.query("UPDATE companies SET name = ? WHERE symbol = ?", "x", "BRK.A")
    view_of(pair.database.url).query(
        "DELETE FROM annual_predictions WHERE id ="
        " (SELECT max(id) FROM annual_predictions)"
    )

    found = pair.sync(VERIFY)
    assert not found.equal
    report = pair.sync(FULL)

    counts = report.tables["annual_predictions"]
    assert (counts.inserted, counts.updated, counts.deleted) == (1, 1, 1)
    assert report.tables["companies"].updated == 1
    differing = {name: each.differing for name, each in found.tables.items()}
    assert differing == {name: each.differing for name, each in report.tables.items()}
    pair.require_equal()


def test_two_servers_become_equal(
    made: Made, mssql_url: sa.URL, other_server: sa.URL, tmp_path: Path
) -> None:
    """The usual pair: the server of loads and the one that reports are made from."""
    view_of(other_server)
    _emptied(other_server)
    pair = made(mssql_url, other_server)
    for _ in history_of(pair, tmp_path):
        pair.sync(replace(INCREMENTAL, workers=2))
        pair.require_equal()


def _emptied(url: sa.URL) -> None:
    """Drop the tables of the second server, whatever an earlier test left."""
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    found = sa.MetaData()
    with engine.begin() as connection:
        found.reflect(connection)
        found.drop_all(connection)


def test_one_database_of_a_server_is_not_its_own_copy(
    made: Made, mssql_url: sa.URL
) -> None:
    """Whichever driver names it, and however its host is spelt in capitals."""
    other = mssql_url.set(drivername="mssql+mssqlpython")
    other = other.difference_update_query(["driver"])
    pair = made(mssql_url, other)

    with pytest.raises(ConfigurationError, match="one database"):
        pair.sync()


@pytest.mark.parametrize("statements", range(1, 5))
def test_deadlocks_cost_an_attempt_and_no_row(
    made: Made,
    mssql_url: sa.URL,
    mssql_faults: sqlserver.Faults,
    tmp_path: Path,
    statements: int,
) -> None:
    """The server may choose anybody's transaction as its victim."""
    pair = made(None, mssql_url)
    pair.source.load(accounts(tmp_path))
    pair.target.create_tables()
    mssql_faults(deadlock_next=statements)

    _tried(pair)

    mssql_faults(**sqlserver.NO_FAULTS)
    pair.sync()
    pair.require_equal()


@pytest.mark.parametrize("rows", [1, 30, 400])
def test_a_connection_that_drops_leaves_whole_portions(
    made: Made,
    mssql_url: sa.URL,
    mssql_faults: sqlserver.Faults,
    tmp_path: Path,
    rows: int,
) -> None:
    """What is there is right as far as it goes, and the next one goes on."""
    pair = made(None, mssql_url)
    pair.source.load(write_many(tmp_path / "m.csv", range(100), range(2000, 2010)))
    pair.target.create_tables()
    mssql_faults(drop_after_bulk_rows=rows)

    _tried(pair, replace(INCREMENTAL, batch_size=100))

    mssql_faults(**sqlserver.NO_FAULTS)
    brought = content(pair.target.url)["annual_predictions"]
    assert set(brought) <= set(content(pair.database.url)["annual_predictions"])
    assert len(brought) % 10 == 0, "half a company"
    pair.sync(replace(INCREMENTAL, batch_size=100))
    pair.require_equal()
    assert view_of(pair.target.url).stages() == []


def _tried(pair: Pair, options: SyncOptions = INCREMENTAL) -> None:
    """A synchronisation that ends well, or says that it may do so later."""
    with contextlib.suppress(TransientError):
        pair.sync(options)
        assert content(pair.target.url) == content(pair.database.url)


def test_no_password_is_shown_where_a_server_refuses_the_login(
    made: Made, mssql_url: sa.URL, mssql_faults: sqlserver.Faults
) -> None:
    """An error ends up in a log."""
    pair = made(None, mssql_url)
    pair.database.create_tables()
    mssql_faults(refuse_logins=1_000)
    settings = pair.target.settings.model_copy(
        update={"retries": 1, "login_grace_seconds": 0.0}
    )

    with pytest.raises(BulkPipelineError, match="login") as refused:
        synchronise(pair.database, Database(mssql_url, settings), SyncOptions())

    assert str(mssql_url.password) not in str(refused.value)
