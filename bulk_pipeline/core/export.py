"""Cells that leave for a spreadsheet: no text of theirs may run as a formula."""

import polars as pl

_STARTS_A_FORMULA = r"^[=+\-@\t\r\x00]"
_PLAIN_NUMBER = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$"


def safe_text(cell: pl.Expr) -> pl.Expr:
    """A cell that a spreadsheet shows and never runs.

    A text that starts like a formula gets an apostrophe in front (OWASP ASVS 1.2.10);
    plain numbers stay as they are, so that a corrected file can be loaded again.
    """
    risky = cell.str.contains(_STARTS_A_FORMULA) & ~cell.str.contains(_PLAIN_NUMBER)
    return pl.when(risky).then(pl.concat_str(pl.lit("'"), cell)).otherwise(cell)
