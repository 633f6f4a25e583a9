"""A load request and its result as JSON, for the process that loads in bulk."""

import json
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl

from bulk_pipeline.adapters.chunks import ChunkHandle
from bulk_pipeline.adapters.loaders.base import (
    LoadRequest,
    LoadResult,
    ModelRecord,
    UploadLoad,
    UploadOutcome,
)
from bulk_pipeline.core import errors
from bulk_pipeline.core.metrics import DatabaseFigures

_PATHS = ("repeated", "conflicts")
_HANDLES = ("rows", "scores")


def request_to_json(request: LoadRequest) -> dict[str, Any]:
    """A request as plain values; chunks travel as the path of their directory."""
    values = {
        name: getattr(request, name)
        for name in ("batch", "home_id", "update", "rows_per_insert")
    }
    handles = {name: getattr(request, name) for name in _HANDLES}
    return {
        **values,
        **{name: str(getattr(request, name)) for name in _PATHS},
        **{n: str(h.directory) if h else None for n, h in handles.items()},
        "companies": request.companies.to_list(),
        "uploads": [asdict(upload) for upload in request.uploads],
        "model": asdict(request.model),
        "now": request.now.isoformat(),
    }


def request_from_json(document: dict[str, Any]) -> LoadRequest:
    """The request again."""
    values = dict(document)
    for name in _PATHS:
        values[name] = Path(values[name])
    for name in _HANDLES:
        values[name] = ChunkHandle.open(Path(values[name])) if values[name] else None
    values["companies"] = pl.Series("symbol", values["companies"], dtype=pl.String)
    values["uploads"] = tuple(UploadLoad(**upload) for upload in values["uploads"])
    values["model"] = ModelRecord(**values["model"])
    values["now"] = datetime.fromisoformat(values["now"])
    return LoadRequest(**values)


def result_to_json(result: LoadResult) -> str:
    """A result as one line."""
    return json.dumps(asdict(result))


def result_from_json(line: str) -> LoadResult:
    """The result again, or the error that the other process reported.

    Raises:
        BulkPipelineError: of the class and with the message that were reported.
    """
    document = json.loads(line)
    if "error" in document:
        raised = getattr(errors, document["error"])
        raise raised(document["message"])
    outcomes = tuple(UploadOutcome(**outcome) for outcome in document["outcomes"])
    return LoadResult(
        outcomes,
        document["rows_written"],
        document["database_seconds"],
        DatabaseFigures(**document["asked"]),
    )


def error_to_json(error: errors.BulkPipelineError) -> str:
    """One of our errors as one line."""
    return json.dumps({"error": type(error).__name__, "message": str(error)})
