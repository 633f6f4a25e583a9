"""The population that a model's scores are compared with: counts by bin, no rows."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from bulk_pipeline.core import fields
from bulk_pipeline.core.errors import ModelRefused
from bulk_pipeline.core.schema import RATIOS
from bulk_pipeline.core.stability import Distribution, decile_edges, distribution
from bulk_pipeline.core.wording import amount

SCHEMA = "bulk_pipeline.reference/1"
"""The layout that this version reads."""

SCORE = "probability"
"""The column of the scores, beside the five ratios."""

COLUMNS = (*RATIOS, SCORE)
"""What is compared, in order."""

_KEYS = ("schema", "model", "source", "rows", "columns")
_COLUMN_KEYS = ("edges", "counts", "missing", "placeholders")
_MOST = 10**15  # rows; a fraction of two numbers of that size is still exact
_MOST_BINS = 201  # those of a scorecard, and one above its last bound


@dataclass(frozen=True, slots=True)
class Reference:
    """A population counted by the bins of its ratios and of its scores.

    Attributes:
        model: sha256 of the model that scored it.
        source: which population it is, for people.
        rows: how many rows it has, at least 1.
        columns: one distribution for each of ``COLUMNS``.
    """

    model: str
    source: str
    rows: int
    columns: Mapping[str, Distribution]

    @classmethod
    def of(
        cls,
        ratios: NDArray[np.float64],
        scores: NDArray[np.float64],
        edges: Mapping[str, tuple[float, ...]],
        *,
        model: str,
        source: str,
    ) -> Self:
        """The reference that a scored population makes.

        Args:
            ratios: (n, 5) in the order of ``schema.RATIOS``, NaN where missing.
            scores: (n,), the probabilities of the rows.
            edges: ratio → the bins of the model; a ratio without any, and the scores,
                are cut into tenths of this population.
            model: sha256 of the model.
            source: which population it is.

        Raises:
            ModelRefused: there are no rows.
        """
        if not len(scores):
            raise ModelRefused(
                "There is no row to make a reference of. Give a file or a database "
                "with rows."
            )
        columns = {
            name: np.ascontiguousarray(ratios[:, place])
            for place, name in enumerate(RATIOS)
        } | {SCORE: scores}
        found = {
            name: distribution(column, edges.get(name) or decile_edges(column))
            for name, column in columns.items()
        }
        return cls(model, source, len(scores), found)

    @classmethod
    def from_document(cls, document: object) -> Self:
        """The reference that a parsed JSON document describes.

        Raises:
            ModelRefused: a key is absent, unknown or of the wrong kind, the edges do
                not ascend, or the counts do not add up; names the place and the fault.
        """
        top = fields.mapping(document, _KEYS, "The reference")
        if top["schema"] != SCHEMA:
            raise ModelRefused(
                f"The reference's schema is {top['schema']!r}, and this version reads "
                f"{SCHEMA!r}. Make it again: bulk-pipeline model reference."
            )
        rows = _count(top["rows"], "rows")
        if not rows:
            raise ModelRefused("rows is 0. A reference needs rows to compare with.")
        items = fields.mapping(top["columns"], COLUMNS, "columns")
        return cls(
            fields.text(top["model"], "model"),
            fields.text(top["source"], "source"),
            rows,
            {name: _column(items[name], f"columns.{name}", rows) for name in COLUMNS},
        )

    def document(self) -> dict[str, Any]:
        """The reference as a document in the layout ``SCHEMA``; null is no bound."""
        return {
            "schema": SCHEMA,
            "model": self.model,
            "source": self.source,
            "rows": self.rows,
            "columns": {
                name: {
                    "edges": [*found.edges[:-1], None],
                    "counts": list(found.counts),
                    "missing": found.missing,
                    "placeholders": found.placeholders,
                }
                for name, found in self.columns.items()
            },
        }

    @property
    def edges(self) -> dict[str, tuple[float, ...]]:
        """The bins of each column."""
        return {name: found.edges for name, found in self.columns.items()}


def _column(item: object, where: str, rows: int) -> Distribution:
    found = fields.mapping(item, _COLUMN_KEYS, where)
    bounds = fields.sequence(found["edges"], f"{where}.edges")
    counts = fields.sequence(found["counts"], f"{where}.counts")
    if not 1 <= len(bounds) == len(counts) <= _MOST_BINS or bounds[-1] is not None:
        raise ModelRefused(
            f"{where} must have 1 to {_MOST_BINS} edges, the last null, and one count "
            "for each."
        )
    edges = (
        *(fields.number(b, f"{where}.edges[{n}]") for n, b in enumerate(bounds[:-1])),
        math.inf,
    )
    if any(not below < above for below, above in pairwise(edges)):
        raise ModelRefused(f"{where}.edges must strictly ascend.")
    read = Distribution(
        edges,
        tuple(_count(c, f"{where}.counts[{n}]") for n, c in enumerate(counts)),
        _count(found["missing"], f"{where}.missing"),
        _count(found["placeholders"], f"{where}.placeholders"),
    )
    if read.rows != rows:
        raise ModelRefused(
            f"{where} counts {amount(read.rows, 'row')}, and the reference has {rows}. "
            "Make it again: bulk-pipeline model reference."
        )
    return read


def _count(found: object, where: str) -> int:
    """A number of rows."""
    if isinstance(found, int) and not isinstance(found, bool) and 0 <= found <= _MOST:
        return found
    raise ModelRefused(
        f"{where} must be a whole number, 0 or more and at most {_MOST}."
    )
