"""The application: every endpoint behind the guard."""

from importlib.metadata import version

from fastapi import APIRouter, Depends, FastAPI
from fastapi.security import HTTPBearer

from bulk_pipeline.api import jobs, pages, receiving, standing, uploads
from bulk_pipeline.api.door import Door
from bulk_pipeline.api.guard import Guard
from bulk_pipeline.api.refusals import add_handlers

_DESCRIPTION = (
    "A door to the inbox and the jobs of bulk_pipeline. Every refusal says what is "
    "wrong (detail) and what to do (cure). A token is needed unless the server answers "
    "this machine only."
)
_TOKEN = HTTPBearer(
    auto_error=False, description="Made by `bulk-pipeline tokens add USER`."
)
"""For the description alone: the guard asks for tokens before anything is read."""


def build_app(door: Door) -> Guard:
    """The application that serves an installation; opens nothing by itself."""
    app = FastAPI(
        title="bulk_pipeline",
        version=version("bulk-pipeline"),
        description=_DESCRIPTION,
        docs_url=None,  # its script would come from a foreign host
        redoc_url=None,
        redirect_slashes=False,  # a redirect repeats the Host that a client gave
    )
    app.state.door = door
    add_handlers(app)
    behind = APIRouter(prefix="/api/v1", dependencies=[Depends(_TOKEN)])
    for part in (receiving.router, jobs.router, uploads.router, standing.router):
        behind.include_router(part)
    app.include_router(behind)
    app.include_router(standing.open_router)
    app.include_router(pages.router)
    return Guard(app, door)
