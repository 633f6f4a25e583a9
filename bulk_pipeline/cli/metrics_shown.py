"""Loads of the past on a terminal: a table, bars, medians, the newest's card."""

import sys
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from bulk_pipeline.core.load_sizes import by_size, sparkline, stacked
from bulk_pipeline.core.metrics import STAGES, LoadFigures
from bulk_pipeline.core.performance import (
    BETWEEN,
    compared,
    rate_text,
    stage_lines,
    usual,
)
from bulk_pipeline.core.performance_card import (
    machine_line,
    rows_line,
    stage_table,
)

WIDTH = 110
"""Columns where no terminal says how many there are."""
WIDE = 130
"""From here on the batch has a column."""
LONGEST_BAR, SHORTEST_BAR = 40, 10
GAP = 2
"""Blanks between columns."""
LONGEST_SIZE = 8
"""A size of a billion rows is so much wider than its head."""
BLOCK = "█"
NO_RATE = "-"
"""Of a load that read no row, such as one of a file that was loaded before."""
COLOURS = dict(
    zip(
        (*STAGES, BETWEEN),
        ("blue", "cyan", "magenta", "green", "yellow", "red", "bright_black"),
        strict=True,
    )
)
LETTERS = dict(zip((*STAGES, BETWEEN), "rcosdl.", strict=True))
"""What stands for a stage where there is no colour."""
_COLUMNS = ("finished (UTC)", "rows", "rows/s", "tier", "seconds")


def metrics_console() -> Console:
    """Standard output; as wide as the table wants to be where it is no terminal."""
    return Console(highlight=False, width=None if sys.stdout.isatty() else WIDTH)


def show_loads(out: Console, loads: Sequence[LoadFigures]) -> None:
    """The loads, newest first, then medians of those of a size.

    Args:
        out: where to.
        loads: at least one, newest first.
    """
    rows = [_cells(load) for load in loads]
    widths = [
        max(len(c) for c in column) for column in zip(_COLUMNS, *rows, strict=True)
    ]
    left = out.width - sum(widths) - GAP * len(widths)
    wide = out.width >= WIDE
    if wide:
        left -= max(len(load.batch) for load in loads) + GAP
    bar = max(min(left, LONGEST_BAR), SHORTEST_BAR)
    table = _table()
    for name in _COLUMNS:
        is_text = name in ("tier", _COLUMNS[0])
        table.add_column(name, justify="left" if is_text else "right", no_wrap=True)
    table.add_column("stages", no_wrap=True)
    if wide:
        table.add_column("batch", no_wrap=True)
    for load, cells in zip(loads, rows, strict=True):
        more = [load.batch] if wide else []
        table.add_row(*cells, stage_bar(out, load, bar), *more)
    out.print(table)
    out.print(_legend(out), soft_wrap=True)
    if any(load.is_repetition for load in loads):
        out.print("* stored before; the run wrote nothing", soft_wrap=True)


def show_sizes(out: Console, loads: Sequence[LoadFigures]) -> None:
    """Medians of the loads of a size, and how their rows per second went."""
    sizes = by_size(loads)
    if not sizes:
        return
    columns = ("rows of a load", "loads", "median rows/s", "median seconds")
    table = _table()
    for name in columns:
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("rows/s, old to new", no_wrap=True)
    left = out.width - sum(len(name) + GAP for name in columns) - LONGEST_SIZE
    for size in sizes:
        table.add_row(
            f"about {size.about:,}",
            f"{size.loads:,}",
            rate_text(size.rows_per_second),
            f"{size.seconds:,.2f}",
            sparkline(size.rates[-left:], ascii_only=out.options.ascii_only),
        )
    out.print(table)


def show_card(out: Console, load: LoadFigures, before: Sequence[LoadFigures]) -> None:
    """The card of the newest load.

    Args:
        out: where to.
        load: the newest.
        before: loads of its size before it, newest first.
    """
    rate = f"{rate_text(load.rows_per_second)} rows/s"
    title = f"{load.batch}: {load.tier}, {rate}, {load.seconds:.2f} s"
    out.print(title, style="bold", soft_wrap=True, markup=False)
    out.print(compared(load, before), soft_wrap=True)
    lines = stage_lines(load, usual(load, before))
    for line in stage_table(lines, ascii_only=out.options.ascii_only):
        out.print(f"  {line}", soft_wrap=True, markup=False)
    for said in (rows_line(load), machine_line(load)):
        out.print(said, soft_wrap=True)


def stage_bar(out: Console, load: LoadFigures, width: int) -> Text:
    """Where the time of a load went: colours, or letters where there are none."""
    lines = stage_lines(load, None)
    drawn = Text()
    for line, characters in zip(lines, stacked(lines, width), strict=True):
        if _coloured(out):
            drawn.append(BLOCK * characters, COLOURS[line.name])
        else:
            drawn.append(LETTERS[line.name] * characters)
    return drawn


def _table() -> Table:
    return Table(box=None, padding=(0, GAP, 0, 0), pad_edge=False)


def _coloured(out: Console) -> bool:
    coloured = out.color_system is not None and not out.no_color
    return coloured and not out.options.ascii_only


def _legend(out: Console) -> Text:
    parts = []
    for name, colour in COLOURS.items():
        mark, style = (BLOCK, colour) if _coloured(out) else (LETTERS[name], "")
        said = "between stages" if name == BETWEEN else name
        parts.append(Text(mark, style).append(f" {said}", ""))
    return Text("  ").join(parts)


def _cells(load: LoadFigures) -> tuple[str, ...]:
    rate, tier = rate_text(load.rows_per_second), load.tier
    if not load.rows_read:
        rate = tier = NO_RATE
    return (
        f"{load.finished_at:%Y-%m-%d %H:%M}",
        f"{load.rows_read:,}",
        rate,
        f"{tier}{'*' * load.is_repetition}",
        f"{load.seconds:,.2f}",
    )
