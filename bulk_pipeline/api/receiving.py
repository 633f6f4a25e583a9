"""``POST /api/v1/ultra/process-excel``: a file on its way into the inbox."""

from anyio import to_thread
from fastapi import APIRouter, Request, Response

from bulk_pipeline.adapters.receiving import Arrival, why_unwanted
from bulk_pipeline.adapters.reservations import Reservation
from bulk_pipeline.api.bodies import Body, ClientGone, too_large
from bulk_pipeline.api.door import Door
from bulk_pipeline.api.models import Accepted
from bulk_pipeline.api.multipart import OneFile
from bulk_pipeline.api.refusals import Refusal, later, responses
from bulk_pipeline.core.errors import BulkPipelineError

router = APIRouter()
WRITTEN_BYTES = 256 * 1024
"""Written to the disk at once: fewer turns of a thread, and little memory."""
FORM_BYTES = 16 * 1024
"""What the form around a file may take."""
_FORM = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "additionalProperties": False,
                    "properties": {"file": {"type": "string", "format": "binary"}},
                }
            }
        },
    }
}


@router.post(
    "/ultra/process-excel",
    status_code=202,
    response_model=Accepted,
    responses=responses(400, 408, 413, 415, 507),
    openapi_extra=_FORM,
    summary="Hand in a file",
)
async def process_excel(request: Request) -> Accepted | Response:
    """Put a file into the inbox; CSV, XLSX, XLS, XLSB, ODS, or one of them packed.

    It lies in the inbox whole or not at all. The key asks what became of it. A file
    that was handed in twice is loaded once.
    """
    door: Door = request.app.state.door
    if not door.arriving.acquire(blocking=False):
        raise later(429, "Too many files arrive at once.")
    body = Body(request.receive)
    try:
        promise = await _received(request, door, body)
    except (Refusal, BulkPipelineError, OSError):
        if "expect" not in request.headers:
            await body.drain()
        raise
    except ClientGone:
        return Response(status_code=400)  # nobody reads it
    finally:
        door.arriving.release()
    return Accepted(
        key=promise.key,
        file=promise.file,
        bytes=promise.bytes,
        status_url=f"/api/v1/uploads/{promise.key}",
    )


async def _received(request: Request, door: Door, body: Body) -> Reservation:
    """The file of a request, in the inbox."""
    settings = door.installation.settings
    most = settings.api_upload_bytes
    form = OneFile(request.headers.get("content-type", ""))
    length = request.headers.get("content-length", "")
    if length.isascii() and length.isdigit() and int(length) > most + FORM_BYTES:
        raise too_large(most)
    arriving = _Arriving(door, request.state.user, most)
    try:
        async for piece in body.pieces(most + FORM_BYTES):
            found = form.feed(piece)
            if form.name:
                await arriving.take(form.name, found)
        form.end()
        return await arriving.finish(form.name)
    finally:
        arriving.close()


class _Arriving:
    """A file that is written once its name is known to be wanted."""

    def __init__(self, door: Door, user: str, most: int) -> None:
        self._installation, self._user, self._most = door.installation, user, most
        self._arrival: Arrival | None = None
        self._pending = bytearray()
        self._came = 0

    async def take(self, name: str, content: bytearray) -> None:
        """Take some bytes of the file."""
        if self._arrival is None:
            await self._begin(name)
        self._came += len(content)
        if self._came > self._most:
            raise too_large(self._most)
        self._pending += content
        if len(self._pending) >= WRITTEN_BYTES:
            await self._write()

    async def finish(self, name: str) -> Reservation:
        """Put the file into the inbox."""
        if self._arrival is None or not self._came:
            raise Refusal(422, "The file is empty.", "Send a file with rows in it.")
        await self._write()
        return await to_thread.run_sync(self._arrival.finish, name)

    def close(self) -> None:
        """Remove what has not arrived whole."""
        if self._arrival is not None:
            self._arrival.close()

    async def _begin(self, name: str) -> None:
        if why := why_unwanted(name, self._installation.settings.inbox_pattern):
            raise Refusal(422, why, "Give the file another name.")
        arrival = self._arrival = Arrival(self._installation, self._user)
        await to_thread.run_sync(arrival.begin)

    async def _write(self) -> None:
        content, self._pending = self._pending, bytearray()
        if self._arrival is not None:
            await to_thread.run_sync(self._arrival.write, content)
