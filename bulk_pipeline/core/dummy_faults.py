"""What is odd about made-up rows on purpose: which rows, and in which way.

Bad rows are rejected by cleaning for the reason said here; duplicates repeat the key of
the row above them. Both are spread evenly, and their numbers are exact.
"""

from collections import Counter
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from bulk_pipeline.core import schema
from bulk_pipeline.core.dummy_request import DummyRequest
from bulk_pipeline.core.dummy_tables import DUPLICATES_PER_CONFLICT

Integers = npt.NDArray[np.int64]
NO_FAULT = -1
_NO_WIDTH = "\u2060"  # word joiner: two symbols that look alike
_NAME_LENGTH = schema.NAME.max_length or 0
_SECTOR_LENGTH = schema.SECTOR.max_length or 0

FAULTS: tuple[tuple[str, str, str | None], ...] = (
    (schema.SYMBOL.name, "blank", None),
    (schema.SYMBOL.name, "too_long", "SYMBOL.LONGER.THAN.20"),
    (schema.SYMBOL.name, "control_character", f"AB{_NO_WIDTH}C"),
    (schema.NAME.name, "blank", None),
    (schema.NAME.name, "too_long", "Endless Holdings " * (_NAME_LENGTH // 17 + 1)),
    (schema.NAME.name, "control_character", f"Hidden{_NO_WIDTH} Holdings"),
    (schema.SECTOR.name, "too_long", "Everything " * (_SECTOR_LENGTH // 11 + 1) + "."),
    (schema.MARKET_CAP.name, "not_a_number", "large"),
    (schema.MARKET_CAP.name, "not_finite", "1e999"),
    (schema.YEAR.name, "not_a_year", "soon"),
    (schema.YEAR.name, "year_out_of_range", "1776"),
    (schema.QUARTER.name, "not_a_quarter", "Q7"),
    *((ratio, "not_a_number", "abc") for ratio in schema.RATIOS),
    *((ratio, "not_finite", "inf") for ratio in schema.RATIOS),
    *((ratio, "too_small", "1e-310") for ratio in schema.RATIOS),
)
"""What can be wrong: column, the reason that cleaning gives, text of the cell.

Two reasons are not among them: ``wrong_field_count`` is a fault of a line, not of a
cell, and one ``other_decimal`` would make a whole file doubtful.
"""


@dataclass(frozen=True, slots=True)
class ExpectedDuplicates:
    """Duplicates of a request, as a load into an empty database counts them.

    Attributes:
        rows: rows that repeat the key of an earlier one.
        conflicting: those of them whose ratios differ from it.
    """

    rows: int
    conflicting: int


def expected_rejects(request: DummyRequest) -> dict[tuple[str, str], int]:
    """How many rows of a request cleaning rejects, by column and reason.

    Every bad row has one fault, so the counts add up to ``request.bad_rows``; a
    fault that does not occur is left out.
    """
    rounds, rest = divmod(request.bad_rows, len(FAULTS))
    counts: Counter[tuple[str, str]] = Counter()
    for kind, (column, reason, _) in enumerate(FAULTS):
        counts[column, reason] = rounds + (kind < rest)
    return {fault: count for fault, count in counts.items() if count}


def expected_duplicates(request: DummyRequest) -> ExpectedDuplicates:
    """How many rows of a request repeat a key; none of them is a bad row.

    Rows read are then inserted, duplicates and rejected: ``rows - rows of this -
    bad_rows``, ``rows of this``, ``bad_rows``.
    """
    return ExpectedDuplicates(request.duplicate_rows, request.conflicting_rows)


@dataclass(frozen=True, slots=True)
class Marks:
    """What is odd about n distinct rows; no row is both.

    Attributes:
        faults: of length n: place in ``FAULTS``, or ``NO_FAULT``.
        repeats: how often each row stands in the file, 1 or 2.
        conflicts: whether the second of two differs; of length n.
    """

    faults: Integers
    repeats: Integers
    conflicts: npt.NDArray[np.bool_]


def marks(request: DummyRequest, rows: range, rng: np.random.Generator) -> Marks:
    """The share of some rows in the bad ones and the duplicates of a request.

    Args:
        request: what is made.
        rows: some of its distinct rows, by number.
        rng: decides which of them.
    """
    bad, all_ = request.bad_rows, request.bad_rows + request.duplicate_rows
    faults = np.full(len(rows), NO_FAULT)
    repeats = np.ones(len(rows), np.int64)
    conflicts = np.zeros(len(rows), np.bool_)
    ordinals = np.arange(
        rows.start * all_ // request.distinct_rows,
        rows.stop * all_ // request.distinct_rows,
    )
    if len(ordinals):
        places = rng.choice(len(rows), len(ordinals), replace=False)
        before = ordinals * bad // all_  # bad ones among the earlier ordinals
        is_bad = (ordinals + 1) * bad // all_ > before
        faults[places[is_bad]] = before[is_bad] % len(FAULTS)
        repeated = places[~is_bad]
        repeats[repeated] = 2
        number = (ordinals - before)[~is_bad]
        conflicts[repeated] = number % DUPLICATES_PER_CONFLICT == 1
    return Marks(faults, repeats, conflicts)


def spoiled(frame: pl.DataFrame, faults: Integers) -> pl.DataFrame:
    """The rows as text, those with a fault made wrong.

    Args:
        frame: n rows with the columns of ``schema.INPUT_COLUMNS``.
        faults: of length n, as in ``Marks``.
    """
    text = frame.cast(pl.String)
    places = np.flatnonzero(faults != NO_FAULT)
    kinds = faults[places]
    for name in text.columns:
        here = _IN_COLUMN[name][kinds]
        if here.any():
            wrong = _CELLS.gather(kinds[here])
            text = text.with_columns(text[name].scatter(places[here], wrong))
    return text


_CELLS = pl.Series([cell for _, _, cell in FAULTS], dtype=pl.String)
_IN_COLUMN = {
    column.name: np.array([name == column.name for name, _, _ in FAULTS])
    for column in schema.INPUT_COLUMNS
}
