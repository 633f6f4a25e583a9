"""Stored rows for another model, and how to score them with it."""

from collections.abc import Iterable
from pathlib import Path

from bulk_pipeline.adapters.active_model import activate
from bulk_pipeline.adapters.rescoring import Rescored, rescored_years
from bulk_pipeline_tests.adapters.harness import Pipeline, ratios
from bulk_pipeline_tests.builders import rows_of, write_csv

BAD = ratios(
    long_term_debt_to_total_capital=70,
    total_debt_to_ebitda=6,
    net_income_margin=-5,
    ebit_to_interest_expense=1,
    return_on_assets=-3,
)
EVERYTHING = "SELECT * FROM annual_predictions ORDER BY id"
HISTORY = "SELECT count(*) FROM annual_prediction_history"


def five_years(pipeline: Pipeline, folder: Path) -> Pipeline:
    """Three companies over 2008 to 2012; one is bad, one lacks all ratios but one."""
    rows = rows_of("ABC", range(2008, 2013))
    for row in rows:
        row.update(BAD if row["company_symbol"] == "B" else {})
        row.update(ratios(net_income_margin=1) if row["company_symbol"] == "C" else {})
    pipeline.load(write_csv(folder / "accounts.csv", rows))
    return pipeline


def rescore(pipeline: Pipeline, model: Path | None, *years: int) -> list[Rescored]:
    """Make a model the active one and score some years again."""
    active = activate(pipeline.installation.home, model)
    return list(rescored_years(pipeline.installation, active, years))


def rows_before(pipeline: Pipeline, years: Iterable[int]) -> list[tuple[object, ...]]:
    """Every column of the rows of some years."""
    wanted = ", ".join(str(year) for year in years)
    return pipeline.query(
        f"SELECT * FROM annual_predictions WHERE reporting_year IN ({wanted})"  # noqa: S608
        " ORDER BY id"
    )
