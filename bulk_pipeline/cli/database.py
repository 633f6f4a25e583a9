"""Commands for the target database."""

import click

from bulk_pipeline.adapters.installation import Installation
from bulk_pipeline.cli.options import database_option


@click.command("init-db")
@database_option
def init_db() -> None:
    """Create the tables that are missing. Safe to run again."""
    installation = Installation.from_environment()
    try:
        installation.database.create_tables()
        click.echo(f"Tables are ready in {installation.database.name}")
    finally:
        installation.close()
