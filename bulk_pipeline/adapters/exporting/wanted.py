"""Which stored rows an export takes."""

from dataclasses import dataclass

import sqlalchemy as sa

from bulk_pipeline.adapters.exporting.keys import Keys
from bulk_pipeline.adapters.tables import annual_predictions
from bulk_pipeline.core.schema import YEAR


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which rows an export takes; every condition that is given holds.

    Attributes:
        year: those of one reporting year.
        keys: those with one of these keys.
        stored_by: those that uploads with one of these ids stored.
        own: ids of the uploads that were asked for, which then are told from others.
        one: whether that is one upload, and not a batch.
        notes: what the reader of the file should know.
    """

    year: int | None = None
    keys: Keys | None = None
    stored_by: tuple[int, ...] | None = None
    own: tuple[int, ...] | None = None
    one: bool = True
    notes: tuple[str, ...] = ()

    def conditions(self) -> list[sa.ColumnElement[bool]]:
        """Those of a query of stored rows; the keys are looked up otherwise."""
        p = annual_predictions.c
        found = []
        if self.year is not None:
            found.append(p[YEAR.name] == self.year)
        if self.stored_by is not None:
            found.append(p.upload_id.in_(self.stored_by))
        return found
