"""What the API says about itself: limits, the last load, and whether all is there."""

from collections.abc import Callable
from dataclasses import asdict

from anyio import to_thread
from fastapi import APIRouter, Request, Response

from bulk_pipeline.adapters.dagster_jobs import DagsterDoor
from bulk_pipeline.adapters.installation import Installation
from bulk_pipeline.adapters.run_history import last_loads
from bulk_pipeline.adapters.tick import require_database
from bulk_pipeline.api.door import Door
from bulk_pipeline.api.models import Check, Health, Limits, Metrics
from bulk_pipeline.api.refusals import Refusal, responses
from bulk_pipeline.core.errors import BulkPipelineError

router = APIRouter()
open_router = APIRouter()
"""What needs no token."""
_DOCTOR = "Run `bulk-pipeline doctor` on the server."


@router.get("/metrics/latest", responses=responses(404), summary="The last load")
def latest_metrics(request: Request) -> Metrics:
    """Figures of the last load of any batch."""
    door: Door = request.app.state.door
    loads = last_loads(door.installation.database, 1, recent=True)
    if not loads:
        raise Refusal(404, "Nothing has been loaded yet.", "Send a file first.")
    return Metrics(**asdict(loads[0]))


@router.get("/limits", responses=responses(), summary="What is taken")
def limits(request: Request) -> Limits:
    """What the API takes, and from whom."""
    settings = request.app.state.door.installation.settings
    return Limits(
        upload_bytes=settings.api_upload_bytes,
        pattern=settings.inbox_pattern,
        user=request.state.user,
    )


@open_router.get(
    "/health",
    responses={503: {"model": Health, "description": "Something is away."}},
    summary="Whether all is there",
)
async def health(request: Request, response: Response) -> Health:
    """Whether database, journal and Dagster answer; needs no token, tells no secret."""
    door: Door = request.app.state.door
    # What is away takes its time to say so; who waits here keeps no thread from others.
    found = await to_thread.run_sync(_looked, door.installation, limiter=door.looking)
    if not (found.database.ok and found.journal.ok and found.dagster.ok):
        found.status = "failing"
        response.status_code = 503
    return found


def _looked(installation: Installation) -> Health:
    def look_at_dagster() -> None:
        DagsterDoor.of(installation.settings, installation.home).look()

    return Health(
        status="ok",
        database=_check("The database", lambda: require_database(installation)),
        journal=_check("The journal", installation.journal.home_id),
        dagster=_check("Dagster", look_at_dagster),
    )


def _check(what: str, ask: Callable[[], object]) -> Check:
    try:
        ask()
    except (BulkPipelineError, OSError):
        return Check(ok=False, detail=f"{what} does not answer.", cure=_DOCTOR)
    return Check(ok=True, detail=f"{what} answers.", cure="")
