"""How a synchronisation looks on a terminal and to programs."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

import click
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from bulk_pipeline.adapters.progress import listening
from bulk_pipeline.cli.show import console
from bulk_pipeline.core.metrics import rows_per_second
from bulk_pipeline.core.syncing import SyncMode, SyncOptions, SyncReport, TableCounts
from bulk_pipeline.core.wording import amount

_COUNTS = ("source_rows", "inserted", "updated", "deleted", "unchanged", "kept")


def told(report: SyncReport, source: str, target: str) -> dict[str, Any]:
    """A report for programs; years as texts, as JSON has its keys."""
    return {
        "mode": report.mode,
        "source": source,
        "target": target,
        "equal_before": report.equal,
        "seconds": report.seconds,
        "tables": {
            name: {**asdict(counts), "rows_per_second": _rate(counts)}
            for name, counts in report.tables.items()
        },
        "years": {str(year): asdict(counts) for year, counts in report.years.items()},
    }


def _rate(counts: TableCounts) -> float:
    return rows_per_second(counts.source_rows, counts.seconds)


def show_report(
    report: SyncReport, options: SyncOptions, source: str, target: str
) -> None:
    """A table of the tables, and what it means in one sentence."""
    for line in _table(report):
        click.echo(line)
    out = console()
    out.print(_sentence(report, options), soft_wrap=True)
    for what, name in (("Source", source), ("Target", target)):
        out.print(f"{what}: {name}", soft_wrap=True, markup=False)


def _table(report: SyncReport) -> Iterator[str]:
    """The counts, a line for each table; no number is shortened for a narrow screen."""
    headers = (*(name.replace("_", " ") for name in _COUNTS), "seconds", "rows/s")
    lines = [("", *headers)]
    for name, counts in report.tables.items():
        cells = (f"{getattr(counts, column):,}" for column in _COUNTS)
        lines.append((name, *cells, f"{counts.seconds:.2f}", f"{_rate(counts):,.0f}"))
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for first, *others in lines:
        cells = (text.rjust(w) for text, w in zip(others, widths[1:], strict=True))
        yield "  ".join((first.ljust(widths[0]), *cells))


def _sentence(report: SyncReport, options: SyncOptions) -> str:
    """What the counts mean for the two databases."""
    differing = sum(counts.differing for counts in report.tables.values())
    seconds = f"{report.seconds:.2f} s"
    if options.mode is SyncMode.VERIFY:
        if report.equal:
            return f"Equal: no row differs ({seconds})."
        differ = amount(differing, "row differs", "rows differ")
        return f"Not equal: {differ}; nothing was written ({seconds})."
    spared = sum(counts.deleted for counts in report.tables.values())
    if not options.delete and spared:
        return (
            f"{_brought(differing - spared)}; {spared:,} that only the "
            f"target has were left there ({seconds})."
        )
    return f"{_brought(differing)} ({seconds})."


def _brought(rows: int) -> str:
    return f"{amount(rows, 'row was', 'rows were')} brought over"


@contextmanager
def sync_progress(*, shown: bool) -> Iterator[None]:
    """On a terminal, the table at hand and its rows so far, on standard error."""
    if not shown or not sys.stderr.isatty():
        yield
        return
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=console(errors=True), transient=True) as bar:
        task = bar.add_task("comparing", total=None)
        done: dict[str, int] = {}

        def tell(table: str, rows: int) -> None:
            done[table] = done.get(table, 0) + rows
            bar.update(task, description=f"{table}: {amount(done[table], 'row')}")

        with listening(tell):
            yield
