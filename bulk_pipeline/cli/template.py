"""The command that writes an input workbook to fill in."""

from datetime import UTC, datetime
from pathlib import Path

import click

from bulk_pipeline.adapters.template import write_template


@click.command()
@click.argument(
    "file", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE.xlsx"
)
@click.option("--force", is_flag=True, help="Replace FILE.xlsx if it exists.")
def template(file: Path, *, force: bool) -> None:
    """Write a workbook with our headers, units, one example row, and notes.

    Fill in its sheet Accounts and load it with `bulk-pipeline ingest FILE.xlsx`.

    Exit 0: it is written. 2: the name cannot be used, or the file exists.
    """
    write_template(file, datetime.now(UTC).year + 1, replace=force)
    click.echo(f"{file}: replace the example in row 3 of the sheet Accounts")
    click.echo(f"Then: bulk-pipeline ingest {file}")
