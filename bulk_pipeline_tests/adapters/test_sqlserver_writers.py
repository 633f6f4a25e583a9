"""SQL Server's tables beside the loader: the same laws and results as on SQLite."""

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pytest
import sqlalchemy as sa

from bulk_pipeline.adapters.active_model import activate
from bulk_pipeline.adapters.databases.stage import PREFIX
from bulk_pipeline.adapters.frames import companies_frame, predictions_frame
from bulk_pipeline.adapters.installation import Installation
from bulk_pipeline.adapters.register import register_companies
from bulk_pipeline.adapters.rescoring import outdated_years, rescored_years
from bulk_pipeline.adapters.tables import (
    annual_prediction_history,
    annual_predictions,
    companies,
    models,
    uploads,
)
from bulk_pipeline.adapters.taking_out import take_out
from bulk_pipeline.core.companies import COMPANY_SCHEMA
from bulk_pipeline.core.schema import RATIOS
from bulk_pipeline_tests.adapters import tsql
from bulk_pipeline_tests.adapters.harness import installation_in
from bulk_pipeline_tests.models import stricter

NOW = datetime(2024, 5, 1, tzinfo=UTC)
LATER = NOW + timedelta(days=1)
MOST_PARAMETERS = 2_100
"""Parameters of one statement, by Microsoft's capacity specifications."""

LONG_TEXT = "Ω'[]%_;-- ☃ 😀 " * 1_000
"""Longer than the 4,000 characters of a text that is no large object."""


@dataclass
class Heard:
    """What SQL Server was sent: statements and how often, and sets of parameters."""

    statements: Counter[str] = field(default_factory=Counter)
    parameters: list[int] = field(default_factory=list)

    def __call__(self, connection, _cursor, statement, given, *_: Any) -> None:
        """Note one statement; SQLAlchemy calls this before it is sent."""
        if connection.dialect.name == "mssql":
            self.statements[tsql.as_received(statement)] += 1
            self.parameters.append(len(given))


@pytest.fixture
def heard() -> Iterator[Heard]:
    """Listens to all that SQLAlchemy sends."""
    listener = Heard()
    sa.event.listen(sa.Engine, "before_cursor_execute", listener)
    yield listener
    sa.event.remove(sa.Engine, "before_cursor_execute", listener)


@pytest.fixture
def made(tmp_path: Path) -> Iterator[Callable[..., Installation]]:
    """Makes installations with tables; they are closed with the test."""
    opened: list[Installation] = []

    def installation(url: sa.URL | None = None, **variables: Any) -> Installation:
        """In a home of its own; without a URL its database is SQLite's."""
        given = {"BULK_PIPELINE_BUSY_SECONDS": 20, **variables}
        if url is not None:
            given["DATABASE_URL"] = url.render_as_string(hide_password=False)
        opened.append(installation_in(tmp_path / f"home{len(opened)}", **given))
        opened[-1].database.create_tables()
        return opened[-1]

    yield installation
    for one in opened:
        one.close()


@pytest.fixture
def server(made, mssql_url) -> Installation:
    """An installation whose database is SQL Server's."""
    return made(mssql_url)


def found(*rows: tuple[Any, ...]) -> pl.DataFrame:
    """Distinct companies: symbol, name, sector, market value."""
    whole = [(*row, *[None] * (4 - len(row)), False) for row in rows]
    return pl.DataFrame(whole, schema=COMPANY_SCHEMA, orient="row")


def read(installation: Installation, query: sa.Select[Any]) -> list[tuple[Any, ...]]:
    """Rows of a query."""
    with installation.database.reading() as connection:
        return [tuple(row) for row in connection.execute(query)]


def written(
    installation: Installation, rows: dict[sa.Table, list[dict[str, Any]]]
) -> None:
    """Add rows to tables, in this order."""
    with installation.database.engine.begin() as connection:
        for table, values in rows.items():
            if values:
                connection.execute(table.insert(), values)


def fill(installation: Installation, symbols: str, years: range) -> None:
    """Two uploads of an old model; the second has taken over every row of 2011."""
    old = dict.fromkeys(RATIOS, 1.5) | {RATIOS[-1]: None, RATIOS[0]: 61.25}
    score = {"probability": 0.01, "risk_level": "LOW", "confidence": 0.98}
    receipt = {"home_id": "0" * 32, "file_name": "a.csv", "options": "{}"}
    moments = {"created_at": NOW, "updated_at": NOW}
    model = {"name": "old", "sha256": "0" * 64, "kind": "scorecard"}
    rows = [(s, n, year) for n, s in enumerate(symbols, 1) for year in years]
    loaded = dict(receipt, model_id=1, first_loaded_at=NOW, last_loaded_at=NOW)
    key = [
        {"company_id": number, "reporting_year": year, "reporting_quarter": "Q4"}
        for _, number, year in rows
    ]
    stored = [
        {**one, **old, **score, **moments, "model_id": 1}
        | {"upload_id": 2 if one["reporting_year"] == 2011 else 1}
        for one in key
    ]
    history = [
        {**one, "prediction_id": number, "upload_id": 1, RATIOS[1]: 0.1 + 0.2}
        | {"replaced_at": LATER, "replaced_by_upload_id": 2, "reason": "update"}
        for number, one in enumerate(stored, 1)
        if one["upload_id"] == 2
    ]
    batch = {"batch_key": "b", "sha256": "1" * 64}
    written(
        installation,
        {
            companies: [{"symbol": s, "name": f"Name {s}", **moments} for s in symbols],
            models: [{**model, "document": LONG_TEXT, "created_at": NOW}],
            uploads: [{**loaded, **batch, "upload_key": key} for key in ("u1", "u2")],
            annual_predictions: stored,
            annual_prediction_history: history,
        },
    )


def both(made, mssql_url, act: Callable[[Installation], Any]) -> list[Any]:
    """What something does to SQLite and to SQL Server."""
    return [act(made()), act(made(mssql_url))]


def test_the_register_ends_the_same_everywhere(made, mssql_url) -> None:
    """Where the rows are kept must not decide what a file means."""
    first = found(("A", "Ay", None, 1.0), ("B", "Bee's", "Energy"), ("a", "small"))
    second = found(
        ("A", "AY", "Food", 2.0), ("B", "Bee's"), ("O'[%_]", "😀 ☃"), ("1E5", "x", "NA")
    )

    def act(installation: Installation) -> Any:
        counts = [
            register_companies(installation.database, rows, moment, policy)
            for rows, moment, policy in (
                (first, NOW, "keep"),
                (second, LATER, "keep"),
                (second, LATER, "keep"),
                (second, LATER, "overwrite"),
                (second, LATER, "overwrite"),
            )
        ]
        stored = sa.select(*(c for c in companies.c if c.name != "id"))
        return counts, sorted(read(installation, stored), key=str)

    sqlite, server = both(made, mssql_url, act)
    assert server == sqlite
    assert server[0] == [(3, 0), (2, 1), (0, 0), (0, 1), (0, 0)]


def test_eight_batches_at_once_create_each_company_once(server: Installation) -> None:
    """A second row for a symbol would split the history of its company."""

    def register(first: int) -> tuple[int, int]:
        rows = [(f"S{number}", "Name") for number in range(first, first + 200)]
        return register_companies(server.database, found(*rows), NOW, "keep")

    with ThreadPoolExecutor(8) as pool:
        counts = list(pool.map(register, range(0, 800, 100)))
    assert sum(created for created, _ in counts) == 900
    symbols = sa.select(sa.func.count(), sa.func.count(companies.c.symbol.distinct()))
    assert read(server, symbols) == [(900, 900)]


def test_a_foreign_writer_creates_a_company_or_we_do(server: Installation) -> None:
    """Others know nothing of our lock; their statement and ours wait for each other."""
    locked = sa.select(companies.c.id).where(companies.c.symbol == "A")
    locked = locked.with_hint(companies, "WITH (UPDLOCK, SERIALIZABLE)", "mssql")
    theirs = {"symbol": "A", "name": "Theirs", "created_at": NOW, "updated_at": NOW}
    counts: list[tuple[int, int]] = []

    def ours() -> None:
        rows = found(("A", "Ours"), ("B", "Ours"))
        counts.append(register_companies(server.database, rows, NOW, "keep"))

    thread = threading.Thread(target=ours)
    with server.database.engine.begin() as connection:
        assert not connection.execute(locked).all()
        connection.execute(companies.insert(), theirs)
        thread.start()
        thread.join(1)
        assert thread.is_alive()
    thread.join(30)
    assert counts == [(1, 0)]
    stored = sa.select(companies.c.symbol, companies.c.name)
    assert sorted(read(server, stored)) == [("A", "Theirs"), ("B", "Ours")]


def test_a_year_is_scored_again_as_everywhere(made, mssql_url, tmp_path) -> None:
    """Two databases of one company must not disagree about who is at risk."""
    model = stricter(tmp_path)

    def act(installation: Installation) -> Any:
        fill(installation, "ABCDE", range(2010, 2013))
        active = activate(installation.home, model)
        before = outdated_years(installation.database, active.sha256)
        years = [2010, 2011, 2010, 1999]
        done = [
            replace(one, seconds=0.0)
            for one in rescored_years(installation, active, years)
        ]
        after = outdated_years(installation.database, active.sha256)
        kept = ("replaced_at", "updated_at")
        tables = [
            sorted(read(installation, sa.select(*(table.c[n] for n in names))), key=str)
            for table, names in (
                (annual_predictions, [c.name for c in annual_predictions.c]),
                (annual_prediction_history, [c.name for c in companies_history()]),
                (models, ["id", "name", "sha256", "kind", "document"]),
            )
            for names in [[name for name in names if name not in kept]]
        ]
        return before, done, after, tables

    sqlite, server = both(made, mssql_url, act)
    assert server == sqlite
    assert server[0] == dict.fromkeys((2010, 2011, 2012), 5)
    assert server[2] == {2012: 5}
    assert [(d.rows_rescored, d.rows_already_current) for d in server[1]] == [
        (5, 0),
        (5, 0),
        (0, 5),
        (0, 0),
    ]
    assert LONG_TEXT in {row[4] for row in server[3][2]}


def companies_history() -> list[sa.Column[Any]]:
    """Columns of the history without its own number."""
    return [c for c in annual_prediction_history.c if c.name != "id"]


def test_rescoring_sends_no_statement_per_row(
    made, mssql_url, tmp_path, heard: Heard
) -> None:
    """A hundred thousand rows, one by one, are a hundred thousand waits."""
    installation = made(mssql_url, ULTRA_BATCH_SIZE=3)
    fill(installation, "ABCDEFG", range(2010, 2012))
    active = activate(installation.home, stricter(tmp_path))
    heard.statements.clear()
    heard.parameters.clear()
    [done] = rescored_years(installation, active, [2010])
    assert done.rows_rescored == 7
    updates = [text for text in heard.statements if text.startswith("UPDATE")]
    assert [heard.statements[text] for text in updates] == [1]
    assert max(heard.parameters) < 10


def test_an_upload_is_taken_out_as_everywhere(made, mssql_url) -> None:
    """What was replaced must come back the same, to the last bit of a ratio."""

    def act(installation: Installation) -> Any:
        fill(installation, "ABC", range(2010, 2013))
        taken = [
            installation.database.writing(lambda c, n=number: take_out(c, n, LATER))
            for number in (2, 2, 1)
        ]
        with_moments = sa.select(annual_predictions)
        mark = sa.select(uploads.c.upload_key, uploads.c.withdrawn_at)
        history = sa.select(*companies_history())
        queries = (with_moments, mark, history)
        return taken, [sorted(read(installation, q), key=str) for q in queries]

    sqlite, server = both(made, mssql_url, act)
    assert server == sqlite
    assert server[0] == [(0, 3), None, (9, 0)]
    assert {row[1] for row in server[1][1]} == {LATER}


def test_frames_are_the_same_everywhere(made, mssql_url) -> None:
    """A notebook must not know what database it reads."""

    def act(installation: Installation) -> list[pd.DataFrame]:
        fill(installation, "ABC", range(2010, 2013))
        database = installation.database
        return [
            companies_frame(database),
            predictions_frame(database),
            predictions_frame(database, batch="b", years=(2010, 2011)),
            predictions_frame(database, batch="nowhere"),
        ]

    for sqlite, server in zip(*both(made, mssql_url, act), strict=True):
        pd.testing.assert_frame_equal(server, sqlite, check_exact=True)


def test_more_receipts_than_parameters_are_found(made, mssql_url, heard: Heard) -> None:
    """Batches have hundreds of uploads, and a statement has 2,100 parameters."""
    installation = made(mssql_url)
    fill(installation, "A", range(2010, 2011))
    asked = [f"{number:064d}" for number in range(2_500)]
    receipts = installation.database.receipts([*asked, "1" * 64, *asked, "1" * 64])
    assert [receipt.upload_key for receipt in receipts] == ["u1", "u2"]
    assert max(heard.parameters) <= MOST_PARAMETERS


def test_all_that_is_sent_is_tsql_and_holds_no_value(
    made, mssql_url, tmp_path, heard: Heard
) -> None:
    """A test server may take what SQL Server refuses."""
    installation = made(mssql_url)
    heard.statements.clear()
    fill(installation, "ABC", range(2010, 2013))
    database = installation.database
    register_companies(database, found(("B", "secret")), NOW, "overwrite")
    register_companies(database, found(("X", "secret")), NOW, "keep")
    active = activate(installation.home, stricter(tmp_path))
    list(rescored_years(installation, active, [2010]))
    outdated_years(database, active.sha256)
    database.writing(lambda connection: take_out(connection, 2, LATER))
    predictions_frame(database, batch="b", years=(2010, 2011))
    companies_frame(database)
    database.receipts(["secret"])
    assert heard.statements
    for text in heard.statements:
        assert tsql.parsed(text)
        assert "secret" not in text


def test_nothing_is_left_behind(server: Installation, tmp_path) -> None:
    """Heaps that nobody drops fill the disk of somebody else."""
    fill(server, "ABC", range(2010, 2011))
    register_companies(server.database, found(("B", "Bee")), NOW, "keep")
    active = activate(server.home, stricter(tmp_path))
    list(rescored_years(server, active, [2010]))
    names = sa.inspect(server.database.engine).get_table_names()
    assert not [name for name in names if name.startswith(PREFIX)]
