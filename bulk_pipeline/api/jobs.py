"""Endpoints that start jobs of Dagster; nothing runs in this process."""

from typing import Any

from fastapi import APIRouter, Request

from bulk_pipeline.adapters.dagster_jobs import DagsterDoor
from bulk_pipeline.api.models import DummyDataRequest, Launched, SyncRequest
from bulk_pipeline.api.refusals import Refusal, responses
from bulk_pipeline.core.errors import PermanentError, TransientError
from bulk_pipeline.defs.synchronisation.requests import SYNC_JOB, sync_run

router = APIRouter()
DUMMY_DATA = "dummy_data_job"


@router.post(
    "/ultra/generate-dummy-data",
    status_code=202,
    responses=responses(400, 408, 413),
    summary="Make dummy data",
)
def generate_dummy_data(request: Request, wanted: DummyDataRequest) -> Launched:
    """Start the job that makes rows of dummy data and stores them."""
    run_config = {"ops": {"dummy_data": {"config": wanted.model_dump()}}}
    return _launched(request, DUMMY_DATA, run_config, {})


@router.post(
    "/ultra/sync-data",
    status_code=202,
    responses=responses(400, 408, 413),
    summary="Synchronise the second database",
)
def sync_data(request: Request, wanted: SyncRequest) -> Launched:
    """Start the job that makes the second database equal to the first."""
    run_config, tags = sync_run(wanted.batch_size, wanted.parallel_workers)
    return _launched(request, SYNC_JOB, run_config, tags)


def _launched(
    request: Request, job: str, run_config: dict[str, Any], tags: dict[str, str]
) -> Launched:
    installation = request.app.state.door.installation
    try:
        dagster = DagsterDoor.of(installation.settings, installation.home)
        run_id = dagster.launch(job, run_config, tags)
    except TransientError as error:
        raise Refusal(
            503,
            "Dagster does not answer.",
            "Start `bulk-pipeline up`, or set BULK_PIPELINE_DAGSTER_URL to the address "
            "of its webserver.",
            {"Retry-After": "30"},
        ) from error
    except PermanentError as error:
        raise Refusal(
            422,
            f"Dagster does not start {job}.",
            "See whether the Dagster UI shows this job, and the server's log.",
        ) from error
    return Launched(run_id=run_id, job=job, run_url=dagster.run_url(run_id))
