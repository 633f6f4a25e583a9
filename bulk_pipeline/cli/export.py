"""The command that writes scored rows for people."""

import json
from dataclasses import asdict
from pathlib import Path

import click

from bulk_pipeline.adapters.exporting.export import Export, Selection
from bulk_pipeline.adapters.exporting.export import export as export_selection
from bulk_pipeline.adapters.installation import Installation
from bulk_pipeline.cli.options import database_option
from bulk_pipeline.core.wording import amount


@click.command()
@click.option(
    "--upload", metavar="KEY", help="Rows of one upload's file, or a batch's."
)
@click.option("--year", type=int, help="Rows of one reporting year.")
@click.option("--all", "everything", is_flag=True, help="All rows.")
@click.option(
    "--out",
    required=True,
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="File to write: .csv, .xlsx or .parquet.",
)
@click.option("--force", is_flag=True, help="Replace a file that exists.")
@database_option
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
def export(
    upload: str | None,
    year: int | None,
    out: Path,
    *,
    everything: bool,
    **switches: bool,
) -> None:
    """Write scored rows to a file: what was sent, the probability, the risk level.

    KEY is the key of an upload, as `bulk-pipeline uploads` prints it, or of a batch. Of
    an upload every row of its file is written that is stored now, also those that
    another upload had stored before; the column stored_by tells them apart.

    Exit 0: the file is written, whole. 1: the key is unknown, or its upload stored
    nothing. 2: the file cannot be written where --out says.
    """
    if everything == (upload is not None or year is not None):
        raise click.UsageError("Give --upload KEY, --year Y or both; or --all.")
    installation = Installation.from_environment()
    try:
        done = export_selection(
            installation, Selection(upload, year), out, replace=switches["force"]
        )
    finally:
        installation.close()
    if switches["as_json"]:
        click.echo(json.dumps({**asdict(done), "file": str(done.file)}))
        return
    _show(done)


def _show(done: Export) -> None:
    others = f", {done.others:,} of them stored by others" if done.others else ""
    click.echo(f"{amount(done.rows, 'row')} in {done.file}{others}")
    for note in done.notes:
        click.echo(f"  {note}")
