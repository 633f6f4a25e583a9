"""The command that shows what the last loads cost, and what a database is doing."""

import json
from collections.abc import Sequence
from dataclasses import asdict

import click

from bulk_pipeline.adapters.installation import Installation
from bulk_pipeline.adapters.run_history import last_loads
from bulk_pipeline.cli.options import database_option
from bulk_pipeline.core.load_sizes import by_size
from bulk_pipeline.core.metrics import LoadFigures
from bulk_pipeline.core.performance import (
    LOADS_COMPARED,
    comparable_rows,
    compared,
)


@click.command()
@click.option(
    "--last",
    type=click.IntRange(min=1, max=10_000),
    default=20,
    show_default=True,
    metavar="N",
    help="How many loads.",
)
@click.option(
    "--database-state",
    is_flag=True,
    help="Instead: who works in the database now, who waits for whom, what took long.",
)
@database_option
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
def metrics(last: int, *, database_state: bool, as_json: bool) -> None:
    """Show the last loads: rows per second, seconds of each stage, what is usual.

    A batch that was materialised again is shown once. Loads are read from the read
    replica where BULK_PIPELINE_READ_URL names one. Medians are those of loads of one
    size, since ten rows cannot be as fast as a million.

    Exit 0: shown, even where there is none yet. 1: the database cannot be read.
    """
    installation = Installation.from_environment()
    try:
        if database_state:
            _state(installation, as_json=as_json)
        else:
            _loads(installation, last, as_json=as_json)
    finally:
        installation.close()


def _loads(installation: Installation, last: int, *, as_json: bool) -> None:
    _say_lag(installation)
    loads = _found(installation, last)
    before = _alike(installation, loads[0]) if loads else []
    database = installation.read_database.name
    if as_json:
        click.echo(json.dumps(_document(database, loads, before), default=str))
        return
    if not loads:
        click.echo(f"No load is recorded in {database}.")
        click.echo("Load a file first: bulk-pipeline ingest FILE")
        return
    from bulk_pipeline.cli.metrics_shown import (  # noqa: PLC0415  # rich, not for JSON
        metrics_console,
        show_card,
        show_loads,
        show_sizes,
    )

    out = metrics_console()
    show_loads(out, loads)
    out.print()
    show_sizes(out, loads)
    out.print()
    show_card(out, loads[0], before)
    out.print(f"Database: {database}", soft_wrap=True, markup=False)


def _found(installation: Installation, last: int) -> list[LoadFigures]:
    """The last loads; looking makes no file where there is none."""
    database = installation.read_database
    is_file = database.url.get_backend_name() == "sqlite"
    if is_file and not database.path.exists():
        return []
    return last_loads(database, last)


def _alike(installation: Installation, load: LoadFigures) -> list[LoadFigures]:
    return last_loads(
        installation.read_database,
        LOADS_COMPARED,
        rows=comparable_rows(load.rows_read),
        other_than=load.batch,
    )


def _say_lag(installation: Installation) -> None:
    if installation.replica is None:
        return
    from bulk_pipeline.adapters.replica_lag import lag_note  # noqa: PLC0415  # see above

    if note := lag_note(installation):
        click.echo(note, err=True)


def _document(
    database: str, loads: Sequence[LoadFigures], before: Sequence[LoadFigures]
) -> dict[str, object]:
    return {
        "database": database,
        "loads": [
            {**asdict(load), "finished_at": load.finished_at.isoformat()}
            for load in loads
        ],
        "sizes": [asdict(size) for size in by_size(loads)],
        "newest_compared": compared(loads[0], before) if loads else "",
    }


def _state(installation: Installation, *, as_json: bool) -> None:
    from bulk_pipeline.adapters.database_state import (  # noqa: PLC0415  # rarely asked
        database_state,
    )
    from bulk_pipeline.cli.state_shown import show_state  # noqa: PLC0415  # as above

    state = database_state(installation.settings)
    if as_json:
        click.echo(json.dumps(asdict(state), default=str))
        return
    show_state(state)
