"""The command that loads failed files again."""

import json
import sys
from contextlib import closing
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import click

from bulk_pipeline.adapters.batches import (
    Batch,
    Options,
    Upload,
    land_copies,
)
from bulk_pipeline.adapters.installation import Installation
from bulk_pipeline.adapters.locks import own_batch
from bulk_pipeline.adapters.moving import failed_file, put_away
from bulk_pipeline.cli.options import database_option
from bulk_pipeline.cli.show import print_result
from bulk_pipeline.core.errors import PermanentError

FAILED = 1


@click.command()
@click.argument("keys", nargs=-1, required=True, metavar="KEY...")
@database_option
@click.option("--queue", is_flag=True, help="Leave it to the daemon of `up`.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
def retry(keys: tuple[str, ...], *, queue: bool, as_json: bool) -> None:
    """Load failed uploads again, by their KEYs, as one new batch.

    The file in `failed/KEY/` is taken as it is now: correct it there first. The failed
    upload stays in the list; the new one names it.
    """
    installation = Installation.from_environment()
    try:
        batch = _batch(installation, keys)
        if not queue:
            run_id = str(uuid4())
            with closing(own_batch(installation.home.landing(batch.key), run_id)):
                _run(installation, batch, run_id)
        uploads = installation.journal.uploads(batch=batch.key)
    finally:
        installation.close()
    if as_json:
        click.echo(json.dumps({"uploads": [asdict(upload) for upload in uploads]}))
    elif queue:
        click.echo(f"Batch {batch.key} is claimed; the daemon runs it.")
    else:
        print_result(uploads, installation.database.name)
    if any(upload.state == "failed" for upload in uploads):
        sys.exit(FAILED)


def _batch(installation: Installation, keys: tuple[str, ...]) -> Batch:
    """A new batch of the files of failed uploads."""
    known = {upload.key: upload for upload in installation.journal.uploads(keys=keys)}
    retries: dict[Path, Upload] = {}
    for key in keys:
        report = known.get(key)
        if report is None or report.state != "failed":
            state = "not known" if report is None else report.state
            raise PermanentError(
                f"Upload {key} is {state}; only a failed one can be tried again. See "
                "bulk-pipeline uploads --state failed."
            )
        put_away(installation, report.batch)
        upload = Upload(key, report.file, "", 0, submitted_by=report.submitted_by)
        retries[failed_file(installation, key, upload.file_name)] = upload
    options = Options.from_settings(installation.settings)
    now = datetime.now(UTC)
    batch = land_copies(installation.home, list(retries), options, now, retries)
    installation.journal.claim(batch)
    return batch


def _run(installation: Installation, batch: Batch, run_id: str) -> None:
    from bulk_pipeline.cli.running import run_batch  # noqa: PLC0415  # Dagster, 1 s

    run_batch(installation, batch, run_id)
