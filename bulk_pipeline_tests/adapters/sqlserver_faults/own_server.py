"""A test server of one's own, to be killed: its data outlive it."""

import contextlib
import secrets
import subprocess
from collections.abc import Iterator
from typing import Self

import psutil
import pytest
import sqlalchemy as sa

from bulk_pipeline_tests.adapters.harness import ROOT
from bulk_pipeline_tests.ports import free_port

SERVE = ROOT.parent / "shared" / "sqlserver" / "serve"
"""Starts a test server beside the checkout, where there is one."""


class OwnServer:
    """A front of the test server, in front of data that stay when it is killed."""

    def __init__(self, data: str) -> None:
        """Nothing is started yet.

        Args:
            data: where the data are, as the test server's ``--pg-dsn`` takes it.
        """
        self._data = data
        self._port = free_port()
        self._password = secrets.token_hex(12)
        self._process: subprocess.Popen[str] | None = None

    @property
    def url(self) -> sa.URL:
        """The server for mssql-python."""
        return sa.URL.create(
            "mssql+mssqlpython",
            "sa",
            self._password,
            "127.0.0.1",
            self._port,
            "master",
            {"Encrypt": "no"},
        )

    def start(self) -> None:
        """Start it; returns when it takes connections."""
        self._process = _served(
            "--port",
            str(self._port),
            "--password",
            self._password,
            "--pg-dsn",
            self._data,
        )

    def kill(self) -> None:
        """Kill it with all its processes, as a loss of power would."""
        if self._process:
            _killed(self._process)
            self._process = None

    def restart(self) -> None:
        """Kill it and start it again."""
        self.kill()
        self.start()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *raised: object) -> None:
        self.kill()


@contextlib.contextmanager
def data() -> Iterator[str]:
    """Data for servers to be killed; they are gone after the block."""
    if not SERVE.exists():
        pytest.skip("there is no test server that could be killed")
    # It keeps the data as long as it lives; nobody connects to itself.
    keeper = _served("--port", str(free_port()), "--password", secrets.token_hex(8))
    try:
        (front,) = psutil.Process(keeper.pid).children()
        words = front.cmdline()
        yield words[words.index("--pg-dsn") + 1]
    finally:
        keeper.terminate()
        keeper.communicate(timeout=30)


def _served(*arguments: str) -> "subprocess.Popen[str]":
    """A test server that is ready."""
    process = subprocess.Popen(
        [SERVE, *arguments], stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    assert process.stdout
    while line := process.stdout.readline():
        if "ready" in line:
            return process
    raise AssertionError("the test server did not start")


def _killed(process: "subprocess.Popen[str]") -> None:
    """Kill a process and all that it started."""
    parent = psutil.Process(process.pid)
    for each in [parent, *parent.children(recursive=True)]:
        with contextlib.suppress(psutil.NoSuchProcess):
            each.kill()
    process.communicate()
