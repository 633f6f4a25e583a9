"""Loads in processes of their own: held back, let go, halted half-way and killed."""

import subprocess

import psutil

from bulk_pipeline.adapters.chunks import ChunkHandle
from bulk_pipeline_tests.adapters.harness import Pipeline, started, until
from bulk_pipeline_tests.adapters.looking import View
from bulk_pipeline_tests.builders import rows_of, write_csv

LOAD = """
import os, sys
from pathlib import Path
from bulk_pipeline_tests.adapters.harness import Pipeline, counts, installation_in
home, file, bulk_rows, mode = sys.argv[1:]
installation = installation_in(Path(home), DATABASE_URL=os.environ["DATABASE_URL"])
pipeline = Pipeline(installation, int(bulk_rows))
batch = pipeline.land(Path(file), on_conflict=mode)
print(batch.key, flush=True)
scores = pipeline.score(pipeline.read(batch.key))
print("scored", flush=True)
sys.stdin.readline()
print(counts(pipeline.publish(scores).uploads[0]))
"""
"""Lands and scores a file, waits for a line, loads it and writes the counts."""


def loading(
    pipeline: Pipeline, file, mode="skip"
) -> tuple["subprocess.Popen[str]", str]:
    """A process that loads as a pipeline does: it has scored a file and waits.

    Returns:
        The process and the key of its batch.
    """
    home = pipeline.installation.home.root
    process = started(
        LOAD, home, file, pipeline.bulk_rows, mode, DATABASE_URL=pipeline.url
    )
    key = process.stdout.readline().strip()
    assert process.stdout.readline() == "scored\n", process.communicate()[1]
    return process, key


def go(process):
    """Let a waiting process load."""
    process.stdin.write("\n")
    process.stdin.flush()


def stopped_while_writing(pid: int, seen: View) -> psutil.Process:
    """A process halted after it took the write lock and before it gave it back."""
    until(seen.locked, pause=0.0005)
    process = psutil.Process(pid)
    process.suspend()
    assert seen.locked(), "the load was over before it could be halted"
    return process


def nothing_visible(seen: View) -> bool:
    """Whether the database is sound and no load has left a trace in what is read."""
    assert seen.is_sound()
    tables = ("annual_predictions", "annual_prediction_history", "uploads", "models")
    found = [seen.query(f"SELECT count(*) FROM {name}") for name in tables]  # noqa: S608
    return found == [[(0,)]] * len(tables)


def scored_batch(pipeline: Pipeline, folder) -> ChunkHandle:
    """The scores of a small file, with its companies not yet in the register."""
    batch = pipeline.land(write_csv(folder / "a.csv", rows_of("AB", [2001])))
    return pipeline.score(pipeline.read(batch.key))
