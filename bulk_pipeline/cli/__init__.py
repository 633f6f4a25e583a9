"""The command line ``bulk-pipeline``: arguments in, results out, no own logic."""

import sys

import click

from bulk_pipeline.adapters.collecting import end_without_collecting, nothing_to_collect
from bulk_pipeline.adapters.logs import configure_logging
from bulk_pipeline.core.errors import BulkPipelineError, ConfigurationError

COMMANDS = {
    "alerts": ("bulk_pipeline.cli.alerts", "alerts"),
    "bench": ("bulk_pipeline.cli.bench", "bench"),
    "check": ("bulk_pipeline.cli.check", "check"),
    "doctor": ("bulk_pipeline.cli.doctor", "doctor"),
    "export": ("bulk_pipeline.cli.export", "export"),
    "generate": ("bulk_pipeline.cli.data", "generate"),
    "ingest": ("bulk_pipeline.cli.ingest", "ingest"),
    "init-db": ("bulk_pipeline.cli.database", "init_db"),
    "metrics": ("bulk_pipeline.cli.metrics", "metrics"),
    "model": ("bulk_pipeline.cli.model", "model"),
    "reconcile": ("bulk_pipeline.cli.reconcile", "reconcile"),
    "rejects": ("bulk_pipeline.cli.rejects", "rejects"),
    "report": ("bulk_pipeline.cli.report", "report"),
    "retry": ("bulk_pipeline.cli.retry", "retry"),
    "serve-api": ("bulk_pipeline.cli.serve_api", "serve_api"),
    "sync": ("bulk_pipeline.cli.sync", "sync"),
    "template": ("bulk_pipeline.cli.template", "template"),
    "tidy": ("bulk_pipeline.cli.tidy", "tidy"),
    "tokens": ("bulk_pipeline.cli.tokens", "tokens"),
    "up": ("bulk_pipeline.cli.up", "up"),
    "uploads": ("bulk_pipeline.cli.inbox", "uploads"),
    "withdraw": ("bulk_pipeline.cli.withdraw", "withdraw"),
    "worker": ("bulk_pipeline.cli.worker", "worker"),
}
"""Command → module and function; a module is imported when its command is used."""

FAILED, WRONG_USAGE = 1, 2


class LazyGroup(click.Group):
    """A group whose commands are imported on use, so that ``--help`` is instant."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        del ctx
        if cmd_name not in COMMANDS:
            return None
        module, name = COMMANDS[cmd_name]
        with nothing_to_collect():
            imported = __import__(module, fromlist=[name])
        found: click.Command = getattr(imported, name)
        return found


@click.command(cls=LazyGroup)
@click.version_option(package_name="bulk-pipeline")
def cli() -> None:
    """Company accounts in bulk: read, scored, de-duplicated, stored."""


def main() -> None:
    """Run the command line; our errors become one line and an exit code.

    Exit 0: all done. 1: something failed. 2: wrong usage or a setting that cannot be.
    """
    end_without_collecting()
    try:
        configure_logging()
        cli(prog_name="bulk-pipeline")
    except ConfigurationError as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(WRONG_USAGE)
    except BulkPipelineError as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(FAILED)
