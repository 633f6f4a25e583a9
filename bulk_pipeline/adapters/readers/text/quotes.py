"""Which quotes, carriage returns and line feeds of delimited text mean something.

A quote opens a cell only at its start, is doubled inside, and after the closing
quote nothing but a delimiter or a line end may come. A quote elsewhere in an
unquoted cell is a letter like any other.
"""

import numpy as np
import numpy.typing as npt

from bulk_pipeline.core.wording import amount

LF, CR, QUOTE = b'\n\r"'
Positions = npt.NDArray[np.int64]
Letters = npt.NDArray[np.uint8]


def is_plain(data: bytes) -> bool:
    """Whether every line feed ends a row and every carriage return precedes one."""
    if b'"' in data:
        return False
    if b"\r" not in data:
        return True
    letters = np.frombuffer(data, np.uint8)
    returns = letters == CR
    paired = returns[:-1] & (letters[1:] == LF)
    return bool(np.count_nonzero(returns) == np.count_nonzero(paired))


def toggling(letters: Letters, delimiter: int) -> Positions:
    """Where the quotes stand that open or close a cell, by turns; from a row start.

    A doubled quote inside a cell counts as closing and opening it again.
    """
    quotes = np.flatnonzero(letters == QUOTE)
    before = letters[quotes - 1]
    opens = (before == delimiter) | (before == LF) | (quotes == 0)
    doubled = np.diff(quotes, prepend=-2) == 1
    if (opens | doubled)[::2].all():
        return quotes
    kept = []
    inside = closed = False
    pairs = zip(opens.tolist(), doubled.tolist(), strict=True)
    for may_open, follows_quote in pairs:
        toggles = inside or may_open or (follows_quote and closed)
        closed = toggles and inside
        inside = inside != toggles
        kept.append(toggles)
    significant: Positions = quotes[np.array(kept, dtype=bool)]
    return significant


def first_fault(
    data: bytes, size: int, quotes: Positions, delimiter: int
) -> tuple[int, str, str]:
    """The first thing that the parser would alter: where, what, cure; else ""s.

    Of a cell with text after its closing quote it is told where the cell begins, for
    there a closing quote may be missing.
    """
    letters = np.frombuffer(data, np.uint8, size)
    after = quotes[1::2] + 1
    after = after[after < letters.size]
    may_follow = np.zeros(256, np.bool_)
    may_follow[[LF, CR, QUOTE, delimiter]] = True
    faulty = ~may_follow[letters[after]]
    text, opened = after[faulty], quotes[::2][: after.size][faulty]
    returns = np.flatnonzero(letters == CR) if b"\r" in data else quotes[:0]
    returns = returns[np.searchsorted(quotes, returns) % 2 == 0]
    lone = returns[letters[np.minimum(returns + 1, letters.size - 1)] != LF]
    if text.size and not (lone.size and lone[0] < text[0]):
        what = "text after a closing quote"
        cure = 'Write "" for a quote inside a quoted cell'
        if lines := data.count(b"\n", int(opened[0]), int(text[0])):
            what = f"a cell that ends {amount(lines, 'line')} below with {what}"
            cure += ", or close the cell where it begins"
        return int(opened[0]), what, cure
    if lone.size:
        what = "line ends are mixed: carriage returns alone and line feeds"
        cure = "Save it as CSV UTF-8, or quote the cell that holds one of them"
        return int(lone[0]), what, cure
    return 0, "", ""
