"""Commands that make input files."""

from pathlib import Path

import click

from bulk_pipeline.adapters.sample_files import write_sample
from bulk_pipeline.core.dummy import DummyRequest


@click.command()
@click.option("--rows", type=int, required=True, help="Rows to write.")
@click.option("--companies", type=int, help="Companies; default: 40 years for each.")
@click.option(
    "--seed", type=int, default=0, show_default=True, help="Same seed, same rows."
)
@click.option(
    "--bad-share",
    type=float,
    default=0.0,
    show_default=True,
    help="Share of rows that are wrong on purpose, 0 to 1.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    required=True,
    help="File to write: .csv, .xlsx or .parquet.",
)
def generate(
    rows: int, companies: int | None, seed: int, bad_share: float, out: Path
) -> None:
    """Write a file of plausible company accounts."""
    request = DummyRequest(rows, companies, seed, bad_share)
    with click.progressbar(length=rows, label=f"Writing {out.name}") as bar:
        done = 0

        def show(total: int) -> None:
            nonlocal done
            bar.update(total - done)
            done = total

        write_sample(request, out, show)
    click.echo(f"{rows} rows in {out} ({request.bad_rows} wrong on purpose)")
