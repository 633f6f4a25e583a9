"""Many large files at once: all arrive byte for byte, and memory stays flat."""

import hashlib
import http.client
import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from threading import Event, Thread

import psutil
import pytest

from bulk_pipeline_tests.api.serving import Served, serving
from bulk_pipeline_tests.api.site import BOUNDARY, SEND, part

FILES, MEGABYTES = 50, 20
MOST_GROWTH = FILES * 2 * 2**20
"""Of the process: two megabytes for each file, which has twenty."""


def content(number: int) -> Iterator[bytes]:
    """A file in pieces of a megabyte; each file is another one."""
    block = hashlib.sha256(str(number).encode()).digest() * (2**20 // 32)
    for piece in range(MEGABYTES):
        yield piece.to_bytes(4, "big") + block[4:]


def sent(served: Served, number: int) -> int:
    """Send a file; the code of the answer."""
    head, tail = part(b"@", last=True).split(b"@")
    length = len(head) + len(tail) + MEGABYTES * 2**20
    client = http.client.HTTPConnection("127.0.0.1", served.port, timeout=120)
    with closing(client):
        client.putrequest("POST", SEND)
        kind = f"multipart/form-data; boundary={BOUNDARY}"
        client.putheader("Content-Type", kind)
        client.putheader("Content-Length", str(length))
        client.endheaders(head)
        for piece in content(number):
            client.send(piece)
        client.send(tail)
        return client.getresponse().status


@pytest.mark.slow
def test_fifty_large_files_at_once_take_no_memory(tmp_path) -> None:
    """Fifty people drop their files on the last day of the month."""
    with serving(tmp_path / "home") as served:
        assert served.get("/health").status_code == 503  # all is imported now
        assert sent(served, FILES) == 202
        process, over = psutil.Process(served.process.pid), Event()
        before, seen = process.memory_info().rss, [0]

        def watch() -> None:
            """Note the most memory."""
            while not over.wait(0.05):
                seen.append(process.memory_info().rss)

        watcher = Thread(target=watch)
        watcher.start()
        began = time.perf_counter()
        with ThreadPoolExecutor(FILES) as pool:
            codes = list(pool.map(lambda n: sent(served, n), range(FILES)))
        seconds = time.perf_counter() - began
        over.set()
        watcher.join()
        assert codes == [202] * FILES
        found = {digest(p) for p in (served.home / "inbox" / "api").iterdir()}
        wanted = {
            hashlib.sha256(b"".join(content(n))).hexdigest() for n in range(FILES + 1)
        }
        assert found == wanted
        speed = FILES * MEGABYTES / seconds
        figures = f"{before >> 20} MiB before, {max(seen) >> 20} MiB at most"
        print(f"{figures}, {speed:.0f} MiB/s, {os.cpu_count()} cores")  # noqa: T201
        assert max(seen) - before < MOST_GROWTH


def digest(path: os.PathLike[str]) -> str:
    """The hash of a file."""
    with open(path, "rb") as file:  # noqa: PTH123  # a path of any kind
        return hashlib.file_digest(file, "sha256").hexdigest()
