"""Bodies of requests within limits of size and of patience."""

import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from typing import Any

import anyio

from bulk_pipeline.api.refusals import Refusal

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]

SMALL_BYTES = 64 * 1024
"""More than any JSON that the API takes."""
SMALL_SECONDS = 15.0
PATIENCE_SECONDS, LEAST_BYTES = 30.0, 16 * 1024
"""So many bytes of a file must come within each such time: half a kilobyte a second."""
DRAINED_BYTES, DRAINED_SECONDS = 16 * 2**20, 3.0
"""Read and thrown away after a refusal: who still sends does not hear the answer."""
_SLOWNESS = "Send it faster, or from nearer."


class ClientGone(Exception):
    """Whoever sent a file is gone before its end: there is nobody to answer."""


class Body:
    """The body of one request.

    Attributes:
        ended: whether nothing more of it comes.
    """

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self.ended = False

    async def small(self) -> Receive:
        """The body of a request that is no upload, read whole; gives it out again.

        Raises:
            Refusal: 413 where it is too large, 408 where it does not come in time.
            ClientGone: the connection ended before the body did.
        """
        body = bytearray()
        with anyio.move_on_after(SMALL_SECONDS) as patience:
            while not self.ended:
                body += await self._piece()
                if len(body) > SMALL_BYTES:
                    said = f"The body is beyond {SMALL_BYTES:,} bytes."
                    cure = "Send less; a file goes to /api/v1/ultra/process-excel."
                    raise Refusal(413, said, cure)
        if patience.cancelled_caught:
            raise Refusal(408, "The body did not come in time.", _SLOWNESS)
        whole = [{"type": "http.request", "body": bytes(body), "more_body": False}]

        async def again() -> Message:
            return whole.pop() if whole else await self._receive()

        return again

    async def pieces(self, most: int) -> AsyncIterator[bytes]:
        """The body of an upload piece by piece.

        Raises:
            Refusal: 413 beyond ``most`` bytes, 408 where too little comes.
            ClientGone: the connection ended before the body did.
        """
        came, since, mark = 0, time.monotonic(), 0
        while not self.ended:
            left = since + PATIENCE_SECONDS - time.monotonic()
            with anyio.move_on_after(max(0.0, left)) as patience:
                piece = await self._piece()
            if patience.cancelled_caught:
                raise Refusal(408, "The file came too slowly.", _SLOWNESS)
            came += len(piece)
            if came > most:
                raise too_large(most)
            if came - mark >= LEAST_BYTES:
                since, mark = time.monotonic(), came
            yield piece

    async def drain(self) -> None:
        """Read on for a moment after a refusal, so that the client hears it.

        A connection that is closed with unread bytes in it is reset, and the answer is
        lost with it.
        """
        came = 0
        with contextlib.suppress(ClientGone), anyio.move_on_after(DRAINED_SECONDS):
            while not self.ended and came < DRAINED_BYTES:
                came += len(await self._piece())

    async def _piece(self) -> bytes:
        message = await self._receive()
        if message["type"] == "http.disconnect":
            self.ended = True
            raise ClientGone
        self.ended = not message.get("more_body", False)
        return bytes(message.get("body", b""))


def too_large(most: int) -> Refusal:
    """The refusal of a body beyond so many bytes."""
    return Refusal(
        413,
        f"The upload is larger than {most:,} bytes.",
        "Split the file, or have BULK_PIPELINE_API_UPLOAD_BYTES raised.",
    )
