"""Laws of ``bulk-pipeline bench``: every figure is there, and nothing stays behind."""

import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from bulk_pipeline.bench.figures import PARTS
from bulk_pipeline.core.metrics import STAGES
from bulk_pipeline_tests.cli.command import PROGRAM, bulk_pipeline

LONGEST_SECONDS = 60
INTERRUPTIBLE = f"""
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)
{PROGRAM}
"""
"""The command line as a terminal starts it; in the background Ctrl-C is ignored."""


def measured(*arguments):
    """The sizes that a benchmark with one round tells."""
    done = bulk_pipeline("bench", "--rounds", 1, "--json", *arguments)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)["sizes"]


def lines_of(size):
    """The parts of a size by name."""
    return {line["name"]: line for line in size["lines"]}


def test_a_benchmark_tells_all_of_every_stage(home: Path) -> None:
    """The promise is speed beside what the machine can do; no stage is left out."""
    (size,) = measured("--rows", 1000)
    told = lines_of(size)

    assert tuple(told) == PARTS
    for name in (*STAGES, "all stages"):
        line = told[name]
        assert line["seconds"]["median"] > 0, name
        assert line["rows_per_second"] > 0, name
        assert line["cpu_seconds"]["median"] >= 0, name
        assert line["peak_memory_bytes"]["median"] > 1 << 20, name
        if name != "clean":
            assert line["floor_seconds"]["median"] > 0, name
            assert line["ratio"]["median"] > 0, name
    assert told["clean"]["floor_seconds"] is None
    parts = ("start-up", "opened to commit", "end")
    seconds = sum(told[name]["seconds"]["median"] for name in parts)
    assert seconds == pytest.approx(told["whole command"]["seconds"]["median"])
    assert told["whole command"]["cpu_seconds"]["median"] > 0
    (curve,) = size["curves"]
    assert [at for at, _ in curve] == sorted(at for at, _ in curve)
    peak = told["whole command"]["peak_memory_bytes"]["median"]
    assert max(memory for _, memory in curve) == peak
    assert [path.name for path in home.iterdir()] == ["bench.csv"]


def test_results_of_all_sittings_are_in_one_file(tmp_path: Path) -> None:
    """One header, a line for each part; nothing else stays, on no disk."""
    record, disk = tmp_path / "bench.csv", tmp_path / "disk"
    disk.mkdir()
    place = ("--database", f"sqlite:///{disk}/bench.db", "--record", record)
    (size,) = measured("--rows", 10, "--format", "parquet", *place)
    more = ("--rows", 11, "--format", "xlsx", *place)
    shown = bulk_pipeline("bench", "--rounds", 1, *more)
    with record.open(newline="") as file:
        found = list(csv.DictReader(file))

    assert shown.returncode == 0, shown.stderr
    assert all(stage in shown.stdout for stage in (*STAGES, "rows/s", "floor s"))
    assert "memory |" in shown.stdout
    assert "round 1 of 1: the floor" in shown.stderr
    assert all(lines_of(size)[name]["floor_seconds"] for name in ("read", "load"))
    assert [line["part"] for line in found] == [*PARTS] * 2
    sizes = [("parquet", "10"), ("xlsx", "11")]
    assert list(dict.fromkeys((f["format"], f["rows"]) for f in found)) == sizes
    assert {line["database"] for line in found} == {"sqlite"}
    assert list(disk.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--record", "{here}/other.csv"], "is no record of this benchmark"),
        (["--database", "sqlite:///{here}/other.csv"], "name a file that does not"),
        (["--rows", 10, "--rows", 2_000_000, "--format", "xlsx"], "holds at most"),
        (["--rows", 0], "0 is not in the range"),
    ],
)
def test_what_cannot_be_measured_is_refused_at_once(tmp_path, arguments, said) -> None:
    """Nobody wants to read of it after an hour; and what is there stays as it is."""
    other = tmp_path / "other.csv"
    other.write_text("a,b\n1,2\n")
    given = [str(one).format(here=tmp_path) for one in arguments]
    done = bulk_pipeline("bench", *given)

    assert done.returncode == 2
    assert said in done.stderr
    assert "writing" not in done.stderr
    assert other.read_text() == "a,b\n1,2\n"


def _children(pid):
    """What a process has started, and what that has."""
    return psutil.Process(pid).children(recursive=True)


def test_an_interrupted_benchmark_leaves_nothing_behind(home: Path) -> None:
    """Ctrl-C in the middle of ten million rows would leave gigabytes."""
    with subprocess.Popen(
        [sys.executable, "-c", INTERRUPTIBLE, "bench", "--rows", "1000"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=dict(os.environ),
        text=True,
    ) as bench:
        until = time.monotonic() + LONGEST_SECONDS
        while not (children := _children(bench.pid)) and time.monotonic() < until:
            time.sleep(0.05)
        time.sleep(0.5)
        children = _children(bench.pid)
        bench.send_signal(signal.SIGINT)
        _, errors = bench.communicate(timeout=LONGEST_SECONDS)

    assert children
    assert bench.returncode == 1
    assert "Aborted" in errors
    assert [path.name for path in home.iterdir()] == ["bench.csv"]
    _, alive = psutil.wait_procs(children, timeout=10)
    assert alive == []
