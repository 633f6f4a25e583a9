"""The command that does the housekeeping where no daemon runs."""

import json
import sys
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from bulk_pipeline.adapters.installation import Installation
from bulk_pipeline.core.wording import amount

if TYPE_CHECKING:
    from bulk_pipeline.defs.operations.tidying import Tidied

FAILED = 1


@click.command()
@click.option("--dry-run", is_flag=True, help="Only say what would go.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
def tidy(*, dry_run: bool, as_json: bool) -> None:
    """Remove batches and Dagster runs that are older than the settings keep them.

    The daemon of `up` does the same every night. Stored rows, their history, the
    receipts and the list of uploads stay.

    Exit 0: all that is due is gone. 1: something is still there; it is named.
    """
    import dagster as dg  # noqa: PLC0415  # 1 s

    from bulk_pipeline.cli.dagster_home import use_dagster_home  # noqa: PLC0415
    from bulk_pipeline.defs.operations import tidying  # noqa: PLC0415  # Dagster, 1 s

    installation = Installation.from_environment()
    now = datetime.now(UTC)
    try:
        use_dagster_home(installation.home)
        with dg.DagsterInstance.get() as instance:
            if dry_run:
                done = tidying.would_tidy(installation, instance, now)
            else:
                done = tidying.tidy(installation, instance, now)
    finally:
        installation.close()
    if as_json:
        click.echo(json.dumps({"dry_run": dry_run, **asdict(done)}))
    else:
        _show(done, dry_run=dry_run)
    if done.failures:
        sys.exit(FAILED)


def _show(done: "Tidied", *, dry_run: bool) -> None:
    would = "would be " if dry_run else ""
    for batch in done.batches:
        click.echo(f"Batch {batch}: {would}retired")
    for key in done.failed_uploads:
        click.echo(f"File of failed upload {key}: {would}removed")
    for batch in done.exchange_batches:
        click.echo(f"Batch {batch}: {would}removed from the exchange")
    for name, reason in done.left.items():
        click.echo(f"{name}: left alone. {reason}")
    for name, reason in done.failures.items():
        click.echo(f"{name}: still there. {reason}", err=True)
    click.echo(
        f"{amount(len(done.batches), 'batch', 'batches')} with "
        f"{amount(done.partition_keys, 'partition')} and "
        f"{amount(done.runs, 'Dagster run')} {would}removed: {done.bytes:,} bytes."
    )
    if done.exchange_batches:
        click.echo(
            f"{amount(len(done.exchange_batches), 'batch', 'batches')} {would}removed "
            f"from the exchange: {done.exchange_bytes:,} bytes."
        )
