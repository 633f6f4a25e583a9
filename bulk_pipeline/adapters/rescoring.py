"""Scoring stored rows again with the active model, one reporting year at a time.

A year is one transaction: its rows, their history and the counts that prove them
equal. Rows that have the model already are left alone, so doing it again does
nothing. Ratios and owners of rows are never changed here.
"""

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import polars as pl
import sqlalchemy as sa

from bulk_pipeline.adapters.active_model import ActiveModel, kept_model, model_record
from bulk_pipeline.adapters.database import Database
from bulk_pipeline.adapters.databases.base import Scratch
from bulk_pipeline.adapters.installation import Installation
from bulk_pipeline.adapters.model_store import Model
from bulk_pipeline.adapters.scoring import SCORE_COLUMNS
from bulk_pipeline.adapters.tables import (
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
    "prediction_id": pl.Int64(),
    **dict.fromkeys(RATIOS, pl.Float64()),
}


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
            database = installation.database
            work = _Year(database, year, model, rows_at_once, datetime.now(UTC))
            due, current, moves = database.writing(work.rescore)
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


def _columns() -> list[sa.Column[Any]]:
    """Columns of the rows of a year that are due, and their new scores."""
    p = annual_predictions.c
    number = sa.Column(
        "prediction_id", p.id.type, primary_key=True, autoincrement=False
    )
    return [number, *(sa.Column(name, p[name].type) for name in SCORE_COLUMNS)]


def _collected(scores: sa.Table) -> sa.ColumnElement[bool]:
    """Pairs of a stored row and its new score.

    The first condition says no more than the second, but without it SQLite reads the
    whole table for every year.
    """
    stored, number = annual_predictions.c.id, scores.c.prediction_id
    return sa.and_(stored.in_(sa.select(number).scalar_subquery()), stored == number)


def _count(rows: sa.ColumnElement[bool]) -> sa.Select[int]:
    return sa.select(sa.func.count()).select_from(annual_predictions).where(rows)


@dataclass(frozen=True, slots=True)
class _Year:
    """One year's transaction; may run more than once."""

    database: Database
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
        with self.database.scratch(connection, "rescoring", _columns()) as scratch:
            due, scored_rows = self._score(connection, model_id, scratch)
            scores = scratch.table
            history = connection.execute(self._keep_history(scores)).rowcount
            moves = _moves(connection, scores)
            replaced = connection.execute(self._replace(model_id, scores)).rowcount
        counts = {
            "read": due,
            "scored": scored_rows,
            "kept in the history": history,
            "replaced": replaced,
        }
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

    def _score(
        self, connection: sa.Connection, model_id: int, scratch: Scratch
    ) -> tuple[int, int]:
        """Score the rows that are due, so many at once; rows read and rows scored."""
        p = annual_predictions.c
        query = sa.select(p.id, *(p[name] for name in RATIOS))
        result = connection.execute(query.where(_due(self.year, model_id)))
        read = scored_rows = 0
        for rows in result.partitions(self.rows_at_once):
            found = pl.DataFrame(rows, schema=_READ, orient="row")
            probabilities = self.model.probabilities(ratio_matrix(found))
            scores = scored(found, probabilities, self.model.thresholds)
            new = scores.select("prediction_id", *SCORE_COLUMNS)
            scored_rows += scratch.fill(new.cast({"risk_level": pl.String}))
            read += found.height
        return read, scored_rows

    def _keep_history(self, scores: sa.Table) -> sa.Insert:
        """Put the rows as they stand into the history; no upload replaced them."""
        p, h = annual_predictions.c, annual_prediction_history.c
        added = {
            "replaced_at": sa.literal(self.now, h.replaced_at.type),
            "replaced_by_upload_id": sa.null(),
            "reason": sa.literal(REASON_RESCORE, h.reason.type),
        }
        kept = (p[name] for name in _KEPT)
        rows = sa.select(p.id, *kept, *added.values()).where(_collected(scores))
        return annual_prediction_history.insert().from_select(
            ["prediction_id", *_KEPT, *added], rows
        )

    def _replace(self, model_id: int, scores: sa.Table) -> sa.Update:
        return (
            annual_predictions.update()
            .where(_collected(scores))
            .values({name: scores.c[name] for name in SCORE_COLUMNS})
            .values(model_id=model_id, updated_at=self.now)
        )


def _moves(connection: sa.Connection, scores: sa.Table) -> dict[tuple[str, str], int]:
    """(Level before, level now) → rows, before the rows are replaced."""
    was, now = annual_predictions.c.risk_level, scores.c.risk_level
    query = (
        sa.select(was, now, sa.func.count())
        .where(_collected(scores), was != now)
        .group_by(was, now)
    )
    found = {(a, b): int(rows) for a, b, rows in connection.execute(query)}
    return {(a, b): found[a, b] for a in LEVELS for b in LEVELS if (a, b) in found}
