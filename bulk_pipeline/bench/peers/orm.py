"""SQLAlchemy's ORM row by row: how this was done before rows were handled as sets.

Each row looks its company up or makes it, asks scikit-learn for one prediction, looks
for a stored row with its key, and commits.
"""

import secrets
import time
from contextlib import ExitStack
from typing import Any

import numpy as np
import sqlalchemy as sa
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from bulk_pipeline.adapters.model_store import estimator, load_model
from bulk_pipeline.bench.peers.child import Loaded, Request, answer
from bulk_pipeline.bench.peers.pandas import frame
from bulk_pipeline.core.risk import LevelThresholds
from bulk_pipeline.core.schema import RATIOS
from bulk_pipeline.core.scorecard import Scorecard

_OWN = f"bulk_pipeline_peer_{secrets.token_hex(4)}"  # no table of anybody's is met


class Base(DeclarativeBase):
    """Models of this peer alone."""


class Company(Base):
    """A company, known by its symbol."""

    __tablename__ = f"{_OWN}_companies"

    id: Mapped[int] = mapped_column(primary_key=True)
    symbol: Mapped[str] = mapped_column(sa.Unicode(40), unique=True)
    name: Mapped[str] = mapped_column(sa.Unicode(510))
    sector: Mapped[str | None] = mapped_column(sa.Unicode(200))
    market_cap: Mapped[float | None]


class Prediction(Base):
    """One company's accounts of one period, scored."""

    __tablename__ = f"{_OWN}_predictions"
    __table_args__ = (
        sa.UniqueConstraint(
            "company_id", "reporting_year", "reporting_quarter", name=f"uq_{_OWN}"
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    company_id: Mapped[int] = mapped_column(sa.ForeignKey(Company.id))
    reporting_year: Mapped[int]
    reporting_quarter: Mapped[str] = mapped_column(sa.Unicode(2))
    long_term_debt_to_total_capital: Mapped[float | None]
    total_debt_to_ebitda: Mapped[float | None]
    net_income_margin: Mapped[float | None]
    ebit_to_interest_expense: Mapped[float | None]
    return_on_assets: Mapped[float | None]
    probability: Mapped[float]
    risk_level: Mapped[str] = mapped_column(sa.Unicode(8))
    confidence: Mapped[float]


def load(request: Request) -> Loaded:
    """Read the file and store it a row at a time."""
    engine = sa.create_engine(request.url or f"sqlite:///{request.database}")
    model = load_model()
    if not isinstance(model.scorer, Scorecard):
        raise TypeError(model.scorer)  # the shipped model is a scorecard
    classifier = estimator(model.scorer)
    with ExitStack() as stack:
        stack.callback(engine.dispose)
        if request.url:
            stack.callback(Base.metadata.drop_all, engine)
        Base.metadata.create_all(engine)
        began = time.perf_counter()
        with Session(engine) as session:
            for row in frame(request).to_dict("records"):
                _store(session, row, classifier, model.thresholds)
                session.commit()
        seconds = time.perf_counter() - began
        with engine.connect() as connection:
            count = sa.select(sa.func.count()).select_from(Prediction)
            return Loaded(int(connection.scalar(count) or 0), seconds)


def _store(
    session: Session,
    row: dict[Any, Any],
    classifier: Any,
    thresholds: LevelThresholds,
) -> None:
    """One row, from its company to its insert."""
    named = sa.select(Company).where(Company.symbol == row["company_symbol"])
    company = session.scalar(named)
    if company is None:
        company = Company(
            symbol=row["company_symbol"],
            name=row["company_name"],
            sector=row["sector"],
            market_cap=row["market_cap"],
        )
        session.add(company)
        session.flush()
    ratios = [float(row[name]) for name in RATIOS]
    probability = float(classifier.predict_proba(np.array([ratios]))[0, 1])
    period = {name: row[name] for name in ("reporting_year", "reporting_quarter")}
    stored = sa.select(Prediction).filter_by(company_id=company.id, **period)
    if session.scalar(stored) is not None:
        return
    values = {
        name: None if np.isnan(value) else value
        for name, value in zip(RATIOS, ratios, strict=True)
    }
    session.add(
        Prediction(
            company_id=company.id,
            probability=probability,
            risk_level=_level(probability, thresholds),
            confidence=max(2 * abs(probability - 0.5), 0.5),
            **period,
            **values,
        )
    )


def _level(probability: float, thresholds: LevelThresholds) -> str:
    if probability > thresholds.critical:
        return "CRITICAL"
    if probability >= thresholds.high:
        return "HIGH"
    return "MEDIUM" if probability >= thresholds.medium else "LOW"


if __name__ == "__main__":
    answer(load)
