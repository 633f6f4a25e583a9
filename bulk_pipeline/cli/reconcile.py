"""The command that puts right what a crash left wrong, where no daemon runs."""

import json
from datetime import UTC, datetime

import click

from bulk_pipeline.adapters.installation import Installation
from bulk_pipeline.cli.dagster_home import use_dagster_home
from bulk_pipeline.cli.options import database_option


@click.command()
@database_option
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
def reconcile(*, as_json: bool) -> None:
    """Put right what killed processes, or a lost journal, left wrong.

    Claims that were cut short are finished, runs without a process are ended, files
    that belong elsewhere are moved, leftovers are removed, and batches on disk that the
    list of uploads does not know are entered again, as their receipts say. The daemon
    of `up` does all but the last at every look. Nothing is loaded.
    """
    import dagster as dg  # noqa: PLC0415  # 1 s

    from bulk_pipeline.defs.uploads import reconciliation  # noqa: PLC0415  # Dagster

    installation = Installation.from_environment()
    try:
        installation.database.create_tables()
        use_dagster_home(installation.home)
        with dg.DagsterInstance.get() as instance:
            now = datetime.now(UTC)
            done = reconciliation.reconcile(instance, installation, now)
    finally:
        installation.close()
    if as_json:
        click.echo(json.dumps({"done": done}))
        return
    for sentence in done or ["Nothing to do."]:
        click.echo(sentence)
