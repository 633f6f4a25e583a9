"""Processes that play the daemon, forked from one that has imported everything."""

import multiprocessing
import signal
from collections.abc import Mapping
from pathlib import Path

from bulk_pipeline.adapters.crash_points import VARIABLE
from bulk_pipeline_tests.crashes.daemon import play

SECONDS = 120
PRELOADED = ["bulk_pipeline_tests.crashes.daemon", "bulk_pipeline.adapters.publishing"]


class Killer:
    """Plays the daemon in a home until it is done, or is killed at a point."""

    def __init__(self, **variables: str) -> None:
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(PRELOADED)
        self._variables = {
            "BULK_PIPELINE_QUIET_SECONDS": "0",
            "DATABASE_URL": "",
            VARIABLE: "",
            **variables,
        }

    def killed_at(self, point: str, home: Path, part: str = "work") -> bool:
        """Whether the process got so far, and was killed there."""
        code, said = self._played(home, part, {VARIABLE: point})
        assert code in (0, -signal.SIGKILL), said
        return code != 0

    def recovered(self, home: Path, part: str = "work", **variables: str) -> None:
        """Play on without a kill."""
        code, said = self._played(home, part, variables)
        assert code == 0, said

    def _played(
        self, home: Path, part: str, variables: Mapping[str, str]
    ) -> tuple[int | None, str]:
        """Exit code of a process, and what it said."""
        home.mkdir(parents=True, exist_ok=True)
        log = home.parent / f"{home.name}.log"
        given = {**self._variables, **variables}
        arguments = (str(home), given, part, str(log))
        process = self._context.Process(target=play, args=arguments)
        process.start()
        process.join(SECONDS)
        if process.is_alive():
            process.kill()
            process.join()
        return process.exitcode, log.read_text(errors="replace")
