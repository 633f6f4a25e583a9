"""A way to SQL Server that breaks where a test wants it to: a TCP proxy.

It runs in a process of its own: pyodbc keeps Python's lock while it waits for answers.
"""

import json
import subprocess
from typing import Literal, Self

import sqlalchemy as sa

from bulk_pipeline_tests.adapters.harness import started

DEFAULT_PORT = 1433
_CODE = "from bulk_pipeline_tests.adapters.sqlserver_faults import proxy_process as p"


class Proxy:
    """Hands bytes on between drivers and a server until it is told to cut.

    Attributes:
        url: the way through it.
    """

    def __init__(self, url: sa.URL) -> None:
        """Start it.

        Args:
            url: the server; its connections must not be encrypted beyond the login.
        """
        target = (url.host, url.port or DEFAULT_PORT)
        self._process: subprocess.Popen[str] = started(f"{_CODE}; p.main()", *target)
        self.url = url.set(host="127.0.0.1", port=self._told()["port"])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self._process.kill()
        self._process.communicate()

    @property
    def sent(self) -> int:
        """Bytes handed on to the server since ``cut_after`` was called last."""
        return self._told()["sent"]

    @property
    def cuts(self) -> int:
        """Connections cut so far."""
        return self._told()["cuts"]

    def cut_after(self, count: int | None) -> None:
        """Cut the connection on which so many more bytes to the server come together.

        Args:
            count: bytes of all connections; None for no cut.
        """
        self._told(cut_after=count)

    def lose_commit(self, loss: Literal["request", "answer", "client"]) -> None:
        """Cut the connection at its next commit.

        Args:
            loss: ``request``: the server never gets it. ``answer``: it has committed
                and nobody hears of it. ``client``: the driver's side breaks while the
                server has yet to begin.
        """
        self._told(lose_commit=loss)

    def _told(self, **wanted: object) -> dict[str, int]:
        """Tell the process of the proxy what is wanted; returns its state."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps(wanted) + "\n")
        self._process.stdin.flush()
        state: dict[str, int] = json.loads(self._process.stdout.readline())
        return state
