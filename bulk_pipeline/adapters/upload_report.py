"""The record of one upload that people and programs read."""

import json
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from bulk_pipeline.core.metrics import STAGES


@dataclass(frozen=True, slots=True)
class UploadReport:
    """What became of one upload; the record that people and programs read.

    ``seconds``, ``stages``, ``rows_per_second``, ``tier``, ``peak_memory_bytes`` are
    those of its batch. ``duplicates`` include the conflicting ones. ``notices`` is the
    kind of each warning and how many cells, rows or columns it is about.
    """

    key: str
    file: str
    state: str
    sha256: str = ""
    rows_read: int = 0
    inserted: int = 0
    updated: int = 0
    duplicates: int = 0
    duplicates_conflicting: int = 0
    rejected: int = 0
    reject_file: str | None = None
    seconds: float = 0.0
    stages: dict[str, float] = field(default_factory=lambda: dict.fromkeys(STAGES, 0.0))
    rows_per_second: float = 0.0
    tier: str = ""
    peak_memory_bytes: int = 0
    run_id: str = ""
    message: str = ""
    rejected_by_reason: dict[str, int] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    notices: dict[str, int] = field(default_factory=dict)
    batch: str = ""
    submitted_by: str = ""
    retry_of: str = ""


def report_of(row: sa.Row[Any]) -> UploadReport:
    """The report of a row of the journal; its columns count, not its saved text."""
    known = {
        "key": row.key,
        "file": row.file,
        "state": row.state,
        "run_id": row.run_id,
        "message": row.message,
        "batch": row.batch,
        "submitted_by": row.submitted_by,
        "retry_of": row.retry_of,
    }
    saved = {**json.loads(row.report), **known}
    return UploadReport(**{**saved, "warnings": tuple(saved.get("warnings", ()))})


def shown(moment: datetime) -> str:
    """A moment as people read it, UTC."""
    return f"{moment:%Y-%m-%d %H:%M} UTC"
