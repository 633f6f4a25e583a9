"""A plot of the report: a picture, what it says in words, its numbers as a table."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import polars as pl

from bulk_pipeline.core.risk import LEVELS

PERCENT = "\N{NO-BREAK SPACE}%"
"""After a number; no line breaks before it."""
LONGEST_NAME = 26
"""Characters of a name in a picture; tables have it whole."""


@dataclass(frozen=True, slots=True)
class Plot:
    """One plot.

    Attributes:
        name: of its file, without suffix.
        title: its heading.
        alt: what it shows, for who cannot see it.
        caption: how to read it; "" where that is plain.
        png: the picture.
        header: names of the columns of its numbers.
        rows: its numbers, as people read them.
        impersonal: whether no word in the picture was written by people who send files,
            so that it may go into Dagster's event log, which keeps it.
        numbers_shown: whether its numbers stand beside the picture and need no click.
    """

    name: str
    title: str
    alt: str
    caption: str
    png: bytes
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    impersonal: bool = True
    numbers_shown: bool = False


def texts(
    names: Sequence[str], frame: pl.DataFrame, columns: Sequence[str]
) -> tuple[tuple[str, ...], ...]:
    """A name for each row and some columns as people read them, fractions in %."""
    rows = frame.select(columns).iter_rows()
    return tuple(
        (name, *map(_text, row)) for name, row in zip(names, rows, strict=True)
    )


def _text(value: object) -> str:
    if isinstance(value, float):
        return percent(value, 2)
    return f"{value:,}" if isinstance(value, int) else str(value)


def percent(fraction: float, digits: int = 1) -> str:
    """0.0213 as 2.1 %; what is not quite nothing, or not quite all, is told from it.

    Three rows of a million are no "0.0 %", least of all where they are CRITICAL.
    """
    said, least = f"{100 * fraction:.{digits}f}", 10.0**-digits
    if fraction > 0 and float(said) == 0:
        said = f"<{least:.{digits}f}"
    elif fraction < 1 and float(said) == 100:  # noqa: PLR2004  # of a hundred
        said = f">{100 - least:.{digits}f}"
    return said + PERCENT


def limit(level: str, value: float) -> str:
    """Where a level begins, with its name: "HIGH from 5 %"."""
    return f"{level} {where(level, value)}"


def where(level: str, value: float) -> str:
    """Where a level begins: "from 5 %"; CRITICAL begins above its limit."""
    word = "above" if level == LEVELS[-1] else "from"
    return f"{word} {100 * value:g}{PERCENT}"


def shortened(name: str) -> str:
    """A name on one line that fits beside a picture."""
    line = " ".join(name.split())
    return line if len(line) <= LONGEST_NAME else f"{line[: LONGEST_NAME - 1]}…"


def listed(words: Iterable[str]) -> str:
    """Words with commas, and "and" before the last."""
    *others, last = words
    return f"{', '.join(others)} and {last}" if others else last


def loads_in_words(many: int) -> str:
    """So many loads, the last ones."""
    return "the last load" if many == 1 else f"the last {many:,} loads"
