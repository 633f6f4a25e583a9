"""``bulk-pipeline up`` as a person starts it, and the ways to look at it."""

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from bulk_pipeline.adapters.settings import EXECUTOR_VARIABLE, Settings
from bulk_pipeline_tests.adapters.harness import ROOT
from bulk_pipeline_tests.cli.command import PROGRAM
from bulk_pipeline_tests.ports import free_port

PATIENCE_SECONDS = 90
SETTINGS = (*Settings.variables(), EXECUTOR_VARIABLE, "DAGSTER_HOME")

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
      assetSelection { path }
      eventConnection { events {
        ... on ExecutionStepFailureEvent { error { message } }
      } }
    } }
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
            made = "SELECT 1 FROM sqlite_master WHERE name = 'uploads'"
            if not connection.execute(made).fetchall():
                return ""
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


@contextmanager
def running_up(home: Path, port: int | None = None) -> Iterator[Up]:
    """A ``bulk-pipeline up`` that takes files; nothing of it outlives the block."""
    log, port = home.parent / "up.log", port or free_port()
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
