"""Results of a benchmark on a terminal."""

import sys
from collections.abc import Sequence

from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from bulk_pipeline.bench.figures import (
    ALL_STAGES,
    DAGSTER,
    END,
    OPENED_TO_COMMIT,
    START,
    WHOLE,
    Curve,
    Line,
    Spread,
)
from bulk_pipeline.bench.peers_beside import PeerResult
from bulk_pipeline.bench.sitting import SizeResult
from bulk_pipeline.core.metrics import STAGES

WIDTH = 110
"""Columns of the table where no terminal says how many there are."""
CURVE_WIDTH = 60
LEVELS, PLAIN_LEVELS = "▁▂▃▄▅▆▇█", "_.-=+*#@"
MIB = 1 << 20

_STAGE_COLUMNS = (
    "stage",
    "rows/s",
    "seconds",
    "from .. to",
    "CPU s",
    "peak MiB",
    "tier",
    "floor s",
    "ratio",
)


def console() -> Console:
    """Standard output; as wide as the table wants to be where it is no terminal."""
    return Console(highlight=False, width=None if sys.stdout.isatty() else WIDTH)


def show_size(out: Console, result: SizeResult) -> None:
    """The stages of one size beside their floor, and what lies around them."""
    rounds = len(result.rounds)
    out.print(
        f"\n{result.rows:,} rows, {result.bytes / 1e6:,.1f} MB, "
        f"{rounds} {'round' if rounds == 1 else 'rounds'}: medians",
        style="bold",
    )
    table = _table(_STAGE_COLUMNS)
    for name in (*STAGES, ALL_STAGES):
        table.add_row(*_stage_row(result.line(name)))
    out.print(table)
    for line in _sentences(result):
        out.print(line, soft_wrap=True, markup=False)
    # The first round of all warms the machine up; the last one is shown.
    out.print(curve_line(result.curves[-1], ascii_only=out.options.ascii_only))
    if result.peers:
        _show_peers(out, result.peers)


def show_system(out: Console, rows: Sequence[tuple[str, str]]) -> None:
    """What the machine is."""
    table = Table(box=None, show_header=False)
    for name, value in rows:
        table.add_row(name, value)
    out.print(table)


def curve_line(curve: Curve, *, ascii_only: bool = False) -> str:
    """The memory of a command over its time, as one line of text.

    Args:
        curve: its samples; each column shows the largest of its span.
        ascii_only: whether the terminal has no block characters.
    """
    if not curve:
        return "memory: the command ended before it could be looked at"
    levels = PLAIN_LEVELS if ascii_only else LEVELS
    peak, whole = max(size for _, size in curve), curve[-1][0] or 1.0
    columns = [0] * min(CURVE_WIDTH, len(curve))
    for at, size in curve:
        place = min(int(at / whole * len(columns)), len(columns) - 1)
        columns[place] = max(columns[place], size)
    for place in range(1, len(columns)):  # no sample fell into it
        columns[place] = columns[place] or columns[place - 1]
    drawn = "".join(levels[_level(size, peak, len(levels))] for size in columns)
    return f"memory |{drawn}| {whole:.1f} s, at most {peak / MIB:,.0f} MiB"


def _level(size: int, peak: int, levels: int) -> int:
    return min(size * levels // peak, levels - 1)


def _sentences(result: SizeResult) -> list[str]:
    """What lies around the stages, a line each."""
    commit, whole = result.line(OPENED_TO_COMMIT), result.line(WHOLE)
    stages = result.line(ALL_STAGES)
    of_dagster = _seconds(result.line(DAGSTER).seconds)
    start, end = (_seconds(result.line(name).seconds) for name in (START, END))
    cpu, peak = _number(whole.cpu_seconds), _mebibytes(whole.peak_memory_bytes)
    rate = f"{commit.rows_per_second:,.0f} rows/s, tier {commit.tier}"
    said = [
        f"first file opened to commit: {_seconds(commit.seconds)}, {rate}",
        f"of it between the stages (Dagster): {of_dagster}",
        f"start-up before it: {start}; end after it: {end}",
        f"whole command: {_seconds(whole.seconds)}, CPU {cpu} s, peak {peak} MiB",
    ]
    if stages.ratio:
        said.append(
            f"all stages / floor: {stages.ratio.median:.2f} "
            f"({stages.ratio.lowest:.2f} .. {stages.ratio.highest:.2f})"
        )
    return said


def _show_peers(out: Console, peers: Sequence[PeerResult]) -> None:
    table = _table(("peer", "rows", "seconds", "rows/s", "ours is"))
    for peer in peers:
        if peer.rows is None or peer.times is None:
            table.add_row(peer.title, *["-"] * 4)
            continue
        table.add_row(
            f"{peer.title} ({peer.version})",
            f"{peer.rows:,}",
            f"{peer.seconds:,.2f}",
            f"{peer.rows_per_second:,.0f}",
            f"{peer.times:,.2f} times as fast",
        )
    out.print(table)
    for peer in peers:
        out.print(f"{peer.title}: {peer.note}", soft_wrap=True, markup=False)


def _table(columns: Sequence[str]) -> Table:
    table = Table(box=SIMPLE, pad_edge=False)
    for name in columns:
        left = name in {"stage", "tier", "peer"}
        table.add_column(name, justify="left" if left else "right")
    return table


def _stage_row(line: Line) -> list[str]:
    seconds = line.seconds
    floor, ratio = line.floor_seconds, line.ratio
    return [
        line.name,
        f"{line.rows_per_second:,.0f}",
        f"{seconds.median:.3f}",
        f"{seconds.lowest:.3f} .. {seconds.highest:.3f}",
        _number(line.cpu_seconds),
        _mebibytes(line.peak_memory_bytes),
        line.tier,
        f"{floor.median:.3f}" if floor else "-",
        f"{ratio.median:.2f}" if ratio else "-",
    ]


def _seconds(spread: Spread) -> str:
    if spread.lowest == spread.highest:
        return f"{spread.median:.2f} s"
    return f"{spread.median:.2f} s ({spread.lowest:.2f} .. {spread.highest:.2f})"


def _number(spread: Spread | None) -> str:
    return f"{spread.median:.2f}" if spread else "-"


def _mebibytes(spread: Spread | None) -> str:
    return f"{spread.median / MIB:,.0f}" if spread else "-"
