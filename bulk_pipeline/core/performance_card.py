"""The performance card of a load: Markdown for Dagster's dialog."""

from collections.abc import Iterator, Sequence

from bulk_pipeline.core.metrics import DatabaseFigures, LoadFigures
from bulk_pipeline.core.performance import (
    StageLine,
    bar,
    compared,
    rate_text,
    stage_lines,
    usual,
)
from bulk_pipeline.core.wording import amount

BAR_WIDTH = 24
MIB = 1 << 20


def performance_card(
    load: LoadFigures,
    before: Sequence[LoadFigures],
    database_seconds: float,
    database: DatabaseFigures,
) -> str:
    """The card of a load, from numbers alone; no text of a file is in it.

    Args:
        load: its figures.
        before: earlier loads, newest first; those of its size count.
        database_seconds: from the request for the write lock to the commit.
        database: what was asked of the database meanwhile.
    """
    lines = stage_lines(load, usual(load, before))
    rate = rate_text(load.rows_per_second)
    parts = [
        f"### {load.tier} · {rate} rows/s · {load.seconds:.2f} s",
        compared(load, before),
        "\n".join(["```text", *stage_table(lines), "```"]),
        f"**Rows.** {rows_line(load)}",
        f"**Machine.** {machine_line(load)}",
        "\n".join(f"- {line}" for line in database_lines(database_seconds, database)),
    ]
    return "\n\n".join(parts)


def stage_table(
    lines: Sequence[StageLine], *, ascii_only: bool = False
) -> Iterator[str]:
    """A line of text per stage, for a font of one width.

    Args:
        lines: the stages.
        ascii_only: whether there are no block characters.
    """
    names = max(len(line.name) for line in lines)
    told = any(line.times_usual is not None for line in lines)
    largest = max((line.share for line in lines), default=0.0) or 1.0
    for line in lines:
        drawn = bar(line.share / largest, BAR_WIDTH, ascii_only=ascii_only)
        times = line.times_usual
        usually = f"{'' if times is None else f'{times:.1f} x usual':>12}" * told
        text = f"{line.name:<{names}} {line.seconds:>8.3f} s {line.share:>4.0%}"
        # The bar comes last, since fonts draw its characters in widths of their own.
        yield f"{text}{usually}  {drawn}".rstrip()


def database_lines(seconds: float, database: DatabaseFigures) -> Iterator[str]:
    """What a load asked of its database, as sentences.

    Args:
        seconds: from the request for the write lock to the commit.
        database: what was asked meanwhile.
    """
    yield (
        f"Database: {seconds:.3f} s from the request for the write lock to the commit; "
        f"{database.lock_wait_seconds:.3f} s were spent waiting for another writer."
    )
    if database.statements:
        yield (
            f"Statements: {database.statements:,} in "
            f"{database.statement_seconds:.3f} s; the longest took "
            f"{database.statement_longest_seconds:.3f} s."
        )
    if database.connections_most_in_use:
        yield (
            f"Connections: {database.connections_most_in_use} in use at most; "
            f"{database.connection_wait_seconds:.3f} s until the pool gave them."
        )


def rows_line(load: LoadFigures) -> str:
    """What became of the rows of a load, as a sentence."""
    said = (
        f"{amount(load.rows_read, 'row')} read = {load.inserted:,} inserted + "
        f"{load.updated:,} updated + {load.duplicates:,} duplicates + "
        f"{load.rejected:,} rejected; {load.rows_written:,} written."
    )
    if load.duplicates_conflicting:
        said += (
            f" Of the duplicates {load.duplicates_conflicting:,} have other values "
            "than the row that counts."
        )
    return said


def machine_line(load: LoadFigures) -> str:
    """What a load took of the machine, as a sentence."""
    return (
        f"Peak memory {load.peak_memory_bytes / MIB:,.0f} MiB; processor "
        f"{load.cpu_percent:.0f} % (100 is one core)."
    )
