"""The command about alerts: which wait, and whether the channels work."""

import secrets
import sys
from contextlib import closing

import click

from bulk_pipeline.adapters.alert_channels import Channel, channels
from bulk_pipeline.adapters.alert_outbox import Outbox
from bulk_pipeline.adapters.home import Home
from bulk_pipeline.adapters.journal import Journal
from bulk_pipeline.adapters.settings import Settings
from bulk_pipeline.core.alerts import headline, one_line, sample_alert
from bulk_pipeline.core.errors import BulkPipelineError, ConfigurationError
from bulk_pipeline.core.wording import amount

FAILED = 1


@click.command()
@click.option("--test", is_flag=True, help="Send a test message through each channel.")
def alerts(*, test: bool) -> None:
    """List the alerts that no channel has taken yet, or try the channels out.

    Exit 1: a channel did not take the test message. Exit 2: none is set up.
    """
    settings = Settings.from_environment()
    found = channels(settings)
    if test:
        _try_out(found)
        return
    for channel in found:
        click.echo(f"{channel.name}: set up; --test tries it out")
    with closing(Journal(Home(settings.home).journal)) as journal:
        unsent = Outbox(journal).unsent()
    for entry in unsent:
        said = one_line(entry.error) or "not tried yet"
        click.echo(
            f"{entry.channel}: {headline(entry.alert)}: {entry.state}, "
            f"{amount(entry.attempts, 'attempt')}; {said}"
        )
    if not unsent:
        click.echo("No alert waits.")


def _try_out(found: list[Channel]) -> None:
    """Send a test message through each channel and say what happened."""
    if not found:
        raise ConfigurationError(
            "No channel is set up. Set BULK_PIPELINE_ALERT_WEBHOOK, or "
            "BULK_PIPELINE_ALERT_SMTP_URL, BULK_PIPELINE_ALERT_FROM and "
            "BULK_PIPELINE_ALERT_TO."
        )
    refused = False
    for channel in found:
        try:
            channel.send(sample_alert(), secrets.token_hex(16))
        except BulkPipelineError as error:
            refused = True
            click.echo(f"{channel.name}: {error}", err=True)
        else:
            click.echo(f"{channel.name}: the test message was taken")
    if refused:
        sys.exit(FAILED)
