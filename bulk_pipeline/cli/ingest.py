"""The command that loads files at once, in this process."""

import json
import sys
from contextlib import closing
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import click

from bulk_pipeline.adapters.batches import Batch, Options, land_copies
from bulk_pipeline.adapters.collecting import nothing_to_collect
from bulk_pipeline.adapters.home import make_home
from bulk_pipeline.adapters.installation import Installation
from bulk_pipeline.adapters.loaders import prepared_ahead
from bulk_pipeline.adapters.locks import own_batch
from bulk_pipeline.cli.options import database_option
from bulk_pipeline.cli.show import print_result, progress_bar

FAILED = 1
DONE = frozenset({"loaded", "repeated"})


@click.command()
@click.argument(
    "files",
    nargs=-1,
    required=True,
    type=click.Path(exists=True, dir_okay=False, readable=True, path_type=Path),
)
@database_option
@click.option(
    "--on-conflict",
    type=click.Choice(["skip", "update"]),
    help="A stored row with other values: keep it, or replace it and keep the old one "
    "in the history. Default: BULK_PIPELINE_ON_CONFLICT.",
)
@click.option("--force", is_flag=True, help="Load a file that was loaded before.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
def ingest(
    files: tuple[Path, ...], on_conflict: str | None, *, force: bool, as_json: bool
) -> None:
    """Read, score and load FILES as one batch; the files themselves stay.

    Exit 0: every file is loaded or was loaded before. 1: some file failed. 2: wrong
    usage.
    """
    installation = Installation.from_environment()
    try:
        batch = _claim(installation, files, on_conflict, force=force)
        run_id = str(uuid4())
        held = own_batch(installation.home.landing(batch.key), run_id)
        loading = prepared_ahead(installation.database, batch.guessed_rows)
        shown = progress_bar(_bytes(batch), shown=not as_json)
        with closing(held), loading, shown:
            failure = _run(installation, batch, run_id)
        uploads = installation.journal.uploads(batch=batch.key)
    finally:
        installation.close()
    if as_json:
        click.echo(json.dumps({"uploads": [asdict(upload) for upload in uploads]}))
    else:
        print_result(uploads, installation.database.name)
    failed = any(upload.state not in DONE for upload in uploads)
    if failure and not failed:
        click.echo(f"The rows are stored, but the run failed: {failure}", err=True)
    if failure or failed:
        sys.exit(FAILED)


def _claim(
    installation: Installation,
    files: tuple[Path, ...],
    on_conflict: str | None,
    *,
    force: bool,
) -> Batch:
    """Copy the files into a batch of this home."""
    make_home(installation.home.root)
    settings = installation.settings
    if on_conflict is not None:
        settings = settings.model_copy(update={"on_conflict": on_conflict})
    options = Options.from_settings(settings, force=force)
    batch = land_copies(installation.home, files, options, datetime.now(UTC))
    installation.journal.claim(batch)
    return batch


def _run(installation: Installation, batch: Batch, run_id: str) -> str:
    with nothing_to_collect():
        from bulk_pipeline.cli.running import run_batch  # noqa: PLC0415  # Dagster, 1 s

    return run_batch(installation, batch, run_id)


def _bytes(batch: Batch) -> int:
    return sum(upload.bytes for upload in batch.uploads)
