"""What a tick of the inbox sensor takes beside a full inbox and a long journal.

    python benchmarks/ticks.py SCRATCH [--uploads 100000] [--files 5000] [--ticks 10]

Run it from a checkout, with the project's Python, on a machine that does nothing else.
SCRATCH is a folder that is not there yet. The sensor is evaluated in this process, on a
real home and a real Dagster instance with the shipped dagster.yaml; no run is started.

It prints the seconds of each tick and how much the resident memory grew meanwhile:
unsettled (every file is still too young to be taken), settled (all files are claimed by
one tick, which asks for their runs; then the same requests again), waiting (as many
files again as 200 batches whose runs are in the queue).
"""

import argparse
import os
import resource
import shutil
import sys
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

CHECKOUT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(CHECKOUT))

import dagster as dg  # noqa: E402
import psutil  # noqa: E402
from dagster._core.remote_origin import (  # noqa: E402  # a queued run must have one
    RegisteredCodeLocationOrigin,
    RemoteJobOrigin,
    RemoteRepositoryOrigin,
)

from bulk_pipeline.adapters.installation import Installation  # noqa: E402
from bulk_pipeline.adapters.journal_tables import uploads  # noqa: E402
from bulk_pipeline.definitions import build_definitions  # noqa: E402
from bulk_pipeline.defs.jobs import batch_job  # noqa: E402
from bulk_pipeline.defs.resources import InstallationResource  # noqa: E402
from bulk_pipeline.defs.uploads.sensor import inbox_sensor  # noqa: E402

UPLOADS_IN_BATCH = 200
WAITING = 200  # batches
MIXED = ("loaded",) * 16 + ("repeated",) * 2 + ("failed", "withdrawn")
REPORT = '{"stages": {"read": 0.1, "load": 0.2}, "tier": "STANDARD", "pad": "' + (
    "x" * 900 + '"}'
)
"""About as long as a real one."""
LINE = "company_symbol,reporting_year\nAA,2001\n"
MIB = 2**20


def main() -> None:
    """Build the home and print what ticks take."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("scratch", type=Path)
    parser.add_argument("--uploads", type=int, default=100_000)
    parser.add_argument("--files", type=int, default=5_000)
    parser.add_argument("--ticks", type=int, default=10)
    chosen = parser.parse_args()
    scratch = chosen.scratch.absolute()
    scratch.mkdir(parents=True)
    for name in [n for n in os.environ if n.startswith(("BULK_", "ULTRA_"))]:
        del os.environ[name]
    os.environ.pop("DATABASE_URL", None)
    os.environ["BULK_PIPELINE_HOME"] = str(scratch / "home")
    folder = scratch / "dagster"
    folder.mkdir()
    shutil.copy(CHECKOUT / "bulk_pipeline/data/dagster.yaml", folder)
    with (
        closing(Installation.from_environment()) as installation,
        dg.DagsterInstance.from_config(str(folder)) as instance,
    ):
        installation.database.create_tables()
        fill(installation, chosen.uploads)
        measure(installation, instance, chosen.files, chosen.ticks)


def measure(
    installation: Installation, instance: dg.DagsterInstance, files: int, ticks: int
) -> None:
    """Print the seconds of the ticks of each case."""
    inbox = installation.home.inbox
    print(f"{installation.journal.count():,} uploads in the journal, {files:,} files")
    drop(inbox, "first", files)
    os.environ["BULK_PIPELINE_QUIET_SECONDS"] = "86400"
    look(instance)  # what only the first tick pays is left out
    show("unsettled", [look(instance) for _ in range(ticks)])
    os.environ["BULK_PIPELINE_QUIET_SECONDS"] = "0"
    show("settled, all claimed", [look(instance)])
    again = [look(instance) for _ in range(ticks)]
    show("requests asked again", again)
    queue(instance, again[-1][1])
    drop(inbox, "second", files)
    os.environ["BULK_PIPELINE_BATCH_FILES"] = str(max(1, files // WAITING))
    claimed = look(instance)
    show(f"settled, as {len(claimed[1])} batches", [claimed])
    queue(instance, claimed[1])
    show("batches waiting", [look(instance) for _ in range(ticks)])


def fill(installation: Installation, count: int) -> None:
    """Enter uploads of batches that ended long ago."""
    start = datetime.now(UTC) - timedelta(days=30)
    rows: list[dict[str, Any]] = []
    for number in range(count):
        moment = start + timedelta(seconds=number)
        rows.append(
            {
                "key": f"{moment:%Y%m%dT%H%M%SZ}-{number:08x}",
                "batch": f"old-{number // UPLOADS_IN_BATCH:06}",
                "file": f"file-{number}.csv",
                "bytes": 1000,
                "submitted_by": "",
                "retry_of": "",
                "refusal_shown": True,
                "state": MIXED[number % len(MIXED)],
                "attempts": 1,
                "claimed_at": moment,
                "changed_at": moment,
                "run_id": "",
                "message": "",
                "report": REPORT,
            }
        )
    with installation.journal.transaction() as connection:
        connection.execute(uploads.insert(), rows)


def drop(inbox: Path, label: str, count: int) -> None:
    """Write small files into the inbox."""
    inbox.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        (inbox / f"{label}-{number:05}.csv").write_text(LINE, encoding="utf-8")


Look = tuple[float, list[dg.RunRequest], float]


def look(instance: dg.DagsterInstance) -> Look:
    """One tick: its seconds, its requests, and the resident memory after it (MiB)."""
    with dg.build_sensor_context(
        instance=instance, resources={"installation": InstallationResource()}
    ) as context:
        before = time.perf_counter()
        answer: Any = inbox_sensor(context)
        seconds = time.perf_counter() - before
    memory = psutil.Process().memory_info().rss / MIB
    return seconds, list(getattr(answer, "run_requests", None) or ()), memory


def queue(instance: dg.DagsterInstance, requests: list[dg.RunRequest]) -> None:
    """Put the runs of requests into the queue, as the daemon does."""
    job = build_definitions().resolve_job_def(batch_job.name)
    location = RegisteredCodeLocationOrigin("bulk_pipeline")
    repository = RemoteRepositoryOrigin(location, "__repository__")
    origin = RemoteJobOrigin(repository, job.name)
    for request in requests:
        instance.create_run_for_job(
            job,
            tags={**request.tags, "dagster/run_key": str(request.run_key)},
            status=dg.DagsterRunStatus.QUEUED,
            remote_job_origin=origin,
        )


def show(case: str, looks: list[Look]) -> None:
    """Print one case: median and slowest tick, growth of memory over its ticks."""
    ordered = sorted(seconds for seconds, _, _ in looks)
    grew = looks[-1][2] - looks[0][2]
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{case:<24} ticks {len(looks):>3}  median {ordered[len(ordered) // 2]:6.2f} s"
        f"  slowest {ordered[-1]:6.2f} s  requests {len(looks[-1][1]):>4}"
        f"  memory {grew:+6.1f} MiB, peak {most:,.0f} MiB"
    )


if __name__ == "__main__":
    main()
