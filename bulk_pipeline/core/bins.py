"""Bins of a ratio: which bin holds a value, and what each bin weighs.

How the ratios are put together belongs to the scorecard.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Self

import numpy as np
from numpy.typing import NDArray

from bulk_pipeline.core import fields
from bulk_pipeline.core.errors import ModelRefused
from bulk_pipeline.core.schema import RATIO_COLUMNS, Unit

_WORDS = {Unit.PERCENT: "percent", Unit.MULTIPLE: "multiple"}
_UNITS = {column.name: _WORDS[column.unit] for column in RATIO_COLUMNS}
_KEYS = ("ratio", "unit", "coefficient", "lower", "bins", "missing_default_rate")
_BIN_KEYS = ("upper", "default_rate")
_LARGEST_COEFFICIENT = 1e6  # keeps every sum finite, whatever the rates
_MOST_BINS = 200  # bins are counted in eight bits


@dataclass(frozen=True, slots=True)
class Feature:
    """One ratio's bins, in the ratio's own unit, and what each bin stands for.

    A bin holds x when lower < x <= upper. A value outside every bin takes the first
    bin's rate, so ``lower`` describes the first bin and changes no score.

    Attributes:
        ratio: column name, one of ``schema.RATIOS``.
        coefficient: weight of the rate in the regression.
        lower: lower bound of the first bin, not in it; None for no bound.
        uppers: upper bound of each bin, in it, ascending; the last may be None for
            no bound.
        default_rates: historic default rate of each bin, a fraction in [0, 1].
        missing_default_rate: rate of a missing ratio, a fraction in [0, 1].
    """

    ratio: str
    coefficient: float
    lower: float | None
    uppers: tuple[float | None, ...]
    default_rates: tuple[float, ...]
    missing_default_rate: float

    def __post_init__(self) -> None:
        if not 1 <= len(self.uppers) <= _MOST_BINS:
            raise ModelRefused(
                f"{self.ratio} has {len(self.uppers)} bins. Give 1 to {_MOST_BINS}."
            )
        if len(self.uppers) != len(self.default_rates):
            raise ModelRefused(
                f"{self.ratio} has {len(self.uppers)} bins and "
                f"{len(self.default_rates)} default rates. Give one rate a bin."
            )
        if None in self.uppers[:-1]:
            raise ModelRefused(
                f"{self.ratio}: only the last bin may have no upper bound (null)."
            )
        bounds = [b for b in (self.lower, *self.uppers) if b is not None]
        if any(not below < above for below, above in pairwise(bounds)):
            raise ModelRefused(
                f"{self.ratio}: the bounds of the bins must strictly ascend, but are "
                f"{bounds}. Put the bins in order, without repeats."
            )

    @classmethod
    def from_document(cls, item: object, where: str) -> Self:
        """The feature that one item of a model document describes.

        Args:
            item: parsed JSON: ratio, unit, coefficient, lower, bins (each an upper
                and a default_rate) and missing_default_rate.
            where: its place in the document, for messages.

        Raises:
            ModelRefused: a key is absent, unknown or of the wrong kind, the unit is
                not ours, or the bins do not ascend; names the place and the fault.
        """
        found = fields.mapping(item, _KEYS, where)
        ratio = fields.text(found["ratio"], f"{where}.ratio")
        if found["unit"] != _UNITS.get(ratio, found["unit"]):
            raise ModelRefused(
                f"{where}.unit of {ratio} is {found['unit']!r}, and ours is "
                f"{_UNITS[ratio]!r}. Give the bins in our unit."
            )
        places = f"{where}.bins"
        bins = [
            (at := f"{places}[{position}]", fields.mapping(each, _BIN_KEYS, at))
            for position, each in enumerate(fields.sequence(found["bins"], places))
        ]
        missing_rate = found["missing_default_rate"]
        return cls(
            ratio,
            coefficient(found["coefficient"], f"{where}.coefficient"),
            fields.bound(found["lower"], f"{where}.lower"),
            tuple(fields.bound(b["upper"], f"{at}.upper") for at, b in bins),
            tuple(
                fields.rate(b["default_rate"], f"{at}.default_rate") for at, b in bins
            ),
            fields.rate(missing_rate, f"{where}.missing_default_rate"),
        )

    @property
    def edges(self) -> tuple[float, ...]:
        """Upper bounds, ascending; the last is infinity, so every number has a bin."""
        closed = tuple(upper for upper in self.uppers if upper is not None)
        return (*closed, math.inf)

    @property
    def rates(self) -> tuple[float, ...]:
        """The default rate below each of ``edges``, in their order."""
        bounded = self.uppers[-1] is not None
        return (*self.default_rates, *self.default_rates[: int(bounded)])


def edges_at_or_above(
    column: NDArray[np.float64], edges: Sequence[float]
) -> NDArray[np.uint8]:
    """How many edges are at or above each value, (n,); 0 only for NaN.

    One comparison of a whole column per edge is four times as fast as a binary
    search for each value, and NaN needs no case of its own.
    """
    count = np.zeros(len(column), np.uint8)
    within = np.empty(len(column), np.bool_)
    for edge in edges:
        np.less_equal(column, edge, out=within)
        count += within.view(np.uint8)
    return count


def bin_terms(feature: Feature) -> NDArray[np.float64]:
    """The feature's share of z by edges at or above: missing, last bin, ... first."""
    by_count = (feature.missing_default_rate, *reversed(feature.rates))
    return feature.coefficient * np.array(by_count)


def coefficient(found: object, where: str) -> float:
    """A weight of the regression."""
    weight = fields.number(found, where)
    if abs(weight) > _LARGEST_COEFFICIENT:
        raise ModelRefused(
            f"{where} is {weight}. Give a number within ±{_LARGEST_COEFFICIENT:g}."
        )
    return weight
