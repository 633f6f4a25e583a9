"""The command that keeps a second database equal to a first one."""

import json
import sys
from dataclasses import replace
from typing import Any

import click
from pydantic import SecretStr

from bulk_pipeline.adapters.settings import Settings
from bulk_pipeline.adapters.sync_databases import sync_databases, sync_options
from bulk_pipeline.adapters.syncing.synchronising import synchronise
from bulk_pipeline.cli.options import Years
from bulk_pipeline.cli.synced import show_report, sync_progress, told
from bulk_pipeline.core.errors import ConfigurationError
from bulk_pipeline.core.syncing import SyncMode

FAILED = 1


@click.command()
@click.option(
    "--source",
    metavar="URL",
    help="What is copied; default: BULK_PIPELINE_SYNC_SOURCE, else the database that "
    "loads go into.",
)
@click.option(
    "--target",
    metavar="URL",
    help="What is kept equal to it; default: BULK_PIPELINE_SYNC_TARGET.",
)
@click.option(
    "--mode",
    type=click.Choice([mode.value for mode in SyncMode]),
    default=SyncMode.INCREMENTAL.value,
    show_default=True,
    help="Look at rows whose moments of change differ, look at every row, or look at "
    "every row and write nothing.",
)
@click.option(
    "--batch-size",
    type=click.IntRange(1, 1_000_000),
    help="Rows read and written at once; default: ULTRA_BATCH_SIZE.",
)
@click.option(
    "--workers",
    type=click.IntRange(1, 8),
    help="Bulk copies at once; with more than one, rows are read meanwhile. Default: "
    "ULTRA_PARALLEL_WORKERS.",
)
@click.option(
    "--delete/--keep",
    "delete",
    default=None,
    help="What only the target has: take it out, or leave it. Default: "
    "BULK_PIPELINE_SYNC_DELETE.",
)
@click.option(
    "--year",
    "years",
    type=Years(),
    help="Only predictions of this reporting year, or of a range such as 2008-2015.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
def sync(*, as_json: bool, **asked: Any) -> None:
    """Keep a second database equal to a first one: models, uploads, companies, rows.

    Rows are matched by symbol, year and quarter, and by the keys of uploads and
    models; ids may differ. A URL needs no password where
    BULK_PIPELINE_SYNC_SOURCE_PASSWORD or BULK_PIPELINE_SYNC_TARGET_PASSWORD has it.
    It may be stopped at any time: what is committed is whole, and the next one goes on.

    Exit 0: the target is equal now, as far as was asked. 1: something failed, or
    --mode verify found a difference. 2: wrong usage or a setting that cannot be.
    """
    settings = _settings(Settings.from_environment(), asked)
    options = replace(
        sync_options(settings),
        mode=SyncMode(asked["mode"]),
        years=_years(asked["years"]),
    )
    with sync_databases(settings) as databases:
        with sync_progress(shown=not as_json):
            report = synchronise(databases.source, databases.target, options)
        names = (databases.source.name, databases.target.name)
    if as_json:
        click.echo(json.dumps(told(report, *names)))
    else:
        show_report(report, options, *names)
    if options.mode is SyncMode.VERIFY and not report.equal:
        sys.exit(FAILED)


def _settings(settings: Settings, asked: dict[str, Any]) -> Settings:
    """The settings with what the command line says instead."""
    given = {
        "sync_source": asked["source"] and SecretStr(asked["source"]),
        "sync_target": asked["target"] and SecretStr(asked["target"]),
        "batch_size": asked["batch_size"],
        "workers": asked["workers"],
        "sync_delete": asked["delete"],
    }
    chosen = {name: value for name, value in given.items() if value is not None}
    return settings.model_copy(update=chosen)


def _years(asked: tuple[int, int] | None) -> tuple[int, ...]:
    if asked is None:
        return ()
    first, last = asked
    if first > last:
        raise ConfigurationError(
            f"--year {first}-{last} ends before it begins. Write {last}-{first}."
        )
    return tuple(range(first, last + 1))
