"""A batch that was sent, and workers that have nothing but the exchange."""

import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bulk_pipeline.adapters.active_model import activate
from bulk_pipeline.adapters.chunks import ChunkHandle
from bulk_pipeline.adapters.exchange.afar import score_afar
from bulk_pipeline.adapters.exchange.exchange import Exchange
from bulk_pipeline.adapters.scoring import (
    gather,
    plan_spans,
    score_span,
    spread_spans,
)
from bulk_pipeline.adapters.settings import Settings
from bulk_pipeline_tests.adapters.harness import (
    IN_PROCESS,
    Pipeline,
    installation_in,
    ratios,
)
from bulk_pipeline_tests.builders import rows_of, write_csv

WORKER = """
import os, sys
import dagster as dg
from bulk_pipeline.defs.predictions.assets import score_chunk
from bulk_pipeline.defs.resources import InstallationResource
resource = InstallationResource()
for key in sys.argv[2:]:
    context = dg.build_op_context(partition_key=sys.argv[1], mapping_key=key)
    score_chunk(context, installation=resource)
print("opened" in resource.__dict__)
del os.environ["BULK_PIPELINE_CHUNKS_URL"]
try:
    score_chunk(context, installation=InstallationResource())
except dg.Failure as failure:
    print(failure.description)
"""
"""The step as Dagster calls it on another machine, and then without the setting."""


@dataclass
class Sender:
    """A home whose batches are scored elsewhere."""

    pipeline: Pipeline

    @property
    def exchange(self) -> Exchange:
        """Its exchange."""
        return Exchange.of(self.pipeline.installation.settings)

    @property
    def objects(self) -> dict[str, int]:
        """Objects of batches in the exchange; models are kept there."""
        found = self.exchange.sizes()
        return {n: size for n, size in found.items() if not n.startswith("models/")}

    def read(self, file: Path) -> ChunkHandle:
        """A batch of one file, read."""
        return self.pipeline.read(self.pipeline.land(file).key)

    def send(self, rows: ChunkHandle, model: Path | None = None) -> list[str]:
        """Send a batch that was read; returns the mapping keys of its spans."""
        active = activate(self.pipeline.installation.home, model)
        return spread_spans(self.pipeline.installation, rows, active)

    def score(self, rows: ChunkHandle, keys: Sequence[str]) -> None:
        """Score spans as a worker in this process does."""
        batch = rows.directory.parent.name
        for key in keys:
            score_afar(self.pipeline.installation.settings, batch, key)

    def gather(self, rows: ChunkHandle) -> ChunkHandle:
        """Gather a batch."""
        return gather(self.pipeline.installation, rows.directory.parent.name)

    def locally(self, rows: ChunkHandle, model: Path | None = None) -> dict[str, bytes]:
        """Score a batch in its home; every file of its scores but the plan."""
        active = activate(self.pipeline.installation.home, model)
        workers = self.pipeline.installation.settings.workers
        for span in plan_spans(rows, workers, active):
            score_span(self.pipeline.installation, span)
        return kept(self.gather(rows))


def sender_in(folder: Path, url: str, **variables: object) -> Sender:
    """A home in a folder that sends every batch, each call tried once."""
    given = {
        "ULTRA_BATCH_SIZE": 9,
        "ULTRA_PARALLEL_WORKERS": 3,
        "BULK_PIPELINE_CHUNKS_URL": url,
        "BULK_PIPELINE_CHUNKS_ROWS": 1,
        "BULK_PIPELINE_RETRIES": 1,
        **variables,
    }
    return Sender(Pipeline(installation_in(folder, **given), IN_PROCESS))


def kept(scores: ChunkHandle) -> dict[str, bytes]:
    """Every file that a batch's scores consist of, but what says how they were made."""
    files = [*scores.directory.glob("*.arrow"), scores.directory / "manifest.json"]
    return {file.name: file.read_bytes() for file in files}


def mixed_file(folder: Path, rows: int = 60) -> Path:
    """A file with gaps and a repeated key."""
    made = rows_of([f"S{number}" for number in range(rows // 10)], range(2000, 2010))
    for place, row in enumerate(made):
        row["return_on_assets"] = str(place - 40)
        if place % 5 == 0:
            row.update(ratios(total_debt_to_ebitda=place / 7))
    return write_csv(folder / "mixed.csv", [*made, dict(made[3])])


def worker(
    url: str, home: Path, code: str, *arguments: str, **more: str
) -> subprocess.CompletedProcess[str]:
    """Run code in a process that has no setting but the exchange and an empty home."""
    settings = {*Settings.variables(), "DAGSTER_HOME", "BULK_PIPELINE_EXECUTOR"}
    environment = {n: v for n, v in os.environ.items() if n not in settings}
    environment |= {
        "BULK_PIPELINE_CHUNKS_URL": url,
        "BULK_PIPELINE_HOME": str(home),
        **more,
    }
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )
