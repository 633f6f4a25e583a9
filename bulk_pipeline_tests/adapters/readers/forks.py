"""Parses workbooks in forks of a server of its own, and tells what they took."""

from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from bulk_pipeline.adapters.readers.workbooks.fork_client import Ended, Fork, ForkServer


class Forks:
    """Takes the place of ``spreadsheet.FORKS``.

    Attributes:
        peak_bytes: most memory that a fork has taken.
    """

    def __init__(self) -> None:
        self.peak_bytes = 0
        self._server = ForkServer()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.close()

    def start(
        self, module: str, arguments: Sequence[str], folder: Path, seconds: float
    ) -> "Watched":
        """As a server does, watched."""
        return Watched(self, self._server.start(module, arguments, folder, seconds))


class Watched:
    """A fork of which it is kept what it took."""

    def __init__(self, forks: Forks, fork: Fork) -> None:
        self._forks = forks
        self._fork = fork
        self.close = fork.close

    def result(self) -> Ended:
        """How it ended."""
        ended = self._fork.result()
        self._forks.peak_bytes = max(self._forks.peak_bytes, ended.peak_bytes)
        return ended
