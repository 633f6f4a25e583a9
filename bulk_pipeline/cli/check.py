"""The command that says what would become of files, and stores nothing."""

import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import click

from bulk_pipeline.adapters.settings import Settings
from bulk_pipeline.adapters.trial import Trial, try_files
from bulk_pipeline.cli.show import console
from bulk_pipeline.core.cleaning import REASONS
from bulk_pipeline.core.notices import counted, sentences
from bulk_pipeline.core.wording import amount

FAILED = 1


@click.command()
@click.argument(
    "files",
    nargs=-1,
    required=True,
    type=click.Path(exists=True, dir_okay=False, readable=True, path_type=Path),
)
@click.option(
    "--rejects",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder for a file of rejects of each FILE that has some.",
)
@click.option(
    "--format",
    "suffix",
    type=click.Choice(["csv", "xlsx"]),
    default="csv",
    show_default=True,
    help="Format of the files of rejects.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
def check(
    files: tuple[Path, ...], rejects: Path | None, suffix: str, *, as_json: bool
) -> None:
    """Read FILES as a load would and say what would become of each; store nothing.

    What is stored already is not looked at. Exit 0: every file can be loaded. 1: some
    file cannot be read at all.
    """
    settings = Settings.from_environment()
    trials = try_files(files, settings, rejects, f".{suffix}")
    if as_json:
        click.echo(json.dumps({"files": [_document(trial) for trial in trials]}))
    else:
        _print(trials)
    if any(trial.reading.state == "refused" for trial in trials):
        sys.exit(FAILED)


def _document(trial: Trial) -> dict[str, Any]:
    """A trial as it stands in the JSON object."""
    reading = trial.reading
    return {
        "file": reading.file_name,
        "state": reading.state,
        "message": reading.message,
        "rows_read": reading.rows_read,
        "storable": trial.storable,
        "duplicates": trial.duplicates,
        "duplicates_conflicting": trial.duplicates_conflicting,
        "rejected": reading.rejected,
        "rejected_by_reason": reading.reasons,
        "reject_file": str(trial.reject_file) if trial.reject_file else None,
        "warnings": sentences(reading.notices),
        "notices": counted(reading.notices),
        "columns": reading.header,
    }


def _print(trials: Sequence[Trial]) -> None:
    out = console()
    for trial in trials:
        for line in _lines(trial):
            out.print(line, soft_wrap=True, markup=False)


def _lines(trial: Trial) -> Iterator[str]:
    """What would become of one file, a line each."""
    reading = trial.reading
    if reading.state == "refused":
        yield f"{reading.file_name}: cannot be loaded"
        yield f"  {reading.message}"
        return
    yield f"{reading.file_name}: can be loaded"
    yield (
        f"  {amount(reading.rows_read, 'row')} read = {trial.storable:,} to store + "
        f"{trial.duplicates:,} duplicates + {reading.rejected:,} rejected"
    )
    if trial.duplicates_conflicting:
        yield (
            f"  {trial.duplicates_conflicting:,} of the duplicates have other values "
            "than the first row of their key"
        )
    for reason, rows in sorted(reading.reasons.items()):
        yield f"  rejected, {reason}: {rows:,}. {REASONS[reason]}"
    for text in sentences(reading.notices):
        yield f"  warning: {text}"
    if trial.reject_file:
        yield f"  reject file: {trial.reject_file}"
