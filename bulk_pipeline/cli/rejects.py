"""The command that shows and copies the rejected rows of an upload."""

import json
from dataclasses import asdict
from pathlib import Path

import click

from bulk_pipeline.adapters.installation import Installation
from bulk_pipeline.adapters.reject_lists import (
    RejectList,
    copy_reject_lists,
    reject_lists,
)
from bulk_pipeline.core.wording import amount


@click.command()
@click.argument("key")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="Copy the list to a .csv or .xlsx; of a batch, to a directory, as .xlsx.",
)
@click.option("--force", is_flag=True, help="Replace copies that exist.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
def rejects(key: str, out: Path | None, *, force: bool, as_json: bool) -> None:
    """Say how many rows of an upload were rejected, why, and where they are listed.

    KEY is the key of an upload, as `bulk-pipeline uploads` prints it, or of a batch.
    The list holds each row as it stood: correct it in a copy and ingest that.

    Exit 0: the list is shown, or nothing was rejected. 1: the key is unknown. 2: the
    copy cannot be written where --out says.
    """
    installation = Installation.from_environment()
    try:
        found = reject_lists(installation, key)
    finally:
        installation.close()
    if out is not None:
        found = copy_reject_lists(found, key, out, replace=force)
    if as_json:
        click.echo(json.dumps({"uploads": [asdict(one) for one in found]}))
        return
    for one in found:
        _show(one)


def _show(one: RejectList) -> None:
    click.echo(f"{one.file}: {one.state} (upload {one.key})")
    if one.message:
        click.echo(f"  {one.message}")
    if one.reject_file is None:
        click.echo("  No row is listed as rejected.")
        return
    for count in one.reasons:
        click.echo(f"  {count.reason}: {count.rows:,}. {count.sentence}")
    click.echo(f"  reject file: {one.reject_file} ({amount(one.rows, 'row')})")
    if one.copy is not None:
        click.echo(f"  copy: {one.copy}")
