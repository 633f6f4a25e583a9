"""The command line as a person starts it, in a process of its own."""

import json
import os
import subprocess
import sys
from typing import Any

PROGRAM = "from bulk_pipeline.cli import main; main()"


def bulk_pipeline(
    *arguments: object, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run ``bulk-pipeline`` with these arguments; the home is the test's."""
    return subprocess.run(
        [sys.executable, "-c", PROGRAM, *map(str, arguments)],
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
        check=False,
    )


def results(done: subprocess.CompletedProcess[str]) -> list[dict[str, Any]]:
    """The uploads of ``--json``, which must be all of standard output."""
    found: list[dict[str, Any]] = json.loads(done.stdout)["uploads"]
    return found
