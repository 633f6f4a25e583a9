"""``bulk-pipeline serve-api`` as a person starts it."""

import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bulk_pipeline_tests.adapters.harness import ROOT
from bulk_pipeline_tests.cli.command import PROGRAM
from bulk_pipeline_tests.ports import free_port
from bulk_pipeline_tests.running_up import PATIENCE_SECONDS, SETTINGS


@contextmanager
def serving(home: Path, port: int | None = None, **settings: str) -> Iterator[str]:
    """The address of a server over a home; it ends with the block."""
    port = port or free_port()
    kept = {n: v for n, v in os.environ.items() if n not in SETTINGS}
    ours = {"BULK_PIPELINE_HOME": str(home), "PYTHONPATH": str(ROOT)}
    log = home.parent / f"api-{port}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, "serve-api", "--port", str(port)],
            env={**kept, **ours, **settings},
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    address = f"http://127.0.0.1:{port}/"
    try:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not _answers(address):
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.1)
        yield address
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _answers(address: str) -> bool:
    """Whether the page is there."""
    try:
        with urllib.request.urlopen(address, timeout=5):  # noqa: S310  # our own
            return True
    except (urllib.error.URLError, ConnectionError):
        return False
