"""How long a dropped file takes to become rows, and where the time goes.

    python benchmarks/drop_latency.py SCRATCH [--drops 20] [--rows 10 1000]

Run it from a checkout, with the project's Python, on a machine that does nothing else.
SCRATCH is a folder that is not there yet; the home of a `bulk-pipeline up` with default
settings is made in it. Files are dropped one after another, each when the one before is
done and the daemon idle, at evenly spread moments between two looks of the sensor.

For each size it prints the median and the 95th percentile of the seconds from the drop
(the rename into the inbox) to the commit (the file's receipt can be read), and of the
parts: drop → claimed (quiet and tick), claimed → run started (queue, process start),
run started → commit (run).
"""

import argparse
import csv
import json
import os
import socket
import sqlite3
import statistics
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dropping import CHECKOUT, HEADER, PROGRAM

LOOK_SECONDS = 0.01
PATIENCE_SECONDS = 180
TICK_SECONDS = 5
GOLDEN_RATIO = 0.6180339887  # its multiples spread evenly, however many are taken
RUNS = """
query($partition: String!) {
  runsOrError(filter: {tags: [{key: "dagster/partition", value: $partition}]}) {
    ... on Runs { results { status startTime } }
  }
}
"""


@dataclass(frozen=True)
class Drop:
    """Seconds of one dropped file, in order of its way."""

    claimed: float
    started: float
    committed: float

    @property
    def total(self) -> float:
        """Seconds from drop to commit."""
        return self.claimed + self.started + self.committed


def main() -> None:
    """Drop files of each size and print what they took."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("scratch", type=Path)
    parser.add_argument("--drops", type=int, default=20)
    parser.add_argument("--rows", type=int, nargs="+", default=[10, 1000])
    chosen = parser.parse_args()
    home = chosen.scratch.absolute() / "home"
    home.mkdir(parents=True)
    with started(home) as port:
        first = dropped(home, port, 10, 0)  # what only the first run pays is left out
        print(f"first drop after the start: {first.total:.1f} s")
        for rows in chosen.rows:
            drops = []
            for number in range(1, chosen.drops + 1):
                time.sleep(1 + TICK_SECONDS * (number * GOLDEN_RATIO % 1))
                drops.append(dropped(home, port, rows, number))
            show(rows, drops)


@contextmanager
def started(home: Path) -> Iterator[int]:
    """A running ``bulk-pipeline up`` of a home, and the port of its UI."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    ours = ("BULK_PIPELINE_", "DAGSTER_", "ULTRA_", "DATABASE_URL")
    environment = {n: v for n, v in os.environ.items() if not n.startswith(ours)}
    environment |= {"BULK_PIPELINE_HOME": str(home), "PYTHONPATH": str(CHECKOUT)}
    log = home.parent / "up.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, "up", "--port", str(port)],
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        until(lambda: b"Drop files into" in log.read_bytes())
        yield port
    finally:
        process.terminate()
        process.wait()


def dropped(home: Path, port: int, rows: int, number: int) -> Drop:
    """Drop one file of new rows, and wait until its run is over."""
    name = f"drop-{rows}-{number}.csv"
    partial = write_file(home / f"{name}.part", rows, f"{rows}N{number}")
    with closing(sqlite3.connect(home / "bulk_pipeline.db")) as database:
        at = time.time()
        partial.rename(home / "inbox" / name)
        receipt = "SELECT 1 FROM uploads WHERE file_name = ?"
        until(lambda: database.execute(receipt, (name,)).fetchone())
        committed_at = time.time()
    with closing(sqlite3.connect(home / "journal.db")) as journal:
        entry = "SELECT batch, claimed_at FROM uploads WHERE file = ?"
        batch, claimed_at = journal.execute(entry, (name,)).fetchone()
    run = until(lambda: succeeded(port, batch))
    claimed = claimed_at / 1e6
    return Drop(
        claimed - at, run["startTime"] - claimed, committed_at - run["startTime"]
    )


def write_file(path: Path, rows: int, label: str) -> Path:
    """A file of companies that no other file has."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(HEADER)
        for row in range(rows):
            symbol = f"D{label}R{row}"
            writer.writerow((symbol, symbol, 2020, 24.111, 2.057, 3.5, 74.3, row / 100))
    return path


def succeeded(port: int, partition: str) -> dict[str, Any] | None:
    """The run of a batch once it has succeeded."""
    document = {"query": RUNS, "variables": {"partition": partition}}
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/graphql",
        json.dumps(document).encode(),
        {"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request) as answer:  # noqa: S310  # our own
        results = json.load(answer)["data"]["runsOrError"]["results"]
    return next((run for run in results if run["status"] == "SUCCESS"), None)


def until(found: Callable[[], Any]) -> Any:
    """What a look finds, once it finds something."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        if result := found():
            return result
        time.sleep(LOOK_SECONDS)
    raise TimeoutError("It did not happen in time. See up.log in the scratch folder.")


def show(rows: int, drops: list[Drop]) -> None:
    """Print the figures of one size."""
    print(f"\n{rows:,} rows, {len(drops)} drops     median      p95   seconds")
    for label, values in (
        ("drop -> commit", [drop.total for drop in drops]),
        ("drop -> claimed", [drop.claimed for drop in drops]),
        ("claimed -> run start", [drop.started for drop in drops]),
        ("run start -> commit", [drop.committed for drop in drops]),
    ):
        ordered = sorted(values)
        late = ordered[max(0, -(-len(ordered) * 95 // 100) - 1)]
        print(f"{label:<24} {statistics.median(values):9.2f} {late:8.2f}")


if __name__ == "__main__":
    main()
