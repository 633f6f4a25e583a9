"""The command that makes a performance report where no Dagster runs."""

import json
from datetime import UTC, datetime
from pathlib import Path

import click

from bulk_pipeline.adapters.installation import Installation
from bulk_pipeline.adapters.reporting import LAST, MOST
from bulk_pipeline.adapters.reporting.report import Report, make_report
from bulk_pipeline.cli.options import database_option
from bulk_pipeline.core.wording import amount


@click.command()
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="FOLDER",
    help="Folder to make; default: one in reports/ of the home, where the oldest of "
    "them then go.",
)
@click.option(
    "--last",
    type=click.IntRange(1, MOST),
    default=LAST,
    show_default=True,
    help="Loads and uploads to look at.",
)
@database_option
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
def report(out: Path | None, last: int, *, as_json: bool) -> None:
    """Make a page with plots of loads and of what is stored, and each plot as a PNG.

    The asset performance_report makes the same. The page needs no other file, no
    script and no network.

    Exit 0: it is there, whole. 1: something failed. 2: it cannot be where --out says.
    """
    installation = Installation.from_environment()
    try:
        made = make_report(installation, datetime.now(UTC), last, out)
    finally:
        installation.close()
    if as_json:
        click.echo(json.dumps(_document(made)))
        return
    click.echo(
        f"{amount(made.figures.stored.rows, 'row')} stored, "
        f"{amount(len(made.figures.loads), 'load')} looked at: {made.page}"
    )
    for note in made.figures.notes:
        click.echo(f"  {note}")


def _document(made: Report) -> dict[str, object]:
    return {
        "page": str(made.page),
        "plots": [str(made.folder / f"{plot.name}.png") for plot in made.plots],
        "rows_stored": made.figures.stored.rows,
        "loads": len(made.figures.loads),
        "notes": list(made.figures.notes),
    }
