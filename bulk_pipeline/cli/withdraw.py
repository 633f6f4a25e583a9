"""The command that takes uploads out of the database again."""

import json
from dataclasses import asdict

import click

from bulk_pipeline.adapters.installation import Installation
from bulk_pipeline.adapters.withdrawing import withdraw as withdraw_uploads
from bulk_pipeline.cli.options import database_option


@click.command()
@click.argument("keys", nargs=-1, required=True, metavar="KEY...")
@database_option
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
def withdraw(keys: tuple[str, ...], *, as_json: bool) -> None:
    """Take the rows of uploads out of the database; restore what they replaced.

    KEY is the key of an upload, as `bulk-pipeline uploads` prints it, or of a batch.
    The rows go into the history. A withdrawn upload stays withdrawn when its batch is
    materialised again; its file can be loaded anew.

    Exit 0: nothing of the uploads is stored any more. 1: a key is unknown, or
    something failed.
    """
    installation = Installation.from_environment()
    try:
        done = withdraw_uploads(installation, keys)
    finally:
        installation.close()
    if as_json:
        click.echo(json.dumps({"uploads": [asdict(upload) for upload in done]}))
        return
    for upload in done:
        click.echo(f"{upload.file}: {upload.state} (upload {upload.key})")
        click.echo(f"  {upload.message}")
