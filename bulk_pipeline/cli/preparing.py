"""What `up` does once before it starts the daemon, in a process of its own.

Dagster is needed for it, and would stay in the memory of `up` for months.
"""

import sys
from datetime import UTC, datetime

import click
import dagster as dg

from bulk_pipeline.adapters.installation import Installation
from bulk_pipeline.cli.running import prepare_instance
from bulk_pipeline.core.errors import BulkPipelineError, TransientError
from bulk_pipeline.defs.uploads.reconciliation import reconcile


def main() -> None:
    """Make the instance ready and put right what a crash left; says what that was."""
    installation = Installation.from_environment()
    try:
        prepare_instance(installation)
        put_right(installation)
    except BulkPipelineError as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(1)
    finally:
        installation.close()


def put_right(installation: Installation) -> None:
    """Reconcile once, also what the daemon does not: a journal that was lost."""
    with dg.DagsterInstance.get() as instance:
        try:
            done = reconcile(instance, installation, datetime.now(UTC))
        except TransientError as error:
            done = [f"What a crash may have left is looked at later: {error}"]
    for sentence in done:
        click.echo(sentence)


if __name__ == "__main__":
    main()
