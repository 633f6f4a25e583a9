"""Commands about uploads: what became of them."""

import json
from collections.abc import Iterable
from dataclasses import asdict

import click

from bulk_pipeline.adapters.installation import Installation
from bulk_pipeline.adapters.journal import STATES, UploadReport
from bulk_pipeline.cli.show import print_uploads
from bulk_pipeline.core.wording import amount

NEWEST = 100


@click.command()
@click.option("--state", type=click.Choice(STATES), help="Only uploads in this state.")
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    help=f"Only so many of the newest.  [default: {NEWEST}, with --json all]",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead.")
def uploads(state: str | None, limit: int | None, *, as_json: bool) -> None:
    """List the uploads of this home, oldest first, and what became of them.

    While the database is left alone because it does not answer, standard error says so.
    """
    installation = Installation.from_environment()
    try:
        breaker = installation.database.breaker
        standing = breaker.state() if breaker else None
        if standing and standing.state != "closed":
            click.echo(f"Warning: {standing}", err=True)
        journal = installation.journal
        if as_json:
            _stream(journal.each_upload(state=state, newest=limit))
            return
        found = list(journal.each_upload(state=state, newest=limit or NEWEST))
        older = journal.count(state=state) - len(found)
    finally:
        installation.close()
    if older > 0:
        left = amount(older, "older upload is", "older uploads are")
        click.echo(f"{left} left out; --limit shows more.")
    print_uploads(found)
    if not found:
        click.echo("No uploads yet. Try: bulk-pipeline ingest FILE")


def _stream(found: Iterable[UploadReport]) -> None:
    """One JSON object, of which memory holds one upload at a time."""
    click.echo('{"uploads": [', nl=False)
    comma = ""
    for upload in found:
        click.echo(comma + json.dumps(asdict(upload)), nl=False)
        comma = ", "
    click.echo("]}")
