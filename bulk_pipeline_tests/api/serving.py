"""``bulk-pipeline serve-api`` as a person starts it; shared by the tests of the API."""

import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from bulk_pipeline_tests.adapters.harness import ROOT
from bulk_pipeline_tests.api.site import BOUNDARY, SEND
from bulk_pipeline_tests.cli.command import PROGRAM

PATIENCE_SECONDS = 30


@dataclass
class Served:
    """A server in a process of its own.

    Attributes:
        process: the command.
        port: where it answers.
        home: its home.
        log: what it prints.
    """

    process: "subprocess.Popen[str]"
    port: int
    home: Path
    log: Path

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.port}"

    def get(self, path: str, **more: Any) -> httpx.Response:
        """One answer."""
        return httpx.get(self.url + path, timeout=PATIENCE_SECONDS, **more)

    def wire(self) -> socket.socket:
        """A bare connection."""
        return socket.create_connection(("127.0.0.1", self.port), PATIENCE_SECONDS)

    def begin(self, length: int | None, *headers: str) -> http.client.HTTPConnection:
        """An upload whose headers are sent and whose body is not.

        Args:
            length: bytes that it promises; None for a body in chunks.
            headers: names and values, one after another.
        """
        made = http.client.HTTPConnection("127.0.0.1", self.port, PATIENCE_SECONDS)
        made.putrequest("POST", SEND)
        made.putheader("Content-Type", f"multipart/form-data; boundary={BOUNDARY}")
        if length is None:
            made.putheader("Transfer-Encoding", "chunked")
        else:
            made.putheader("Content-Length", str(length))
        for name, value in zip(headers[::2], headers[1::2], strict=True):
            made.putheader(name, value)
        made.endheaders()
        return made

    def files(self) -> list[str]:
        """Names of all in the folders of the inbox, hidden ones too."""
        return sorted(p.name for p in (self.home / "inbox").glob("*/*"))

    def until_files(self, count: int) -> list[str]:
        """The same, once there are so many."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while len(found := self.files()) != count:
            assert time.monotonic() < deadline, (found, self.log.read_text())
            time.sleep(0.02)
        return found

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Send a signal; the exit code."""
        self.process.send_signal(number)
        return self.process.wait(PATIENCE_SECONDS)


@contextmanager
def serving(home: Path, *arguments: str, **environment: str) -> Iterator[Served]:
    """A server that answers; nothing of it outlives the block."""
    log = home.parent / "serve.log"
    given = {**os.environ, "BULK_PIPELINE_HOME": str(home), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", PROGRAM, "serve-api", "--port", "0", *arguments]
    with log.open("w") as output:
        process = subprocess.Popen(
            command,
            env={**given, "PYTHONUNBUFFERED": "1", **environment},
            stdout=output,
            stderr=subprocess.STDOUT,
            text=True,
        )
    made = Served(process, 0, home, log)
    try:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while "is up at" not in (said := log.read_text()):
            assert process.poll() is None, said
            assert time.monotonic() < deadline, said
            time.sleep(0.02)
        made.port = int(said.split("is up at", 1)[1].split()[0].rpartition(":")[2])
        yield made
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
