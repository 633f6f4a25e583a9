"""``GET /api/v1/uploads``: what became of uploads, and their rows as downloads."""

from pathlib import Path
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request
from fastapi.responses import StreamingResponse

from bulk_pipeline.adapters.dagster_jobs import DagsterDoor
from bulk_pipeline.adapters.exporting.export import Selection, export_rows
from bulk_pipeline.adapters.reject_lists import copy_reject_lists, reject_lists
from bulk_pipeline.adapters.replica_lag import lag_note
from bulk_pipeline.adapters.tick import require_answer
from bulk_pipeline.adapters.upload_pages import Standing, page, standing
from bulk_pipeline.api.door import Door
from bulk_pipeline.api.downloads import download
from bulk_pipeline.api.models import (
    ListFormat,
    ResultFormat,
    Upload,
    Uploads,
    UploadState,
)
from bulk_pipeline.api.refusals import Refusal, responses
from bulk_pipeline.core.errors import PermanentError, TransientError

router = APIRouter()
PREFIX = "/api/v1/uploads"
MOST_ON_A_PAGE, USUAL_ON_A_PAGE = 200, 50
LARGEST_OFFSET = 2**31
OPEN_STATES = ("received", "claimed", "waiting", "running")
KINDS = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "parquet": "application/vnd.apache.parquet",
}
_FILE = {"content": {kind: {} for kind in KINDS.values()}, "description": "The rows."}
_LOOK_AGAIN = "Ask again once its state says that it has ended."


@router.get("/uploads", responses=responses(), summary="List uploads")
def list_uploads(
    request: Request,
    state: UploadState | None = None,
    limit: Annotated[int, Query(ge=1, le=MOST_ON_A_PAGE)] = USUAL_ON_A_PAGE,
    offset: Annotated[int, Query(ge=0, le=LARGEST_OFFSET)] = 0,
) -> Uploads:
    """Uploads of this home, whoever sent them: waiting ones first, then the newest."""
    door: Door = request.app.state.door
    found, total = page(door.installation.journal, state, limit, offset)
    url = _ui_url(door)
    after = offset + limit
    asked = {"state": state, "limit": limit, "offset": after}
    given = {name: value for name, value in asked.items() if value is not None}
    return Uploads(
        uploads=[_shown(one, url) for one in found],
        total=total,
        limit=limit,
        offset=offset,
        next=f"{PREFIX}?{urlencode(given)}" if after < total else None,
    )


@router.get("/uploads/{key}", responses=responses(404), summary="One upload")
def one_upload(request: Request, key: str) -> Upload:
    """What became of one upload."""
    door: Door = request.app.state.door
    return _shown(_known(door, key), _ui_url(door))


@router.get(
    "/uploads/{key}/rejects",
    response_class=StreamingResponse,
    responses={200: _FILE, **responses(404, 409, 410)},
    summary="Its rejected rows",
)
def rejects(
    request: Request,
    key: str,
    file_format: Annotated[ListFormat, Query(alias="format")] = "csv",
) -> StreamingResponse:
    """The rows that were not stored, as they stood, with line, column and reason.

    404 where none is listed, 409 before the upload has ended, 410 where the list was
    retired with its batch.
    """
    door: Door = request.app.state.door
    known = _known(door, key)
    if known.report.state in OPEN_STATES:
        raise Refusal(409, f"Upload {key} has not ended yet.", _LOOK_AGAIN)
    if not known.report.reject_file:
        detail = f"No row of upload {key} is listed as rejected."
        raise Refusal(404, detail, "There is nothing to correct in a list.")

    def write(out: Path) -> None:
        try:
            found = reject_lists(door.installation, key)
        except PermanentError as error:
            raise Refusal(
                410,
                f"The reject list of upload {key} is gone.",
                "BULK_PIPELINE_KEEP_DAYS says how long one is kept; send the file "
                "again for a new one.",
            ) from error
        copy_reject_lists(found, key, out)

    name = _named(known, "rejects", file_format)
    return download(door, write, name, KINDS[file_format])


@router.get(
    "/uploads/{key}/results",
    response_class=StreamingResponse,
    responses={200: _FILE, **responses(404, 409, 507)},
    summary="Its scored rows",
)
def results(
    request: Request,
    key: str,
    file_format: Annotated[ResultFormat, Query(alias="format")] = "csv",
) -> StreamingResponse:
    """The scored rows of an upload: inputs, company, probability, level, model.

    409 unless the upload is loaded; 422 for more rows than a sheet holds; 503 while the
    replica, where one is read, has not the upload. A header says how far it lags.
    """
    door: Door = request.app.state.door
    known = _known(door, key)
    if known.report.state != "loaded":
        detail = f"Upload {key} is {known.report.state}: it has no rows of its own."
        cure = known.report.message or _LOOK_AGAIN
        raise Refusal(409, detail, cure)

    def write(out: Path) -> str | None:
        # One attempt: the export itself would try again for more than a minute.
        require_answer(door.installation.read_database)
        note = lag_note(door.installation, public=True)
        export_rows(door.installation, Selection(upload=key), out)
        return note

    name = _named(known, "results", file_format)
    return download(door, write, name, KINDS[file_format])


def _known(door: Door, key: str) -> Standing:
    found = standing(door.installation.journal, key)
    if found is None:
        raise Refusal(
            404,
            "There is no upload of that key.",
            f"See {PREFIX} for the keys of this home's uploads.",
        )
    return found


def _named(known: Standing, what: str, file_format: str) -> str:
    stem = known.report.file.rsplit(".", 1)[0] or "upload"
    return f"{stem}-{what}.{file_format}"


def _ui_url(door: Door) -> str | None:
    """Where people see runs; None where no Dagster is known."""
    installation = door.installation
    try:
        return DagsterDoor.of(installation.settings, installation.home).shown_url
    except TransientError:
        return installation.settings.ui_url.rstrip("/") or None


def _shown(one: Standing, ui_url: str | None) -> Upload:
    report, place = one.report, f"{PREFIX}/{one.report.key}"
    return Upload(
        key=report.key,
        file=report.file,
        bytes=one.bytes,
        state=report.state,  # type: ignore[arg-type]  # checked as it is put together
        submitted_by=report.submitted_by,
        received_at=one.received_at,
        changed_at=one.changed_at,
        message=report.message,
        batch=report.batch,
        retry_of=report.retry_of,
        attempts=one.attempts,
        rows_read=report.rows_read,
        inserted=report.inserted,
        updated=report.updated,
        duplicates=report.duplicates,
        duplicates_conflicting=report.duplicates_conflicting,
        rejected=report.rejected,
        rejected_by_reason=report.rejected_by_reason,
        warnings=list(report.warnings),
        seconds=report.seconds,
        rows_per_second=report.rows_per_second,
        tier=report.tier,
        run_id=report.run_id,
        status_url=place,
        run_url=f"{ui_url}/runs/{report.run_id}" if ui_url and report.run_id else None,
        rejects_url=f"{place}/rejects" if report.reject_file else None,
        results_url=f"{place}/results" if report.state == "loaded" else None,
    )
