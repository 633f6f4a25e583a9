"""How values pass between steps: small handles as JSON, rows through the loader."""

import json
from pathlib import Path
from typing import Any

import dagster as dg

from bulk_pipeline.adapters.active_model import ActiveModel, active_model, refresh
from bulk_pipeline.adapters.atomic import write_json
from bulk_pipeline.adapters.chunks import ChunkHandle
from bulk_pipeline.adapters.moving import put_away
from bulk_pipeline.adapters.publishing import publish_batch
from bulk_pipeline.defs.failures import working_on
from bulk_pipeline.defs.metadata import TABLE_ROWS, card_metadata, figures_metadata
from bulk_pipeline.defs.resources import InstallationResource


class HandleIOManager(dg.ConfigurableIOManager):
    """Keeps the handle of a partition's chunks as JSON; no pickle, and never a row."""

    installation: dg.ResourceDependency[InstallationResource]

    def handle_output(self, context: dg.OutputContext, obj: ChunkHandle) -> None:
        document = {"chunks": str(obj.directory.relative_to(self._root))}
        write_json(self._path(context), document)

    def load_input(self, context: dg.InputContext) -> ChunkHandle:
        document = json.loads(self._path(context).read_text(encoding="utf-8"))
        return ChunkHandle.open(self._root / document["chunks"])

    @property
    def _root(self) -> Path:
        return self.installation.installation.home.root

    def _path(self, context: dg.OutputContext | dg.InputContext) -> Path:
        folder = self._root.joinpath("handles", *context.asset_key.path)
        return folder / f"{context.asset_partition_key}.json"


class ScorecardIOManager(dg.ConfigurableIOManager):
    """Hands on the active model of the home; the asset itself activates it."""

    installation: dg.ResourceDependency[InstallationResource]

    def handle_output(self, context: dg.OutputContext, obj: ActiveModel) -> None:
        """Nothing to keep: the model lies in the home under its hash."""

    def load_input(self, context: dg.InputContext) -> ActiveModel:
        del context  # there is one active model, whoever asks
        settings = self.installation.installation.settings
        return active_model(self.installation.installation.home) or refresh(settings)


class BulkInsertIOManager(dg.ConfigurableIOManager):
    """Loads a scored batch into the target database in one publishing transaction.

    A batch that is materialised again stores nothing twice and reports the same
    counts. The load's figures become metadata of the asset and of ``run_metrics``.
    """

    installation: dg.ResourceDependency[InstallationResource]

    def handle_output(self, context: dg.OutputContext, obj: ChunkHandle) -> None:
        batch = context.asset_partition_key
        with working_on(self.installation, batch, context.run_id) as installation:
            published = publish_batch(
                installation, self.installation.loader, obj, context.run_id
            )
            put_away(installation, batch)
        metadata = figures_metadata(published.figures)
        pool: Any = installation.database.engine.pool
        context.add_output_metadata(
            {
                "performance": card_metadata(published),
                **metadata,
                "dagster/partition_row_count": published.figures.counts["inserted"]
                + published.figures.counts["updated"],
                "pool_connections_in_use": pool.checkedout(),
                "pool_connections_allowed": pool.size(),
                "database": installation.database.name,
                "reject_files": [
                    upload.reject_file
                    for upload in published.uploads
                    if upload.reject_file
                ][:TABLE_ROWS],
                "files_refused": sum(u.state == "failed" for u in published.uploads),
            }
        )
        context.log_event(dg.AssetMaterialization("run_metrics", metadata=metadata))

    def load_input(self, context: dg.InputContext) -> Any:
        """Stored rows of the batch's uploads, as a pandas frame."""
        from bulk_pipeline.adapters.frames import batch_frame  # noqa: PLC0415

        return batch_frame(self.installation.installation, context.asset_partition_key)
