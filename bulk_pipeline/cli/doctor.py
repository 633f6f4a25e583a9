"""The command that says what is well and what is not, each fault with its cure."""

import json
import os
import sys
from collections.abc import Iterator, Sequence
from itertools import groupby

import click

from bulk_pipeline.adapters.doctor.apart import apart
from bulk_pipeline.adapters.doctor.databases import servers
from bulk_pipeline.adapters.doctor.examination import examined
from bulk_pipeline.adapters.doctor.in_time import most_seconds
from bulk_pipeline.adapters.doctor.variables import usable
from bulk_pipeline.adapters.home import Home
from bulk_pipeline.adapters.settings import Settings
from bulk_pipeline.cli.dagster_home import dagster_folder
from bulk_pipeline.cli.options import database_option
from bulk_pipeline.cli.show import console
from bulk_pipeline.core.findings import Area, Finding, Level, counted, number

FAILED = 1
MARKS = {
    Level.OK: ("ok", "green"),
    Level.WARNING: ("warning", "yellow"),
    Level.FAILURE: ("FAILURE", "bold red"),
}


@click.command()
@database_option
@click.option(
    "--all", "everything", is_flag=True, help="Also defaults and package versions."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
def doctor(*, everything: bool, as_json: bool) -> None:
    """Look whether all that a load needs is well; change nothing.

    Settings, packages, machine, folders, database, model and Dagster are each looked at
    by themselves. Exit 0: nothing failed, though there may be warnings. 1: something
    failed; it is named with its cure. docs/doctor.md explains each finding.
    """
    findings = list(_found())
    if as_json:
        click.echo(json.dumps(_document(findings)))
    else:
        _print(findings, everything=everything)
    if number(findings, Level.FAILURE):
        sys.exit(FAILED)


def _found() -> Iterator[Finding]:
    """Every finding; says first for how long it may wait."""
    from bulk_pipeline.defs.operations.doctor import (  # noqa: PLC0415  # Dagster, 1 s
        executor_findings,
        instance_findings,
    )

    settings = Settings.from_environment(usable(os.environ))
    dagster = dagster_folder(Home(settings.home))
    if waiting := servers(settings) * most_seconds(settings):
        click.echo(f"Asking the database, for about {waiting} s at most.", err=True)
    yield from examined(os.environ, settings, dagster)
    yield from apart(Area.SETTINGS, executor_findings)
    yield from apart(Area.DAGSTER, lambda: instance_findings(dagster))


def _document(findings: Sequence[Finding]) -> dict[str, object]:
    return {
        "findings": [
            {
                "area": finding.area,
                "level": finding.level,
                "what": finding.what,
                "cure": finding.cure,
            }
            for finding in findings
        ],
        "failures": number(findings, Level.FAILURE),
        "warnings": number(findings, Level.WARNING),
    }


def _print(findings: Sequence[Finding], *, everything: bool) -> None:
    out = console()
    order = list(Area)
    shown = [finding for finding in findings if everything or not finding.minor]
    shown.sort(key=lambda finding: order.index(finding.area))
    for area, group in groupby(shown, key=lambda finding: finding.area):
        out.print(area, style="bold", soft_wrap=True, markup=False)
        for finding in group:
            mark, style = MARKS[finding.level]
            out.print(f"  {mark:<8}", style=style, end="")
            out.print(finding.what, soft_wrap=True, markup=False)
            if finding.cure:
                out.print(f"{'':10}{finding.cure}", soft_wrap=True, markup=False)
    failures = counted(findings, Level.FAILURE, "failure")
    warnings = counted(findings, Level.WARNING, "warning")
    out.print(f"{failures}, {warnings}", soft_wrap=True)
