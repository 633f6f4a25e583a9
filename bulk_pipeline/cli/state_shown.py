"""What a database is doing, on a terminal."""

from rich.table import Table

from bulk_pipeline.adapters.database_state import Cell, DatabaseState, Section
from bulk_pipeline.cli.metrics_shown import GAP, metrics_console


def show_state(state: DatabaseState) -> None:
    """Each question with its answer."""
    out = metrics_console()
    out.print(f"Database: {state.database}", soft_wrap=True, markup=False)
    for section in state.sections:
        out.print()
        out.print(section.title, style="bold", soft_wrap=True, markup=False)
        if section.rows:
            out.print(_table(section))
        if section.note:
            out.print(section.note, soft_wrap=True, markup=False)


def _table(section: Section) -> Table:
    table = Table(box=None, padding=(0, GAP, 0, 0), pad_edge=False)
    for name in section.columns:
        table.add_column(name, overflow="fold")
    for row in section.rows:
        table.add_row(*map(_cell, row))
    return table


def _cell(value: Cell) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:,.3f}"
    return str(value)
