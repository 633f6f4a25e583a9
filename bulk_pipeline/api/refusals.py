"""Refusals: one form for all of them, with what is wrong and what to do."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from bulk_pipeline.adapters.disk_space import is_full
from bulk_pipeline.api.models import Problem
from bulk_pipeline.core.errors import (
    BulkPipelineError,
    ConfigurationError,
    DatabaseUnavailable,
    ReplicaBehind,
    TransientError,
)

logger = logging.getLogger(__name__)
TRY_AGAIN_SECONDS = 5
AWAY_SECONDS = 60
MOST_FAULTS = 10
_SEE_DOCS = "See /openapi.json for what the API takes."
_ASK_OPERATOR = (
    "Ask the operator: `bulk-pipeline doctor` and the server's log say more."
)


@dataclass
class Refusal(Exception):
    """A request that is answered with a code other than success.

    Attributes:
        status: HTTP code.
        detail: what is wrong.
        cure: what to do.
        headers: more headers of the answer.
    """

    status: int
    detail: str
    cure: str
    headers: Mapping[str, str] = field(default_factory=dict)

    def response(self) -> JSONResponse:
        """The answer."""
        body = {"detail": self.detail, "cure": self.cure}
        return JSONResponse(body, self.status, headers=dict(self.headers))


def later(status: int, detail: str, seconds: int = TRY_AGAIN_SECONDS) -> Refusal:
    """A refusal of something that may work in so many seconds."""
    cure = f"Try again in {seconds} s."
    return Refusal(status, detail, cure, {"Retry-After": str(seconds)})


def responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """What OpenAPI says about the refusals of an endpoint, and of all behind tokens."""
    common = (401, 403, 422, 429, 500, 503)
    return {
        status: {"model": Problem, "description": HTTPStatus(status).phrase}
        for status in sorted({*common, *statuses})
    }


def add_handlers(app: FastAPI) -> None:
    """Give every error that leaves an endpoint its answer."""
    ours = (Refusal, RequestValidationError, HTTPException, BulkPipelineError, OSError)
    for kind in (*ours, Exception):
        app.add_exception_handler(kind, _answer)


async def _answer(request: Request, error: Exception) -> JSONResponse:
    found = refusal_of(error)
    if found.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        # What an error says may name hosts and folders: it goes to the log alone.
        logger.warning("%s %r: %s", request.method, request.url.path, error)
    return found.response()


def refusal_of(error: Exception) -> Refusal:
    """The refusal that an error means."""
    match error:
        case Refusal():
            found = error
        case RequestValidationError():
            found = Refusal(422, _faults(error), f"Correct it. {_SEE_DOCS}")
        case HTTPException():
            phrase = f"{HTTPStatus(error.status_code).phrase}."
            headers = error.headers or {}
            found = Refusal(error.status_code, phrase, _SEE_DOCS, headers)
        case DatabaseUnavailable():
            cure = f"Try again in a minute. {_ASK_OPERATOR}"
            wait = {"Retry-After": str(AWAY_SECONDS)}
            found = Refusal(503, "The database does not answer.", cure, wait)
        case ReplicaBehind():
            found = later(503, "The replica has not these rows yet.")
        case TransientError():
            found = later(503, "The database, the journal or a disk is busy or away.")
        case ConfigurationError():
            detail = "The server's settings do not allow this."
            found = Refusal(503, detail, _ASK_OPERATOR)
        case OSError() if is_full(error):
            found = Refusal(507, "The server's disk is full.", _ASK_OPERATOR)
        case _:
            found = Refusal(500, "The server failed.", _ASK_OPERATOR)
    return found


def _faults(error: RequestValidationError) -> str:
    """Each field and what is wrong with it, never its value."""
    found = (
        f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}"
        for fault in error.errors()[:MOST_FAULTS]
    )
    return f"{'; '.join(found)}."
