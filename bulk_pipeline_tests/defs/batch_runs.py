"""Batches through the real job on a real instance; shared by the tests of defs."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import Any

import dagster as dg

import bulk_pipeline.data
from bulk_pipeline.adapters.batches import Batch, Options, land_copies
from bulk_pipeline.adapters.installation import Installation
from bulk_pipeline.definitions import build_definitions
from bulk_pipeline.defs.partitions import batches

QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


@dataclass(frozen=True)
class Runner:
    """Claims files and runs their batch; everything is real but the directory."""

    installation: Installation
    instance: dg.DagsterInstance
    definitions: dg.Definitions

    def claim(self, *files: Path, **options: Any) -> Batch:
        """A new batch of copies, known to the journal and to Dagster."""
        chosen = Options.from_settings(self.installation.settings)
        chosen = Options(**{**_fields(chosen), **options})
        now = datetime.now(UTC)
        batch = land_copies(self.installation.home, files, chosen, now)
        self.installation.journal.claim(batch)
        self.instance.add_dynamic_partitions(str(batches.name), [batch.key])
        return batch

    def run(self, batch: Batch, job: str = "batch_job") -> dg.ExecuteInProcessResult:
        """Run the batch's job; a failure is in the result."""
        return self.definitions.resolve_job_def(job).execute_in_process(
            instance=self.instance,
            partition_key=batch.key,
            run_config=QUIET,
            raise_on_error=False,
        )

    def part(self, batch: Batch, *assets: str) -> dg.ExecuteInProcessResult:
        """Run only some assets of the batch, and their checks."""
        job = self.definitions.get_implicit_global_asset_job_def()
        return job.execute_in_process(
            instance=self.instance,
            partition_key=batch.key,
            asset_selection=[dg.AssetKey(name) for name in assets],
            run_config=QUIET,
            raise_on_error=False,
        )

    def metadata(self, asset: str) -> Mapping[str, Any]:
        """Plain values of the metadata of an asset's latest materialisation."""
        event = self.instance.get_latest_materialization_event(dg.AssetKey(asset))
        assert event is not None
        assert event.asset_materialization is not None
        found = event.asset_materialization.metadata
        return {name: value.value for name, value in found.items()}


@contextmanager
def runner(tmp_path: Path) -> Iterator[Runner]:
    """A runner over a fresh instance and the home of the environment."""
    folder = tmp_path / "instance"
    folder.mkdir()
    installation = Installation.from_environment()
    installation.database.create_tables()
    shipped = files(bulk_pipeline.data).joinpath("dagster.yaml")
    (folder / "dagster.yaml").write_text(shipped.read_text())
    with dg.DagsterInstance.from_config(str(folder)) as instance:
        yield Runner(installation, instance, build_definitions())
    installation.close()


def _fields(options: Options) -> dict[str, Any]:
    """The options by name."""
    return {name: getattr(options, name) for name in options.__slots__}
