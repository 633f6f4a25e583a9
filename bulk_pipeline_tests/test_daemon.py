"""Laws of ``bulk-pipeline up``: the real processes, from a dropped file to its end."""

import json
import math
import os
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from bulk_pipeline.adapters.settings import EXECUTOR_VARIABLE, Settings
from bulk_pipeline.defs.jobs import batch_job
from bulk_pipeline_tests.adapters.harness import REAL_FILE, ROOT
from bulk_pipeline_tests.builders import ROW, rows_of, write_csv
from bulk_pipeline_tests.cli.command import PROGRAM

PATIENCE_SECONDS = 90
SETTINGS = (*Settings.variables(), EXECUTOR_VARIABLE, "DAGSTER_HOME")
YEARS = range(2001, 2011)
COUNTS = ("rows_read", "inserted", "updated", "duplicates", "rejected")
BATCH_ASSETS = (
    "ingestion_file",
    "rejected_rows",
    "companies",
    "batch_predictions",
    "annual_predictions",
)

MATERIALIZATIONS = """
query($asset: String!) {
  assetOrError(assetKey: {path: [$asset]}) {
    ... on Asset { assetMaterializations(limit: 50) {
      partition runId
      metadataEntries {
        label
        ... on IntMetadataEntry { intValue }
        ... on FloatMetadataEntry { floatValue }
        ... on TextMetadataEntry { text }
      }
    } }
  }
}
"""
RUNS = """
query($partition: String!) {
  runsOrError(filter: {tags: [{key: "dagster/partition", value: $partition}]}) {
    ... on Runs { results {
      runId status jobName
      eventConnection { events {
        ... on ExecutionStepFailureEvent { error { message } }
      } }
    } }
  }
}
"""
BACKFILL = """
mutation($assets: [AssetKeyInput!], $partitions: [String!]) {
  launchPartitionBackfill(
    backfillParams: {assetSelection: $assets, partitionNames: $partitions}
  ) {
    __typename
    ... on LaunchBackfillSuccess { backfillId }
    ... on PythonError { message }
  }
}
"""
BACKFILL_STATUS = """
query($id: String!) {
  partitionBackfillOrError(backfillId: $id) {
    ... on PartitionBackfill { status }
    ... on PythonError { message }
  }
}
"""


@dataclass
class Up:
    """A started ``bulk-pipeline up`` and the ways to look at it.

    Attributes:
        process: the command itself.
        port: where its UI answers.
        home: its home.
        log: what it and its children print.
    """

    process: "subprocess.Popen[bytes]"
    port: int
    home: Path
    log: Path

    def ask(self, query: str, **variables: Any) -> Any:
        """The answer of the UI's GraphQL."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/graphql",
            json.dumps({"query": query, "variables": variables}).encode(),
            {"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310  # our own
            document = json.load(answer)
        assert "errors" not in document, document["errors"]
        [found] = document["data"].values()
        return found

    def drop(self, *files: Path) -> None:
        """Put finished files into the inbox, as a program does: by rename."""
        for file in files:
            copy = shutil.copyfile(file, self.home / f"{file.name}.part")
            copy.rename(self.home / "inbox" / file.name)

    def until(self, found: Callable[[], Any]) -> Any:
        """What a look finds, once it finds something; with the log if it does not."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            assert self.process.poll() is None, self.log.read_text()
            if result := found():
                return result
            time.sleep(0.2)
        raise AssertionError(self.log.read_text()[-5000:])

    def query(self, text: str, *values: Any) -> list[tuple[Any, ...]]:
        """Rows of the target database, or one change of it."""
        path = self.home / "bulk_pipeline.db"
        with closing(sqlite3.connect(path, timeout=30)) as connection:
            found = connection.execute(text, values).fetchall()
            connection.commit()
            return found

    def loads(self, partition: str) -> list[dict[str, Any]]:
        """Figures of each load of a batch, the latest first."""
        asset = self.ask(MATERIALIZATIONS, asset="annual_predictions")
        return [
            {e["label"]: _value(e) for e in found["metadataEntries"]}
            for found in asset.get("assetMaterializations", [])
            if found["partition"] == partition
        ]

    def batch_of(self, file: str) -> str:
        """The batch of a file that has ended, "" before."""
        path = self.home / "journal.db"
        if not path.exists():
            return ""
        with closing(sqlite3.connect(path, timeout=30)) as connection:
            found = connection.execute(
                "SELECT batch FROM uploads WHERE file = ?"
                " AND state IN ('loaded', 'repeated', 'failed')",
                (file,),
            ).fetchall()
        return str(found[0][0]) if found else ""

    def ended_runs(self, partition: str) -> list[dict[str, Any]]:
        """The runs of a partition, once there are any and all of them have ended."""
        results: list[dict[str, Any]] = self.ask(RUNS, partition=partition)["results"]
        over = all(run["status"] in ("SUCCESS", "FAILURE") for run in results)
        return results if over else []

    def ended_batch(self, file: str) -> str:
        """The batch of a dropped file, once its run has ended."""
        batch = str(self.until(lambda: self.batch_of(file)))
        self.until(lambda: self.ended_runs(batch))
        return batch


def _value(entry: dict[str, Any]) -> Any:
    """The value of a metadata entry, whichever kind it is."""
    for name in ("intValue", "floatValue", "text"):
        if entry.get(name) is not None:
            return entry[name]
    return None


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    """One ``bulk-pipeline up`` for all tests; nothing of it outlives them."""
    home = tmp_path_factory.mktemp("up") / "home"
    log, port = home.parent / "up.log", free_port()
    environment = {n: v for n, v in os.environ.items() if n not in SETTINGS}
    environment |= {
        "BULK_PIPELINE_HOME": str(home),
        "BULK_PIPELINE_QUIET_SECONDS": "0.5",
        "BULK_PIPELINE_BATCH_FILES": "3",
        "PYTHONPATH": str(ROOT),
    }
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, "up", "--port", str(port)],
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    found = Up(process, port, home, log)
    children: list[psutil.Process] = []
    try:
        found.until(lambda: "Drop files into" in log.read_text())
        yield found
    finally:
        if process.poll() is None:
            children = psutil.Process(process.pid).children(recursive=True)
            process.terminate()
            try:
                process.wait(60)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        for child in children:
            if child.is_running():
                child.kill()


@pytest.fixture(scope="module")
def dropped(up: Up, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Two batches of files: three, one of them bad, and what is dropped after them."""
    files = tmp_path_factory.mktemp("files")
    header = [name for name in ROW if name != "return_on_assets"]
    one = write_csv(files / "one.csv", rows_of(["ZZ01", "ZZ02"], YEARS))
    two = [*rows_of(["ZZ03"], YEARS), {**ROW, "reporting_year": "soon"}]
    up.drop(
        one,
        write_csv(files / "two.csv", two),
        write_csv(files / "bad.csv", [ROW], header),
        write_csv(files / "other.csv", rows_of(["ZZ04"], YEARS)),
        *([REAL_FILE] if REAL_FILE.exists() else []),
    )


@pytest.fixture(scope="module")
def batch(up: Up, dropped: None) -> str:
    """The batch of the three files."""
    return up.ended_batch("one.csv")


@pytest.fixture(scope="module")
def second(up: Up, dropped: None) -> str:
    """The other batch, with the real file where there is one."""
    return up.ended_batch("other.csv")


def stored(up: Up, batch: str) -> int:
    """Rows of one batch in the table."""
    [(rows,)] = up.query(
        "SELECT count(*) FROM annual_predictions JOIN uploads"
        " ON uploads.id = upload_id WHERE batch_key = ?",
        batch,
    )
    return int(rows)


def test_dropped_files_become_rows_and_figures_in_the_ui(up: Up, batch: str) -> None:
    """This is the promise of the whole project, in the processes that users start."""
    [run] = up.ended_runs(batch)
    [figures] = up.loads(batch)

    assert (run["status"], run["jobName"]) == ("SUCCESS", batch_job.name)
    assert [figures[name] for name in COUNTS] == [31, 30, 0, 0, 1]
    assert figures["rows_per_second"] > 0
    assert figures["tier"] == "STANDARD"
    assert stored(up, batch) == 30


def test_a_refused_file_is_shown_by_a_failed_run_beside_its_batch(
    up: Up, batch: str
) -> None:
    """Whoever looks at the list of runs sees red, and in the run the reason."""
    [run] = up.until(lambda: up.ended_runs(f"{batch}-refused"))

    assert run["status"] == "FAILURE"
    events = run["eventConnection"]["events"]
    said = [event["error"]["message"] for event in events if event]
    assert any("bad.csv" in text and "return_on_assets" in text for text in said)


def test_files_end_in_archive_or_in_failed(up: Up, batch: str, second: str) -> None:
    """An inbox that empties itself must say where it puts things."""
    archived = sorted(f.name for f in (up.home / "archive" / batch).glob("0*"))
    [failed] = (up.home / "failed").iterdir()

    assert len(archived) == 2
    assert {f.name for f in failed.iterdir()} == {"bad.csv", "REASON.txt"}
    assert "return_on_assets" in (failed / "REASON.txt").read_text()
    assert not list((up.home / "inbox").iterdir())
    assert not list((up.home / "landing").iterdir())


def test_a_backfill_brings_deleted_rows_back_once(
    up: Up, batch: str, second: str
) -> None:
    """After a mishap in the database an operator selects batches and clicks."""
    batches = [batch, second]
    before = {key: (stored(up, key), up.loads(key)[0]) for key in batches}
    up.query(
        "DELETE FROM annual_predictions WHERE upload_id IN"
        " (SELECT id FROM uploads WHERE batch_key IN (?, ?))",
        *batches,
    )
    assert [stored(up, key) for key in batches] == [0, 0]

    launched = up.ask(
        BACKFILL,
        assets=[{"path": [asset]} for asset in BATCH_ASSETS],
        partitions=batches,
    )
    assert launched["__typename"] == "LaunchBackfillSuccess", launched
    status = up.until(
        lambda: (
            found
            if (found := backfill_status(up, launched["backfillId"]))
            not in ("REQUESTED", "COMPLETED_PENDING")
            else ""
        )
    )

    assert status == "COMPLETED_SUCCESS"
    for key, (rows, figures) in before.items():
        again = up.loads(key)
        assert stored(up, key) == rows
        assert len(again) == 2
        assert [again[0][n] for n in COUNTS] == [figures[n] for n in COUNTS]


def backfill_status(up: Up, key: str) -> str:
    """How far a back-fill is."""
    return str(up.ask(BACKFILL_STATUS, id=key)["status"])


@pytest.mark.skipif(
    not REAL_FILE.exists(), reason="shared/data is not beside the checkout"
)
def test_the_real_file_gives_the_golden_figures_through_the_inbox(
    up: Up, second: str
) -> None:
    """These figures were taken from the system that this one replaces."""
    found = up.query(
        "SELECT probability FROM annual_predictions JOIN uploads"
        " ON uploads.id = upload_id WHERE file_name = ? AND batch_key = ?",
        REAL_FILE.name,
        second,
    )

    assert len(found) == 2466
    total = math.fsum(probability for (probability,) in found)
    assert total == pytest.approx(57.28843432367688, rel=1e-12)


def test_a_signal_stops_everything(up: Up) -> None:
    """A forgotten code server would hold the port and the database for ever."""
    children = psutil.Process(up.process.pid).children(recursive=True)
    up.process.send_signal(signal.SIGTERM)
    code = up.process.wait(60)
    _, alive = psutil.wait_procs(children, timeout=10)

    assert code == 0, up.log.read_text()[-3000:]
    assert len(children) >= 2
    assert alive == []
    assert up.log.read_text().rstrip().endswith("Stopped.")
    assert re.search(r"Dagster is up at http://127\.0\.0\.1:\d+", up.log.read_text())
