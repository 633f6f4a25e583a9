"""Commands about the model that scores."""

from collections.abc import Iterator
from itertools import chain, repeat
from pathlib import Path

import click
from rich.table import Column, Table

from bulk_pipeline.adapters.active_model import activate as make_active
from bulk_pipeline.adapters.home import Home
from bulk_pipeline.adapters.installation import Installation
from bulk_pipeline.adapters.model_standing import (
    MODEL_VARIABLE,
    Standing,
    probed,
    require_no_other_setting,
    standing,
)
from bulk_pipeline.adapters.model_store import Model, load_model
from bulk_pipeline.adapters.references import (
    reference_file,
    reference_of,
    write_reference,
)
from bulk_pipeline.adapters.rescoring import outdated_years
from bulk_pipeline.adapters.settings import Settings
from bulk_pipeline.cli.options import database_option
from bulk_pipeline.cli.show import console
from bulk_pipeline.core.model_card import (
    bins_in_words,
    possible_levels,
    probability_range,
)
from bulk_pipeline.core.reference import Reference
from bulk_pipeline.core.schema import RATIO_COLUMNS, RATIOS
from bulk_pipeline.core.scorecard import Scorecard
from bulk_pipeline.core.wording import amount

_FILE = click.argument(
    "file", type=click.Path(exists=True, dir_okay=False, path_type=Path)
)


@click.group()
def model() -> None:
    """See the model that scores, check a file, make a file the active model."""


@model.command()
def show() -> None:
    """Show the active model: bins, default rates, thresholds, range, since when."""
    found = standing(Settings.from_environment())
    _say(*_identity(found.model), _since(found), *_levels(found.model))
    _say(_reference(found.model))
    if isinstance(found.model.scorer, Scorecard):
        console().print(_bins(found.model.scorer))
        _say("A ratio in no bin of the document has the first bin's rate.")
    else:
        _say(f"Features, in order: {', '.join(RATIOS)}")


@model.command()
@_FILE
def check(file: Path) -> None:
    """Load FILE and score a few rows with it; nothing is stored.

    Exit 0: it can score. 1: it is refused, with the reason.
    """
    found = load_model(file)
    scores = probed(found)
    _say(*_identity(found), *_levels(found))
    # Headers with blanks wrap at words.
    ratio_headers = [name.replace("_", " ") for name in RATIOS]
    table = Table(*ratio_headers, "probability", "level")
    for *ratios, probability, level, _ in scores.iter_rows():
        cells = ("-" if ratio is None else f"{ratio:g}" for ratio in ratios)
        table.add_row(*cells, f"{probability:.6f}", level)
    console().print(table)
    _say("ok")


@model.command()
@_FILE
@database_option
def activate(file: Path) -> None:
    """Check FILE, keep it in the home and score with it from the next load on.

    What is stored keeps its score until `rescored_predictions` is materialised.
    Exit 0: it is active. 1: it is refused. 2: BULK_PIPELINE_MODEL names another one.
    """
    from bulk_pipeline.cli.running import prepare_instance  # noqa: PLC0415  # Dagster

    installation = Installation.from_environment()
    try:
        found = load_model(file)
        probed(found)
        require_no_other_setting(installation.settings, found)
        installation.database.create_tables()
        make_active(installation.home, file)
        prepare_instance(installation)
        outdated = outdated_years(installation.database, found.sha256)
    finally:
        installation.close()
    _say(*_identity(found), "It is active: the next load is scored with it.")
    _say(*_next_steps(outdated))


@model.command()
@click.argument(
    "file",
    required=False,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
)
@click.option("--source", default="", help="What to call the population, in words.")
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="OUT",
    help="Write it to OUT instead, and compare nothing with it.",
)
@database_option
def reference(file: Path | None, source: str, out: Path | None) -> None:
    """Make the active model's reference, with which each batch is compared.

    It is made of the rows of FILE, or of all stored rows: their counts by bin, none of
    the rows. It is kept in the home under the model's hash, and what was there before
    is replaced. Exit 0: it is made. 1: there is no row, or FILE cannot be read.
    """
    from bulk_pipeline.adapters.reference_making import (  # noqa: PLC0415
        of_file,  # exports and readers: no other command of this group needs them
        of_stored,
    )

    installation = Installation.from_environment()
    settings, home = installation.settings, installation.home
    try:
        found = standing(settings).model
        if file is None:
            installation.database.create_tables()
            made = of_stored(installation.database, found, source)
        else:
            made = of_file(file, settings, found, source)
    finally:
        installation.close()
    path = out or reference_file(home, found.sha256)
    write_reference(path, made)
    _say(*_identity(found), f"Reference: {_population(made)}", f"Written to {path}")
    if out is not None:
        where = reference_file(home, found.sha256)
        _say(f"It counts once it lies at {where}")


def _say(*lines: str) -> None:
    for line in lines:
        console().print(line, soft_wrap=True, markup=False)


def _identity(found: Model) -> Iterator[str]:
    yield f"{found.name} ({found.kind})"
    yield f"sha256 {found.sha256}"


def _since(found: Standing) -> str:
    named = f"{MODEL_VARIABLE} names it, and the setting wins. " * found.by_setting
    if found.since is None:
        return f"{named}Not active yet: the next load makes it so."
    return f"{named}Active since {found.since:%Y-%m-%d %H:%M} UTC."


def _reference(found: Model) -> str:
    kept = reference_of(Home(Settings.from_environment().home), found.sha256)
    if kept is None:
        return "Reference: none. Make one: bulk-pipeline model reference FILE"
    return f"Reference: {_population(kept)}"


def _population(found: Reference) -> str:
    return f"{amount(found.rows, 'row')}, {found.source}"


def _levels(found: Model) -> Iterator[str]:
    """The thresholds, and what can come of them where that is known."""
    levels = found.thresholds
    yield (
        f"MEDIUM from {levels.medium:g}, HIGH from {levels.high:g}, "
        f"CRITICAL above {levels.critical:g}"
    )
    if isinstance(found.scorer, Scorecard):
        lowest, highest = probability_range(found.scorer)
        possible = possible_levels(lowest, highest, levels)
        only = "" if len(possible) > len(levels.__slots__) else "only "
        yield (
            f"Probabilities lie between {lowest:.4g} and {highest:.4g}: "
            f"{only}{', '.join(possible)} can occur"
        )


def _bins(scorecard: Scorecard) -> Table:
    table = Table(Column("ratio", no_wrap=True), "bin", "default rate")
    units = {column.name: column.unit.name.lower() for column in RATIO_COLUMNS}
    for feature in scorecard.features:
        table.add_section()
        weight = f"  {units[feature.ratio]}, coefficient {feature.coefficient:.6g}"
        headings = chain((feature.ratio, weight), repeat(""))
        for words, rate in bins_in_words(feature):
            table.add_row(next(headings), words, f"{rate:.6f}")
    table.add_section()
    table.add_row("intercept", f"{scorecard.intercept:.6g}", "")
    return table


def _next_steps(outdated: dict[int, int]) -> Iterator[str]:
    if not outdated:
        yield "No stored row has a score of another model."
        return
    first, last = min(outdated), max(outdated)
    one = f"stored row of {first} to {last} keeps"
    many = f"stored rows of {first} to {last} keep"
    yield (
        f"{amount(sum(outdated.values()), one, many)} the score of another model until "
        "scored again:"
    )
    yield f"  in Dagster, materialise rescored_predictions over {first} to {last}; or"
    yield (
        "  dagster asset materialize -m bulk_pipeline.definitions "
        f"--select rescored_predictions --partition-range {first}...{last}"
    )
