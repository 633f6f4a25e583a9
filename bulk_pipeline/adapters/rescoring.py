"""Scoring stored rows again with the active model, one reporting year at a time.

A year is one transaction: its rows, their history and the counts that prove them
equal. Rows that have the model already are left alone, so doing it again does
nothing. Ratios and owners of rows are never changed here.
"""

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import polars as pl
import sqlalchemy as sa
from sqlalchemy.schema import CreateTable, DropTable

from bulk_pipeline.adapters.active_model import ActiveModel, kept_model, model_record
from bulk_pipeline.adapters.database import Database
from bulk_pipeline.adapters.installation import Installation
from bulk_pipeline.adapters.model_store import Model
from bulk_pipeline.adapters.scoring import SCORE_COLUMNS
from bulk_pipeline.adapters.tables import (
    UtcMoment,
    annual_prediction_history,
    annual_predictions,
    companies,
    models,
)
from bulk_pipeline.core.errors import AccountingError
from bulk_pipeline.core.risk import LEVELS, scored
from bulk_pipeline.core.schema import RATIOS
from bulk_pipeline.core.scorecard import ratio_matrix

REASON_RESCORE = "rescore"
_KEPT = tuple(c.name for c in annual_predictions.c if c.name != "id")
_READ: dict[str, pl.DataType] = {
    "scored_id": pl.Int64(),
    **dict.fromkeys(RATIOS, pl.Float64()),
}
_rescoring = sa.Table(
    "rescoring",
    sa.MetaData(schema="temp"),
    sa.Column("prediction_id", sa.Integer, primary_key=True),
    *(sa.Column(name, annual_predictions.c[name].type) for name in SCORE_COLUMNS),
)
"""The rows of a year that are due, and their new scores; goes with the transaction."""


@dataclass(frozen=True, slots=True)
class Rescored:
    """What scoring a year again did.

    Attributes:
        year: reporting year.
        rows_rescored: rows that had a score of another model.
        rows_already_current: rows that had the model's score and were left alone.
        moves: (level before, level now) → rows, where the two differ.
        seconds: all of it, the wait for the write lock included.
    """

    year: int
    rows_rescored: int
    rows_already_current: int
    moves: dict[tuple[str, str], int]
    seconds: float

    def moved_to(self, level: str) -> int:
        """Rows that have this level now and had another before."""
        return sum(rows for (_, now), rows in self.moves.items() if now == level)

    def moved_from(self, level: str) -> int:
        """Rows that had this level before and have another now."""
        return sum(rows for (was, _), rows in self.moves.items() if was == level)


def rescored_years(
    installation: Installation, active: ActiveModel, years: Iterable[int]
) -> Iterator[Rescored]:
    """Score the stored rows of some years again with a model of the home.

    Each year is committed before the next one starts: after a failure the years
    before it stay scored, and the same call again goes on where it stopped.

    Raises:
        ModelRefused: the model cannot score; nothing of the year was stored.
        AccountingError: counts disagree; nothing of the year was stored.
        TransientError: the database stayed busy.
    """
    model = kept_model(installation.home, active)
    rows_at_once = installation.settings.batch_size
    for year in years:
        started = time.perf_counter()
        due, current = _due_and_current(installation.database, model, year)
        moves: dict[tuple[str, str], int] = {}
        if due:
            work = _Year(year, model, rows_at_once, datetime.now(UTC))
            due, current, moves = installation.database.writing(work.rescore)
        yield Rescored(year, due, current, moves, time.perf_counter() - started)


def outdated_years(database: Database, sha256: str) -> dict[int, int]:
    """Year → stored rows whose score is of another model than the one of this hash."""
    p = annual_predictions.c
    query = (
        sa.select(p.reporting_year, sa.func.count())
        .join(models, models.c.id == p.model_id)
        .where(models.c.sha256 != sha256)
        .group_by(p.reporting_year)
        .order_by(p.reporting_year)
    )
    with database.reading() as connection:
        return {int(year): int(rows) for year, rows in connection.execute(query)}


def _due_and_current(database: Database, model: Model, year: int) -> tuple[int, int]:
    """Rows of a year without and with the model's score; waits for no writer."""
    with database.reading() as connection:
        found = connection.scalar(_model_id(model))
        due = connection.execute(_count(_due(year, found or 0))).scalar_one()
        total = connection.execute(_count(_of_year(year))).scalar_one()
    return due, total - due


def _model_id(model: Model) -> sa.Select[int]:
    return sa.select(models.c.id).where(models.c.sha256 == model.sha256)


def _of_year(year: int) -> sa.ColumnElement[bool]:
    """Rows of a year; by way of the companies, the key's index finds them."""
    p = annual_predictions.c
    return sa.and_(
        p.company_id.in_(sa.select(companies.c.id)), p.reporting_year == year
    )


def _due(year: int, model_id: int) -> sa.ColumnElement[bool]:
    return sa.and_(_of_year(year), annual_predictions.c.model_id != model_id)


def _collected() -> sa.ColumnElement[bool]:
    """Pairs of a stored row and its new score.

    The first condition says no more than the second, but without it SQLite reads the
    whole table for every year.
    """
    stored, number = annual_predictions.c.id, _rescoring.c.prediction_id
    return sa.and_(stored.in_(sa.select(number).scalar_subquery()), stored == number)


def _count(rows: sa.ColumnElement[bool]) -> sa.Select[int]:
    return sa.select(sa.func.count()).select_from(annual_predictions).where(rows)


@dataclass(frozen=True, slots=True)
class _Year:
    """One year's transaction; may run more than once."""

    year: int
    model: Model
    rows_at_once: int
    now: datetime

    def rescore(
        self, connection: sa.Connection
    ) -> tuple[int, int, dict[tuple[str, str], int]]:
        """Rows scored again, rows left alone, and how levels moved."""
        model_id = self._registered(connection)
        total = connection.execute(_count(_of_year(self.year))).scalar_one()
        connection.execute(CreateTable(_rescoring))
        due = connection.execute(self._collect(model_id)).rowcount
        counts = {
            "read": due,
            "scored": self._score(connection),
            "kept in the history": connection.execute(self._keep_history()).rowcount,
        }
        moves = _moves(connection)
        counts["replaced"] = connection.execute(self._replace(model_id)).rowcount
        connection.execute(DropTable(_rescoring))
        left = connection.execute(_count(_due(self.year, model_id))).scalar_one()
        if set(counts.values()) != {due} or left:
            said = ", ".join(f"{rows} {what}" for what, rows in counts.items())
            raise AccountingError(
                f"Rows of {self.year} to score again: {said}, {left} left. These must "
                "be equally many and none left. Nothing of this year was changed; "
                "report this."
            )
        return due, total - due, moves

    def _registered(self, connection: sa.Connection) -> int:
        """The model's id in ``models``, where it is entered if it is not there."""
        found = connection.scalar(_model_id(self.model))
        if found is not None:
            return found
        record = model_record(self.model)
        connection.execute(
            models.insert(),
            {
                "name": record.name,
                "sha256": record.sha256,
                "kind": record.kind,
                "document": record.document,
                "created_at": self.now,
            },
        )
        return connection.execute(_model_id(self.model)).scalar_one()

    def _collect(self, model_id: int) -> sa.Insert:
        due = sa.select(annual_predictions.c.id).where(_due(self.year, model_id))
        return _rescoring.insert().from_select(["prediction_id"], due)

    def _score(self, connection: sa.Connection) -> int:
        """Score the collected rows, so many at once; returns how many."""
        number = _rescoring.c.prediction_id
        enter = _rescoring.update().where(number == sa.bindparam("scored_id"))
        rows, last = 0, 0
        while True:
            query = (
                sa.select(
                    number.label("scored_id"),
                    *(annual_predictions.c[name] for name in RATIOS),
                )
                .join(annual_predictions, annual_predictions.c.id == number)
                .where(number > last)
                .order_by(number)
                .limit(self.rows_at_once)
            )
            found = pl.read_database(query, connection, schema_overrides=_READ)
            if found.is_empty():
                return rows
            probabilities = self.model.probabilities(ratio_matrix(found))
            scores = scored(found, probabilities, self.model.thresholds)
            values = scores.select("scored_id", *SCORE_COLUMNS).to_dicts()
            rows += connection.execute(enter, values).rowcount
            last = values[-1]["scored_id"]

    def _keep_history(self) -> sa.Insert:
        """Put the rows as they stand into the history; no upload replaced them."""
        p, h = annual_predictions.c, annual_prediction_history.c
        added = {
            "replaced_at": sa.literal(self.now, UtcMoment()),
            "replaced_by_upload_id": sa.null(),
            "reason": sa.literal(REASON_RESCORE, h.reason.type),
        }
        kept = (p[name] for name in _KEPT)
        rows = sa.select(p.id, *kept, *added.values()).where(_collected())
        return annual_prediction_history.insert().from_select(
            ["prediction_id", *_KEPT, *added], rows
        )

    def _replace(self, model_id: int) -> sa.Update:
        return (
            annual_predictions.update()
            .where(_collected())
            .values({name: _rescoring.c[name] for name in SCORE_COLUMNS})
            .values(model_id=model_id, updated_at=self.now)
        )


def _moves(connection: sa.Connection) -> dict[tuple[str, str], int]:
    """(Level before, level now) → rows, before the rows are replaced."""
    was, now = annual_predictions.c.risk_level, _rescoring.c.risk_level
    query = (
        sa.select(was, now, sa.func.count())
        .where(_collected(), was != now)
        .group_by(was, now)
    )
    found = {(a, b): int(rows) for a, b, rows in connection.execute(query)}
    return {(a, b): found[a, b] for a in LEVELS for b in LEVELS if (a, b) in found}
