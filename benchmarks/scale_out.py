"""What workers cost and gain: loads in process, or with so many scorers.

    .ci/scale .venv/bin/python benchmarks/scale_out.py SCRATCH [--rows 10 100000]
        [--trees 0] [--scorers 0] [--times 3]

Run it from a checkout, on a machine that does nothing else. SCRATCH is a folder that is
not there yet. Each load is a run of `batch_job` on a Dagster instance in PostgreSQL,
from its start to its end, with the modules imported before: 0 scorers run it in this
process, otherwise a worker does the steps of the home and each scorer is a worker of
its own, all on this machine. --trees 0 scores with the shipped scorecard, other numbers
with so many boosted trees of 31 leaves.

For each size it prints the median seconds of the run, rows per second, and the seconds
from the first span begun to the last one ended.
"""

import argparse
import contextlib
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import dagster as dg
import numpy as np
from dagster._core.definitions.reconstruct import (
    ReconstructableJob,
    ReconstructableRepository,
)
from dropping import CHECKOUT, PROGRAM

from bulk_pipeline.adapters.batches import Options, land_copies
from bulk_pipeline.adapters.installation import Installation
from bulk_pipeline.adapters.model_store import save_estimator
from bulk_pipeline.core.schema import RATIOS
from bulk_pipeline.defs.uploads.tags import batch_tags

LEARNT, LEAVES = 20_000, 31
SCORE = "batch_predictions.score_chunk"
QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


@dataclass(frozen=True)
class Load:
    """Seconds of one run, and of its spans; no spans where they were not sent."""

    seconds: float
    scoring: float


def main() -> None:
    """Measure what the arguments ask for and print a line for each size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("scratch", type=Path)
    parser.add_argument("--rows", type=int, nargs="+", default=[10, 100_000])
    parser.add_argument("--trees", type=int, default=0)
    parser.add_argument("--scorers", type=int, default=0)
    parser.add_argument("--times", type=int, default=3, help="0: one, without a first")
    wanted = parser.parse_args()
    scratch: Path = wanted.scratch.absolute()
    scratch.mkdir(parents=True)
    files = [_generated(scratch, rows) for rows in wanted.rows]
    _set_environment(scratch, _model(scratch, wanted.trees), wanted.scorers)
    with _workers(scratch, wanted.scorers):
        for rows, file in zip(wanted.rows, files, strict=True):
            load = _median(file, wanted.scorers, wanted.times)
            told = {
                "rows": rows,
                "model": f"{wanted.trees} trees" if wanted.trees else "scorecard",
                "scorers": wanted.scorers or "in process",
                "seconds": round(load.seconds, 2),
                "rows_per_second": round(rows / load.seconds),
                "scoring_seconds": round(load.scoring, 2),
            }
            print(json.dumps(told), flush=True)


def _generated(scratch: Path, rows: int) -> Path:
    file = scratch / f"{rows}.csv"
    command = ["generate", "--rows", str(rows), "--seed", "7", "--out", str(file)]
    subprocess.run(
        [sys.executable, "-c", PROGRAM, *command],
        check=True,
        stdout=subprocess.DEVNULL,
        cwd=CHECKOUT,
    )
    return file


def _model(scratch: Path, trees: int) -> Path | None:
    """Boosted trees that have learnt nothing of use: only their time counts."""
    if not trees:
        return None
    from sklearn.ensemble import HistGradientBoostingClassifier  # noqa: PLC0415

    random = np.random.default_rng(1)
    ratios = random.normal(10, 25, (LEARNT, len(RATIOS)))
    classes = (ratios.sum(axis=1) / 250 > random.random(LEARNT)).astype(int)
    fitted = HistGradientBoostingClassifier(max_iter=trees, max_leaf_nodes=LEAVES)
    path = scratch / f"{trees}.skops"
    save_estimator(fitted.fit(ratios, classes), path)
    return path


def _set_environment(scratch: Path, model: Path | None, scorers: int) -> None:
    """The settings of this process and of the workers that it starts."""
    home = scratch / f"home-{time.monotonic_ns()}"
    dagster, exchange = home / "dagster", home / "exchange"
    dagster.mkdir(parents=True)
    exchange.mkdir()
    text = (CHECKOUT / "deploy/celery/dagster.yaml").read_text()
    (dagster / "dagster.yaml").write_text(text)
    url = urlsplit(os.environ["BULK_PIPELINE_TEST_POSTGRES"])
    os.environ |= {
        "BULK_PIPELINE_EXECUTOR": "celery" if scorers else "in_process",
        "BULK_PIPELINE_CELERY_BROKER": os.environ["BULK_PIPELINE_TEST_REDIS"],
        "BULK_PIPELINE_CHUNKS_URL": exchange.as_uri() if scorers else "",
        "BULK_PIPELINE_CHUNKS_ROWS": "50000",
        "BULK_PIPELINE_MODEL": str(model or ""),
        "BULK_PIPELINE_HOME": str(home),
        "DAGSTER_HOME": str(dagster),
        "DAGSTER_POSTGRES_HOST": str(url.hostname),
        "DAGSTER_POSTGRES_PORT": str(url.port),
        "DAGSTER_POSTGRES_USER": str(url.username),
        "DAGSTER_POSTGRES_PASSWORD": str(url.password),
        "DAGSTER_POSTGRES_DB": url.path[1:],
        "ULTRA_PARALLEL_WORKERS": "2" if not scorers else "4",
        "PYTHONPATH": str(CHECKOUT),
    }


@contextlib.contextmanager
def _workers(scratch: Path, scorers: int) -> Iterator[None]:
    """One worker of the home and these scorers, each one step at a time."""
    started = []
    queues = ["home,read,load", *["score"] * scorers] if scorers else []
    for number, names in enumerate(queues):
        log = scratch / f"worker-{scorers}-{number}-{time.monotonic_ns()}.log"
        concurrency = "1" if names == "score" else "2"
        options = ["--queues", names, "--concurrency", concurrency]
        with log.open("wb") as output:
            command = [sys.executable, "-c", PROGRAM, "worker", *options]
            started.append(
                subprocess.Popen(command, stdout=output, stderr=output, cwd=CHECKOUT)
            )
    try:
        yield
    finally:
        for process in started:
            process.terminate()
        for process in started:
            process.wait()


def _median(file: Path, scorers: int, times: int) -> Load:
    """The median of several loads into an empty database, after one to get warm."""
    loads = [_load(file, scorers) for _ in range(times + 1)]
    loads = loads[1:] or loads
    return Load(
        statistics.median(load.seconds for load in loads),
        statistics.median(load.scoring for load in loads),
    )


def _load(file: Path, scorers: int) -> Load:
    with closing(Installation.from_environment()) as installation:
        root = installation.home.root
        for old in root.glob("bulk_pipeline.db*"):
            old.unlink()
        installation.database.create_tables()
        options = Options.from_settings(installation.settings, force=True)
        batch = land_copies(installation.home, [file], options, datetime.now(UTC))
        installation.journal.claim(batch)
    tags = batch_tags(batch.key, [file.name]) | {"dagster/partition": batch.key}
    with dg.DagsterInstance.get() as instance:
        instance.add_dynamic_partitions("batches", [batch.key])
        repository = ReconstructableRepository.for_module(
            "bulk_pipeline.definitions", "defs", str(CHECKOUT)
        )
        job = ReconstructableJob(repository, "batch_job")
        begun = time.perf_counter()
        if scorers:
            result: Any = dg.execute_job(
                job, instance=instance, tags=tags, run_config=QUIET
            )
        else:
            result = job.get_definition().execute_in_process(
                instance=instance,
                partition_key=batch.key,
                tags=tags,
                run_config=QUIET,
                raise_on_error=False,
            )
        seconds = time.perf_counter() - begun
        if not result.success:
            raise SystemExit(_reason(instance, result.run_id))
        return Load(seconds, _scoring(instance, result.run_id))


def _reason(instance: dg.DagsterInstance, run_id: str) -> str:
    """Why a run failed."""
    entries = instance.all_logs(run_id, of_type=dg.DagsterEventType.STEP_FAILURE)
    failed = [e.dagster_event for e in entries if e.dagster_event is not None]
    errors = [(e.step_key, e.step_failure_data.error) for e in failed]
    told = [f"{step}: {error.to_string()}" for step, error in errors if error]
    return "\n".join(told) or f"The run {run_id} failed in no step."


def _scoring(instance: dg.DagsterInstance, run_id: str) -> float:
    """Seconds from the first span begun to the last one ended; 0 without spans."""
    kinds = {dg.DagsterEventType.STEP_START, dg.DagsterEventType.STEP_SUCCESS}
    entries = instance.all_logs(run_id, of_type=kinds)
    moments = [e.timestamp for e in entries if str(e.step_key).startswith(SCORE)]
    return max(moments) - min(moments) if moments else 0.0


if __name__ == "__main__":
    main()
