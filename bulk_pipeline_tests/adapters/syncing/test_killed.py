"""A synchronisation that is killed leaves whole transactions, and is done again."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from bulk_pipeline.adapters.crash_points import VARIABLE
from bulk_pipeline_tests.adapters.syncing.pair import Pair, Row, content, shown

ROWS = tuple(Row(company, year) for company in range(4) for year in (2000, 2001))
SCRIPT = """
import sys
from pathlib import Path
from bulk_pipeline_tests.adapters.syncing.pair import Pair

pair = Pair.of_files(Path(sys.argv[1]), over_wire=sys.argv[2] == "wire")
pair.sync("full", batch_size=2)
"""


def killed(folder: Path, way: str, point: str) -> None:
    """Synchronise in a process that is killed at a point of its way."""
    root = Path(__file__).resolve().parents[3]
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(folder), way],
        env={**os.environ, VARIABLE: point},
        cwd=root,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL


@pytest.mark.parametrize("point", ["inserted", "before commit"])
def test_one_transaction_leaves_all_or_nothing(tmp_path: Path, point: str) -> None:
    """Two files need one transaction, however many rows they hold."""
    pair = Pair.of_files(tmp_path)
    pair.given(content(*ROWS), content(Row(9)))
    before = shown(pair.target)
    killed(tmp_path, "attached", point)
    assert shown(pair.target) == before
    pair.sync("full")
    assert shown(pair.target) == shown(pair.source)
    pair.close()


def test_over_a_wire_whole_portions_stay(tmp_path: Path) -> None:
    """What was brought over is not brought over again."""
    pair = Pair.of_files(tmp_path, over_wire=True)
    pair.given(content(*ROWS), content(Row(9)))
    killed(tmp_path, "wire", "committed")
    assert len(shown(pair.target)["annual_predictions"]) == 3
    counts = pair.sync("incremental", batch_size=2).tables["annual_predictions"]
    assert (counts.inserted, counts.unchanged, counts.deleted) == (6, 2, 1)
    assert shown(pair.target) == shown(pair.source)
    pair.close()
