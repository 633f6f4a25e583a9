"""The command that measures: the real graph, its floor, and peers."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from bulk_pipeline.adapters.settings import Settings
from bulk_pipeline.bench.sitting import FORMATS, Request, SizeResult, measure
from bulk_pipeline.bench.targets import Target

USUAL_ROWS = 100_000


@click.command()
@click.option(
    "--rows",
    "sizes",
    type=click.IntRange(min=1),
    multiple=True,
    help=f"Rows of the input; may be given several times. Default: {USUAL_ROWS:,}.",
)
@click.option(
    "--format",
    "file_format",
    type=click.Choice(FORMATS),
    default=FORMATS[0],
    show_default=True,
    help="Of the input.",
)
@click.option(
    "--database",
    metavar="URL",
    help="An empty database, which is empty again afterwards. Default: a SQLite file "
    "in the home; DATABASE_URL is not heeded.",
)
@click.option(
    "--rounds",
    type=click.IntRange(min=1),
    default=3,
    show_default=True,
    help="How often each is measured.",
)
@click.option(
    "--compare", is_flag=True, help="Peers on the same file, where installed."
)
@click.option(
    "--system-info",
    "with_system",
    is_flag=True,
    help="What the machine is, and what suits it; alone it is all that is done.",
)
@click.option(
    "--record",
    type=click.Path(dir_okay=False, path_type=Path),
    help="CSV file that results are appended to. Default: bench.csv in the home.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
def bench(**given: Any) -> None:
    """Measure loads of generated files, stage by stage, beside the libraries' best.

    Each round loads the file by `ingest` into an empty database and then times the
    libraries' own calls for the same stages, each in a process of its own. Files and
    databases lie in the home meanwhile, on whose disk it depends what is measured.

    Exit 0: all was measured. 1: something failed. 2: wrong usage, or a database that
    is not empty.
    """
    home = Settings.from_environment().home
    told: dict[str, Any] = {"system": None, "sizes": []}
    if given["with_system"]:
        told["system"] = _system(home, as_json=given["as_json"])
    if given["sizes"] or not given["with_system"]:
        told["sizes"] = [asdict(size) for size in _measured(home, given)]
    if given["as_json"]:
        click.echo(json.dumps(told))


def _system(home: Path, *, as_json: bool) -> dict[str, Any]:
    """What the machine is."""
    from bulk_pipeline.adapters.system_info import (  # noqa: PLC0415  # writes to disk
        system_info,
    )
    from bulk_pipeline.bench.showing import console, show_system  # noqa: PLC0415

    home.mkdir(parents=True, exist_ok=True)
    found = system_info(home)
    if not as_json:
        show_system(console(), found.rows())
    return {**asdict(found), "folder": str(found.folder)}


def _measured(home: Path, given: dict[str, Any]) -> list[SizeResult]:
    """Measure each size, show it and append it to the record as soon as it is there."""
    from bulk_pipeline.bench.record import Record  # noqa: PLC0415
    from bulk_pipeline.bench.showing import console, show_size  # noqa: PLC0415

    request = Request(
        sizes=given["sizes"] or (USUAL_ROWS,),
        format=given["file_format"],
        target=Target.of(given["database"]),
        rounds=given["rounds"],
        compare=given["compare"],
        folder=home,
    )
    path = given["record"] or home / "bench.csv"
    record = Record.open(path, request.format, request.target.kind)
    found = []
    for size in measure(request, lambda text: click.echo(text, err=True)):
        record.append(size.measured())
        found.append(size)
        if not given["as_json"]:
            show_size(console(), size)
    click.echo(f"Results are in {path}", err=True)
    return found
