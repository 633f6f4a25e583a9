"""Commands about uploads: what became of them."""

import json
from dataclasses import asdict

import click

from bulk_pipeline.adapters.installation import Installation
from bulk_pipeline.adapters.journal import STATES
from bulk_pipeline.cli.show import print_uploads


@click.command()
@click.option("--state", type=click.Choice(STATES), help="Only uploads in this state.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead.")
def uploads(state: str | None, *, as_json: bool) -> None:
    """List every upload of this home and what became of it.

    While the database is left alone because it does not answer, standard error says so.
    """
    installation = Installation.from_environment()
    try:
        found = installation.journal.uploads(state=state)
        breaker = installation.database.breaker
        standing = breaker.state() if breaker else None
    finally:
        installation.close()
    if standing and standing.state != "closed":
        click.echo(f"Warning: {standing}", err=True)
    if as_json:
        click.echo(json.dumps({"uploads": [asdict(upload) for upload in found]}))
    elif found:
        print_uploads(found)
    else:
        click.echo("No uploads yet. Try: bulk-pipeline ingest FILE")
