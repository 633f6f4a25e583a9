"""The command that makes up accounts."""

import json
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from bulk_pipeline.adapters.disk_space import room_needed
from bulk_pipeline.adapters.sample_files import write_sample
from bulk_pipeline.adapters.settings import Settings
from bulk_pipeline.cli.making import FAILED, load_made, rows_bar
from bulk_pipeline.cli.options import Years, database_option
from bulk_pipeline.core.dummy import DummyRequest, expected_duplicates
from bulk_pipeline.core.errors import ConfigurationError, PermanentError
from bulk_pipeline.core.metrics import rows_per_second, tier
from bulk_pipeline.core.wording import amount

_WISH = (
    click.option("--rows", type=int, required=True, help="Rows to make."),
    click.option(
        "--companies", type=int, help="Companies; default: 40 years for each."
    ),
    click.option(
        "--seed",
        type=int,
        default=0,
        show_default=True,
        help="Same seed, same rows.",
    ),
    click.option(
        "--years",
        type=Years(),
        help="First and last reporting year, such as 1990-2024; default: 1900-2024.",
    ),
    click.option(
        "--missing-share",
        type=float,
        default=0.2,
        show_default=True,
        help="Share of rows that lack a ratio, 0 to 1.",
    ),
    click.option(
        "--duplicate-share",
        type=float,
        default=0.0,
        show_default=True,
        help="Share of rows that repeat the key of an earlier row, 0 to 0.5; "
        "one in 153 of them with other ratios.",
    ),
    click.option(
        "--bad-share",
        type=float,
        default=0.0,
        show_default=True,
        help="Share of rows that are wrong on purpose, 0 to 1.",
    ),
)
"""The options that decide which rows there are, those of ``DummyRequest``."""


def _wish(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options of ``_WISH``, in their order."""
    for option in reversed(_WISH):
        command = option(command)
    return command


@click.command()
@_wish
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File to write: .csv, .csv.gz, .xlsx or .parquet.",
)
@click.option(
    "--to-database",
    is_flag=True,
    help="Instead of a file: read, score and load the rows as `ingest` would.",
)
@database_option
@click.option(
    "--batch-size",
    type=int,
    help="With --to-database: rows of each load, a batch of its own; default: "
    "1,000,000.",
)
@click.option(
    "--workers",
    type=click.IntRange(1, 8),
    help="Threads that make rows; they change no byte. Default: "
    "ULTRA_PARALLEL_WORKERS.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
def generate(
    out: Path | None,
    batch_size: int | None,
    workers: int | None,
    *,
    to_database: bool,
    as_json: bool,
    **wish: Any,
) -> None:
    """Make up plausible company accounts: a file, or rows in the database.

    The same options give the same rows, whatever the format, the workers and the size
    of a batch.

    Exit 0: all rows are where they belong. 1: something failed. 2: wrong usage.
    """
    if (out is None) == (not to_database):
        raise click.UsageError("Give one of --out FILE and --to-database.")
    if batch_size is not None and not to_database:
        raise click.UsageError("--batch-size is for --to-database: a file is one load.")
    request = _request(**wish)
    threads = Settings.from_environment().workers if workers is None else workers
    if out is None:
        told, failed = load_made(request, batch_size, threads, shown=not as_json)
    else:
        told, failed = _written(request, out, threads, shown=not as_json), False
    if as_json:
        click.echo(json.dumps(_counts(request) | told))
    if failed:
        sys.exit(FAILED)


def _request(*, years: tuple[int, int] | None, **wish: Any) -> DummyRequest:
    """The request of the options.

    Raises:
        ConfigurationError: it cannot be, or some of its years are refused by a load.
    """
    if years is None:
        return DummyRequest(**wish)
    latest = datetime.now(UTC).year + 1
    if years[1] > latest:
        raise ConfigurationError(
            f"years is {years[0]}-{years[1]}: no file may report a year after "
            f"{latest}, next year. Give an earlier one."
        )
    return DummyRequest(**wish, first_year=years[0], last_year=years[1])


def _written(
    request: DummyRequest, out: Path, workers: int, *, shown: bool
) -> dict[str, Any]:
    """Write the file and say so.

    Raises:
        TransientError: no space is left.
        PermanentError: nothing can be written there.
    """
    started = time.perf_counter()
    bar = rows_bar(f"writing {out.name}", request.rows, shown=shown)
    try:
        with room_needed(out.parent), bar as progress:
            write_sample(request, out, progress, workers)
    except OSError as error:
        raise PermanentError(
            f"{out} cannot be written: {error.strerror or error}. Use a folder that "
            "this user may write to."
        ) from error
    seconds = time.perf_counter() - started
    rate = rows_per_second(request.rows, seconds)
    if shown:
        odd = [f"{request.bad_rows} wrong on purpose"]
        if request.duplicate_rows:
            odd.append(amount(request.duplicate_rows, "repeats a key", "repeat a key"))
        click.echo(f"{amount(request.rows, 'row')} in {out} ({', '.join(odd)})")
        click.echo(f"{rate:,.0f} rows/s, tier {tier(rate)}; {seconds:.2f} s")
    return {
        "file": str(out),
        "bytes": out.stat().st_size,
        "seconds": seconds,
        "rows_per_second": rate,
        "tier": tier(rate),
    }


def _counts(request: DummyRequest) -> dict[str, Any]:
    """What a load into an empty database must find."""
    twice = expected_duplicates(request)
    return {
        "rows": request.rows,
        "bad_rows": request.bad_rows,
        "duplicate_rows": twice.rows,
        "conflicting_rows": twice.conflicting,
    }
