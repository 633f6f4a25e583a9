"""What `up` asks the doctor before it starts anything, and how it shows the answer."""

import os
import sys
from collections.abc import Sequence

import click

from bulk_pipeline.adapters.doctor.examination import after_tables, before_start
from bulk_pipeline.adapters.installation import Installation
from bulk_pipeline.cli.dagster_home import dagster_folder
from bulk_pipeline.core.findings import Finding, Level, number

FAILED = 1


def require_machine_well(installation: Installation) -> None:
    """Go on only where settings, packages, machine and folders are well."""
    dagster = dagster_folder(installation.home)
    _require(before_start(os.environ, installation.settings, dagster))


def require_database_well(installation: Installation) -> None:
    """Go on only where the login has its rights; for a database that has its tables."""
    _require(after_tables(installation.settings))


def _require(findings: Sequence[Finding]) -> None:
    """Show on standard error what is not well; exit 1 where something failed."""
    for finding in findings:
        if finding.level is Level.FAILURE:
            click.echo(f"Error: {finding.what} {finding.cure}", err=True)
        elif finding.level is Level.WARNING:
            click.echo(f"Warning: {finding.what}", err=True)
    if number(findings, Level.WARNING):
        click.echo("`bulk-pipeline doctor` says what to do about it.", err=True)
    if number(findings, Level.FAILURE):
        sys.exit(FAILED)
