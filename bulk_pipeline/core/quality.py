"""What is odd about typed rows though it can be scored: counted, never refused."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import polars as pl

from bulk_pipeline.core.notices import Notice, NoticeKind
from bulk_pipeline.core.schema import (
    FRACTION_LIMIT,
    PERCENT_RATIOS,
    PLACEHOLDER,
    RATIO_COLUMNS,
    RATIOS,
)
from bulk_pipeline.core.wording import amount


@dataclass(frozen=True, slots=True)
class Quality:
    """Counts over n typed rows; two of them add up.

    Attributes:
        rows: n.
        missing: rows with at least one missing ratio.
        implausible: rows with a ratio outside its plausible range or holding the
            placeholder.
        placeholders: cells that hold exactly 100000000.
        largest: the largest absolute value of each percent ratio; a ratio without
            any value is absent.
    """

    rows: int = 0
    missing: int = 0
    implausible: int = 0
    placeholders: int = 0
    largest: Mapping[str, float] = field(default_factory=dict)

    def __add__(self, other: "Quality") -> "Quality":
        names = {**self.largest, **other.largest}
        return Quality(
            self.rows + other.rows,
            self.missing + other.missing,
            self.implausible + other.implausible,
            self.placeholders + other.placeholders,
            {n: max(self.largest.get(n, 0), other.largest.get(n, 0)) for n in names},
        )

    def notices(self, *, fractions: bool) -> tuple[Notice, ...]:
        """What to tell the person who sent the file, each with the cure."""
        found = []
        if self.placeholders:
            cells = amount(self.placeholders, "cell holds", "cells hold")
            as_is = "it was scored as it stands"
            if self.placeholders != 1:
                as_is = "they were scored as they stand"
            said = (
                f"{cells} exactly 100000000, which suppliers write where they have no "
                f"figure; {as_is}."
            )
            found.append(Notice(NoticeKind.PLACEHOLDERS, self.placeholders, said))
        if not fractions:
            found += [
                Notice(
                    NoticeKind.UNIT_DOUBT,
                    1,
                    f"Every value of {name} lies within ±{FRACTION_LIMIT:g}: if the "
                    "file holds fractions (0.05 for 5 %), set "
                    "BULK_PIPELINE_RATIO_UNIT=fraction and load it with --force.",
                )
                for name in PERCENT_RATIOS
                if 0 < self.largest.get(name, 0) <= FRACTION_LIMIT
            ]
        return tuple(found)


def quality(rows: pl.DataFrame) -> Quality:
    """Counts over typed rows; ``rows`` has the ratio columns (float64, nullable)."""
    odd = [pl.col(name) == PLACEHOLDER for name in RATIOS] + [
        ~pl.col(column.name).is_between(*column.plausible)
        for column in RATIO_COLUMNS
        if column.plausible
    ]
    counts = rows.select(
        missing=pl.any_horizontal(pl.col(*RATIOS).is_null()).sum(),
        implausible=pl.any_horizontal(odd).sum(),
        placeholders=pl.sum_horizontal((pl.col(*RATIOS) == PLACEHOLDER).sum()),
        **{name: pl.col(name).abs().max() for name in PERCENT_RATIOS},
    ).row(0, named=True)
    return Quality(
        rows.height,
        int(counts["missing"]),
        int(counts["implausible"]),
        int(counts["placeholders"]),
        {n: counts[n] for n in PERCENT_RATIOS if counts[n] is not None},
    )


def total(parts: Iterable[Quality]) -> Quality:
    """The counts of all parts together."""
    return sum(parts, Quality())
