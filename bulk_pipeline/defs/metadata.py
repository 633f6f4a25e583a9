"""What people see of a batch in Dagster: plain finite numbers, never rows."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import dagster as dg

from bulk_pipeline.adapters.batch_report import BatchFigures
from bulk_pipeline.adapters.publishing import Published
from bulk_pipeline.adapters.reports import UploadReading
from bulk_pipeline.core.notices import counted
from bulk_pipeline.core.performance_card import performance_card
from bulk_pipeline.core.schema import RATIO_COLUMNS

TABLE_ROWS = 50
"""Rows of a table in metadata; more would slow the page and swell the event log."""

PREDICTION_COLUMNS = dg.TableSchema(
    columns=[
        dg.TableColumn("company_id", "integer", "The company in `companies`."),
        dg.TableColumn("reporting_year", "integer", "Year of the accounts."),
        dg.TableColumn("reporting_quarter", "string", "Q1 to Q4, or FY."),
        *(
            dg.TableColumn(c.name, "float", f"{c.description} Unit: {c.unit}.")
            for c in RATIO_COLUMNS
        ),
        dg.TableColumn("probability", "float", "Probability of default, 0 to 1."),
        dg.TableColumn("risk_level", "string", "LOW, MEDIUM, HIGH or CRITICAL."),
        dg.TableColumn("confidence", "float", "max(2·|p - 0.5|, 0.5)."),
        dg.TableColumn("model_id", "integer", "The model in `models`."),
        dg.TableColumn("upload_id", "integer", "The receipt in `uploads`."),
    ]
)


def figures_metadata(figures: BatchFigures) -> dict[str, Any]:
    """The figures of a batch under flat names, so that the UI plots each of them.

    Rounded to a millionth, since the UI shows every digit of a number.
    """
    values = asdict(figures)
    stages = values.pop("stages")
    counts, database = values.pop("counts"), values.pop("database")
    seconds = {f"seconds_{stage}": value for stage, value in stages.items()}
    found = {**counts, **values, "tier": str(figures.tier), **seconds, **database}
    return {
        name: round(value, 6) if isinstance(value, float) else value
        for name, value in found.items()
    }


def card_metadata(published: Published) -> dg.MarkdownMetadataValue:
    """The performance card of a load; Dagster shows it as a page of its own."""
    figures = published.figures
    return dg.MetadataValue.md(
        performance_card(
            published.load,
            published.before,
            figures.database_seconds,
            figures.database,
        )
    )


def uploads_table(readings: Sequence[UploadReading]) -> dg.TableMetadataValue:
    """Which files are in a batch and what reading made of them; at most 50."""
    records = [
        dg.TableRecord(
            {
                "file": reading.file_name,
                "key": reading.key,
                "outcome": reading.state,
                "rows_read": reading.rows_read,
                "rejected": reading.rejected,
                "message": reading.message[:300],
            }
        )
        for reading in readings[:TABLE_ROWS]
    ]
    return dg.MetadataValue.table(records)


def warnings_metadata(readings: Sequence[UploadReading]) -> dict[str, Any]:
    """How much is odd about the files of a batch, by kind, and the first sentences.

    The journal keeps every sentence.
    """
    notices = [notice for reading in readings for notice in reading.notices]
    records = [
        dg.TableRecord(
            {
                "file": reading.file_name,
                "kind": str(notice.kind),
                "count": notice.count,
                "warning": notice.text[:300],
            }
        )
        for reading in readings
        for notice in reading.notices
    ]
    found: dict[str, Any] = {"warnings": len(notices)}
    if records:
        found["warnings_by_kind"] = counted(notices)
        found["warnings_listed"] = dg.MetadataValue.table(records[:TABLE_ROWS])
    return found
