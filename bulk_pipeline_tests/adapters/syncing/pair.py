"""Two databases with rows of our choice, and what they show by natural keys."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from bulk_pipeline.adapters.database import Database
from bulk_pipeline.adapters.settings import Settings
from bulk_pipeline.adapters.syncing.synchronising import synchronise
from bulk_pipeline.adapters.tables import (
    annual_prediction_history,
    annual_predictions,
    companies,
    models,
    uploads,
)
from bulk_pipeline.core.schema import RATIOS
from bulk_pipeline.core.syncing import SyncMode, SyncOptions, SyncReport

EPOCH = datetime(2026, 3, 1, 12, tzinfo=UTC)
TABLES = ("models", "uploads", "companies", "annual_predictions")


def at(minute: int) -> datetime:
    """A moment, so many minutes after noon."""
    return EPOCH + timedelta(minutes=minute)


@dataclass(frozen=True)
class Row:
    """One stored prediction, by numbers that stand for its key and its values."""

    company: int
    year: int = 2020
    quarter: str = "Q4"
    model: int = 0
    upload: int = 0
    value: float | None = 1.5
    stamp: int = 0


@dataclass(frozen=True)
class Content:
    """What a database holds; each number of a parent is a row of it.

    Attributes:
        models: number → name.
        uploads: number → number of its model, or with the minute of its withdrawal.
        companies: number → name and minute of its last change.
        rows: predictions; a key stands once.
        history: predictions that were replaced.
    """

    models: Mapping[int, str] = field(default_factory=dict)
    uploads: Mapping[int, tuple[int, int | None]] = field(default_factory=dict)
    companies: Mapping[int, tuple[str, int]] = field(default_factory=dict)
    rows: tuple[Row, ...] = ()
    history: tuple[Row, ...] = ()


def content(*rows: Row, history: Iterable[Row] = (), **given: Any) -> Content:
    """Rows, and every parent that they name."""
    all_rows = (*rows, *history)
    return Content(
        models={row.model: "model" for row in all_rows} | given.get("models", {}),
        uploads={row.upload: (row.model, None) for row in all_rows}
        | given.get("uploads", {}),
        companies={row.company: ("Company", 0) for row in all_rows}
        | given.get("companies", {}),
        rows=rows,
        history=tuple(history),
    )


def store(database: Database, what: Content) -> None:
    """Make the tables and put the content into them."""
    database.create_tables()
    database.writing(lambda connection: _store(connection, what))


def _store(connection: sa.Connection, what: Content) -> None:
    """Insert the content, parents first."""
    for number, name in what.models.items():
        connection.execute(models.insert(), [_model(number, name)])
    ids = {t.name: dict[int, int]() for t in (models, uploads, companies)}
    ids["models"] = _ids(connection, models.c.sha256, _sha256, what.models)
    for number, (model, withdrawn) in what.uploads.items():
        values = _upload(number, ids["models"][model], withdrawn)
        connection.execute(uploads.insert(), [values])
    ids["uploads"] = _ids(connection, uploads.c.upload_key, _upload_key, what.uploads)
    for number, (name, minute) in what.companies.items():
        connection.execute(companies.insert(), [_company(number, name, minute)])
    ids["companies"] = _ids(connection, companies.c.symbol, symbol, what.companies)
    for row in what.rows:
        connection.execute(annual_predictions.insert(), [_prediction(row, ids)])
    for row in what.history:
        replaced = {"prediction_id": 1, "replaced_at": at(9), "reason": "update"}
        values = _prediction(row, ids) | replaced
        connection.execute(annual_prediction_history.insert(), [values])


def _ids(
    connection: sa.Connection,
    key: sa.Column[str],
    name: Callable[[int], str],
    numbers: Iterable[int],
) -> dict[int, int]:
    """Number of a parent → its id."""
    rows = connection.execute(sa.select(key, key.table.c.id)).all()
    found = {key: int(row_id) for key, row_id in rows}
    return {number: found[name(number)] for number in numbers}


def symbol(number: int) -> str:
    """The symbol of a company."""
    return f"C{number}"


def _sha256(number: int) -> str:
    """The hash of a model."""
    return f"{number:064d}"


def _upload_key(number: int) -> str:
    """The key of an upload."""
    return f"upload-{number}"


def _model(number: int, name: str) -> dict[str, Any]:
    """A row of models."""
    return {
        "name": name,
        "sha256": _sha256(number),
        "kind": "scorecard",
        "document": None if name == "bare" else f'{{"name": "{name}"}}',
        "created_at": at(number),
    }


def _upload(number: int, model_id: int, withdrawn: int | None) -> dict[str, Any]:
    """A receipt."""
    counts = ("inserted", "updated", "duplicates", "duplicates_conflicting", "rejected")
    return {
        "upload_key": _upload_key(number),
        "batch_key": f"batch-{number}",
        "home_id": f"{number:032d}",
        "file_name": f"file {number}.csv",
        "sha256": f"{number:064d}",
        "options": "{}",
        "model_id": model_id,
        "rows_read": 1,
        **dict.fromkeys(counts, 0),
        "first_loaded_at": at(number),
        "last_loaded_at": at(number),
        "withdrawn_at": None if withdrawn is None else at(withdrawn),
    }


def _company(number: int, name: str, minute: int) -> dict[str, Any]:
    """A row of companies."""
    return {
        "symbol": symbol(number),
        "name": name,
        "sector": None if number % 2 else "Technology",
        "market_cap": None if number % 3 else 1e9,
        "created_at": at(0),
        "updated_at": at(minute),
    }


def _prediction(row: Row, ids: dict[str, dict[int, int]]) -> dict[str, Any]:
    """A row of predictions; of the history, with what that has besides."""
    return {
        "company_id": ids["companies"][row.company],
        "reporting_year": row.year,
        "reporting_quarter": row.quarter,
        **dict.fromkeys(RATIOS, row.value),
        "probability": 0.02,
        "risk_level": "MEDIUM",
        "confidence": 0.96,
        "model_id": ids["models"][row.model],
        "upload_id": ids["uploads"][row.upload],
        "created_at": at(0),
        "updated_at": at(row.stamp),
    }


def shown(database: Database) -> dict[str, list[tuple[Any, ...]]]:
    """Table → its rows in order, with natural keys in place of ids."""
    p, u, c, m = (t.alias() for t in (annual_predictions, uploads, companies, models))
    rows = p.join(c, c.c.id == p.c.company_id).join(u, u.c.id == p.c.upload_id)
    own = ("id", "company_id", "model_id", "upload_id")
    queries = {
        "models": sa.select(*_but(m, own)),
        "uploads": sa.select(*_but(u, own), m.c.sha256).join(m, m.c.id == u.c.model_id),
        "companies": sa.select(*_but(c, own)),
        "annual_predictions": sa.select(
            c.c.symbol, m.c.sha256, u.c.upload_key, *_but(p, own)
        ).select_from(rows.join(m, m.c.id == p.c.model_id)),
    }
    with database.reading() as connection:
        return {
            name: sorted((tuple(row) for row in connection.execute(query)), key=repr)
            for name, query in queries.items()
        }


def _but(table: sa.FromClause, without: Iterable[str]) -> list[sa.ColumnElement[Any]]:
    """Columns of a table without some."""
    return [column for column in table.c if column.key not in without]


@dataclass
class Pair:
    """A source and a target.

    Attributes:
        over_wire: whether rows go over a wire between two SQLite files.
    """

    source: Database
    target: Database
    over_wire: bool = False

    @classmethod
    def of_files(cls, folder: Path, *, over_wire: bool = False) -> "Pair":
        """Two files that do not exist yet."""
        home = {"BULK_PIPELINE_HOME": str(folder), "BULK_PIPELINE_BUSY_SECONDS": "10"}
        settings = Settings.from_environment({**home, "BULK_PIPELINE_RETRIES": "2"})
        source, target = (
            Database(sa.URL.create("sqlite", database=str(folder / name)), settings)
            for name in ("source.db", "target.db")
        )
        return cls(source, target, over_wire)

    def given(self, source: Content, target: Content) -> None:
        """Put content into both."""
        store(self.source, source)
        store(self.target, target)

    def sync(self, mode: SyncMode | str = SyncMode.FULL, **options: Any) -> SyncReport:
        """Bring the target to what the source has."""
        return synchronise(
            self.source,
            self.target,
            SyncOptions(SyncMode(mode), **options),
            over_wire=self.over_wire,
        )

    def close(self) -> None:
        """Close both."""
        self.source.dispose()
        self.target.dispose()
