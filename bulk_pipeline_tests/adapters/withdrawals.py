"""Three uploads whose rows replace one another, and how to take them out again."""

from dataclasses import replace

from bulk_pipeline.adapters.tables import annual_predictions
from bulk_pipeline.adapters.withdrawing import withdraw
from bulk_pipeline_tests.adapters.predictions import ROA, table
from bulk_pipeline_tests.builders import rows_of, write_csv

KEPT = tuple(c.name for c in annual_predictions.c if c.name != "id")
"""Columns of a stored row that the history keeps under the same names."""

STATE = (
    "SELECT symbol, reporting_year, reporting_quarter, net_income_margin,"
    " return_on_assets, probability, risk_level, confidence, models.sha256, file_name"
    " FROM annual_predictions p JOIN companies c ON c.id = company_id"
    " JOIN models ON models.id = p.model_id JOIN uploads u ON u.id = upload_id"
    " ORDER BY 1, 2, 3"
)
LEDGER = (
    "SELECT symbol, reporting_year, return_on_assets, file_name, reason,"
    " replaced_by_upload_id FROM annual_prediction_history h"
    " JOIN companies c ON c.id = company_id JOIN uploads u ON u.id = upload_id"
    " ORDER BY h.replaced_at, symbol"
)
NAMES = ("a.csv", "b.csv", "c.csv")
ROWS = {
    "a.csv": [("K", 1), ("L", 1), ("M", 1)],
    "b.csv": [("K", -20), ("L", -20), ("N", -20)],
    "c.csv": [("K", 40), ("M", 40), ("N", 40), ("O", 40)],
}
"""Symbol and return on assets of each row; every value names its upload."""


def file_of(folder, name, rows):
    """A file of rows that are each a symbol and its return on assets."""
    cells = [{**rows_of([symbol], [2001])[0], ROA: str(roa)} for symbol, roa in rows]
    return write_csv(folder / name, cells)


def loaded(pipeline, folder, *names):
    """Load some of the files in update mode; name → report."""
    return {
        name: pipeline.load(
            file_of(folder, name, ROWS[name]), on_conflict="update"
        ).uploads[0]
        for name in names
    }


def score_later(pipeline, folder, batch):
    """Run a batch again under another model."""
    later = folder / "later.json"
    shipped = pipeline.value("SELECT document FROM models")
    later.write_text(shipped + "\n")
    assert replace(pipeline, model=later).run(batch).figures.rows_written


def taken(pipeline, *keys):
    """What a withdrawal deleted and restored, upload by upload."""
    done = withdraw(pipeline.installation, keys)
    return [(upload.file, upload.deleted, upload.restored) for upload in done]


def everything(pipeline):
    """All that a withdrawal may change, row by row."""
    names = ("annual_predictions", "annual_prediction_history", "uploads")
    tables = [table(pipeline, name) for name in names]
    return tables, pipeline.installation.journal.uploads()
