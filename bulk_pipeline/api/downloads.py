"""Files that are made for one answer: gone from the disk before they are sent."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO
from urllib.parse import quote

from fastapi.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from bulk_pipeline.adapters.scratch import ScratchFolder
from bulk_pipeline.api.door import Door
from bulk_pipeline.api.refusals import Refusal, later
from bulk_pipeline.core.errors import ConfigurationError
from bulk_pipeline.core.keys import slug

SENT_BYTES = 256 * 1024
NOTE = "Bulk-Pipeline-Note"
"""Header with what the reader of a file should know, percent-encoded beyond ASCII."""
_PLAIN = " !\"#$&'()*+,/:;<=>?@[]^`{|}~"


def download(
    door: Door, write: Callable[[Path], str | None], name: str, kind: str
) -> StreamingResponse:
    """A file as an answer; nothing of it is left, whatever becomes of the client.

    Args:
        door: has room for so many downloads at once.
        write: writes the file, whose suffix is that of the name; returns what its
            reader should know, if anything.
        name: what the client is to call it.
        kind: its media type.

    Raises:
        Refusal: 429 where too many are being written or sent, 422 where the rows do
            not fit.
    """
    if not door.sending.acquire(blocking=False):
        raise later(429, "Too many downloads are being sent.")
    with ExitStack() as held:
        held.callback(door.sending.release)
        made, note = _written(door, write, Path(name).suffix)
        opened = held.enter_context(made)
        headers = {
            "Content-Disposition": disposition(name),
            "Content-Length": str(os.fstat(opened.fileno()).st_size),
        }
        if note:
            headers[NOTE] = quote(note, safe=_PLAIN)
        return _Download(opened, held.pop_all(), headers, kind)


class _Download(StreamingResponse):
    """Sends a file, and lets go of it whether all of it was sent or not."""

    def __init__(
        self, file: BinaryIO, held: ExitStack, headers: dict[str, str], kind: str
    ) -> None:
        super().__init__(_pieces(file), headers=headers, media_type=kind)
        self._held = held

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with self._held:
            await super().__call__(scope, receive, send)


def _written(
    door: Door, write: Callable[[Path], str | None], suffix: str
) -> tuple[BinaryIO, str | None]:
    if not door.writing.acquire(blocking=False):
        raise later(429, "Too many downloads are being written.")
    try:
        with ScratchFolder() as folder:
            made = folder / f"rows{suffix}"
            note = write(made)
            return made.open("rb"), note
    except ConfigurationError as error:
        cure = "Ask for another format, such as format=csv."
        raise Refusal(422, "The rows do not fit into this format.", cure) from error
    finally:
        door.writing.release()


def disposition(name: str) -> str:
    """An attachment of this name (RFC 6266), for old and for new browsers."""
    plain = f"{slug(name)}{Path(name).suffix}"
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"


def _pieces(file: BinaryIO) -> Iterator[bytes]:
    while piece := file.read(SENT_BYTES):
        yield piece
