"""One load by the real graph: ``bulk-pipeline ingest`` as a person starts it."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bulk_pipeline.adapters.home import Home
from bulk_pipeline.adapters.journal import Journal
from bulk_pipeline.adapters.reports import StepRecord, step_records
from bulk_pipeline.bench.children import Ran, run_python
from bulk_pipeline.bench.figures import Cost, Load
from bulk_pipeline.bench.targets import Target
from bulk_pipeline.core.errors import PermanentError
from bulk_pipeline.core.metrics import STAGES

PROGRAM = "from bulk_pipeline.cli import main; main()"


def load(file: Path, rows: int, home: Home, target: Target) -> Load:
    """Load a file into an empty database, by a process with an empty home.

    Args:
        file: what to load.
        rows: how many rows it has; all of them must be stored.
        home: of this load alone; its folder does not exist yet.
        target: where to; what was stored is removed again.

    Raises:
        PermanentError: the load failed, or stored other than all rows.
    """
    environment = target.environment(home.root)
    arguments = ["-c", PROGRAM, "ingest", str(file), "--json"]
    try:
        ran = run_python(arguments, environment)
        upload = _upload(ran, rows)
        steps = step_records(home.chunks(upload["batch"]))
        return measured(ran, steps, upload["seconds"])
    finally:
        if target.url is not None and home.journal.exists():
            journal = Journal(home.journal)
            target.clear(journal.home_id())
            journal.close()


def measured(ran: Ran, steps: Sequence[StepRecord], seconds: float) -> Load:
    """A load from what its process cost and what its steps wrote down.

    Args:
        ran: its process.
        steps: the records of its steps.
        seconds: from the first file opened to the commit.
    """
    opened = max(step.opened_at for step in steps) - ran.started_at
    return Load(
        stages={stage: _cost(stage, steps) for stage in STAGES},
        start=opened,
        opened_to_commit=seconds,
        end=ran.cost.seconds - opened - seconds,
        whole=ran.cost,
        curve=ran.curve,
    )


def _cost(stage: str, steps: Sequence[StepRecord]) -> Cost:
    """A stage in all steps."""
    cpu = [step.stage_cpu_seconds.get(stage) for step in steps]
    peaks = [step.stage_peak_bytes.get(stage) for step in steps]
    known = [seconds for seconds in cpu if seconds is not None]
    return Cost(
        seconds=sum(step.stages.get(stage, 0.0) for step in steps),
        cpu_seconds=sum(known) if known else None,
        peak_memory_bytes=max((p for p in peaks if p is not None), default=None),
    )


def _upload(ran: Ran, rows: int) -> dict[str, Any]:
    """What became of the file; all its rows must be stored."""
    try:
        upload: dict[str, Any] = json.loads(ran.output)["uploads"][0]
    except ValueError:
        said = ran.errors.strip().splitlines()
        why = said[-1] if said else f"it ended with code {ran.code}"
        raise PermanentError(f"The measured load failed: {why}") from None
    if ran.code or upload["inserted"] != rows:
        raise PermanentError(
            f"The measured load stored {upload['inserted']:,} of {rows:,} rows. "
            f"{upload['message'] or ran.errors.strip()}".strip()
        )
    return upload
