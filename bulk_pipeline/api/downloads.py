"""Files that are made for one answer: gone from the disk before they are sent."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO
from urllib.parse import quote

from fastapi.responses import StreamingResponse

from bulk_pipeline.adapters.scratch import ScratchFolder
from bulk_pipeline.api.door import Door
from bulk_pipeline.api.refusals import Refusal, later
from bulk_pipeline.core.errors import ConfigurationError
from bulk_pipeline.core.keys import slug

SENT_BYTES = 256 * 1024


def download(
    door: Door, write: Callable[[Path], None], name: str, kind: str
) -> StreamingResponse:
    """A file as an answer; nothing of it is left, whatever becomes of the client.

    Args:
        door: has room for so many downloads at once.
        write: writes the file; its suffix is that of the name.
        name: what the client is to call it.
        kind: its media type.

    Raises:
        Refusal: 429 where too many are being written, 422 where the rows do not fit.
    """
    if not door.writing.acquire(blocking=False):
        raise later(429, "Too many downloads are being written.")
    try:
        with ScratchFolder() as folder:
            made = folder / f"rows{Path(name).suffix}"
            write(made)
            opened = made.open("rb")
    except ConfigurationError as error:
        cure = "Ask for another format, such as format=csv."
        raise Refusal(422, "The rows do not fit into this format.", cure) from error
    finally:
        door.writing.release()
    headers = {
        "Content-Disposition": disposition(name),
        "Content-Length": str(os.fstat(opened.fileno()).st_size),
    }
    return StreamingResponse(_sent(opened), headers=headers, media_type=kind)


def disposition(name: str) -> str:
    """An attachment of this name (RFC 6266), for old and for new browsers."""
    plain = f"{slug(name)}{Path(name).suffix}"
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"


def _sent(file: BinaryIO) -> Iterator[bytes]:
    with file:
        while piece := file.read(SENT_BYTES):
            yield piece
