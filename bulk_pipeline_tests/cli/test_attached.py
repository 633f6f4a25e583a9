"""Laws of programs that are tied to the process that started them."""

import subprocess
import sys

import psutil
import pytest

from bulk_pipeline.cli import attached
from bulk_pipeline_tests.adapters.harness import started

PARENT = """
import os, subprocess, sys
[wrapper] = sys.argv[1:]
tied = [sys.executable, "-I", wrapper, str(os.getpid()), "/bin/sleep", "600"]
child = subprocess.Popen(tied)
while os.path.basename(os.readlink(f"/proc/{child.pid}/exe")).startswith("python"):
    pass
print(child.pid, flush=True)
sys.stdin.read()
"""

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux can do it")


def test_a_program_dies_with_the_process_that_started_it() -> None:
    """A killed process can clean up nothing, so the system must."""
    parent = started(PARENT, attached.__file__)
    assert parent.stdout is not None
    child = psutil.Process(int(parent.stdout.readline()))
    parent.kill()
    parent.wait()
    _, alive = psutil.wait_procs([child], timeout=10)
    for process in alive:
        process.kill()
    parent.communicate()  # what it left alive would hold its pipes open

    assert alive == []


def test_a_program_whose_starter_is_gone_already_does_not_begin() -> None:
    """It would never be told, since that has happened."""
    done = subprocess.run(
        [sys.executable, "-I", attached.__file__, "1", "/bin/echo", "begun"],
        capture_output=True,
        check=False,
    )

    assert (done.returncode, done.stdout) == (1, b"")
