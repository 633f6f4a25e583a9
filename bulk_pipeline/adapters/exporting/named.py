"""Stored rows with the names of their model and upload: blocks of an export."""

from dataclasses import dataclass

import polars as pl
import sqlalchemy as sa

from bulk_pipeline.adapters.exporting.sources import Source
from bulk_pipeline.adapters.exporting.wanted import Wanted
from bulk_pipeline.adapters.tables import models, uploads
from bulk_pipeline.core.export import EXPORTED, STORED_BY


@dataclass(frozen=True, slots=True)
class Block:
    """Some rows in order, with the columns of an export.

    Attributes:
        rows: the rows.
        others: how many of them another upload stored than the one asked for.
    """

    rows: pl.DataFrame
    others: int


@dataclass(frozen=True, slots=True)
class Known:
    """Models and uploads by id; few beside the rows."""

    models: pl.DataFrame
    uploads: pl.DataFrame

    @classmethod
    def of(cls, source: Source) -> "Known":
        """All of them."""
        m, u = models.c, uploads.c
        texts = dict.fromkeys(("model", "model_sha256", "upload"), pl.String())
        named = sa.select(m.id, m.name, m.sha256)
        keyed = sa.select(u.id, u.upload_key)
        number = pl.Int64()
        return cls(
            source.frame(
                named,
                {
                    "model_id": number,
                    **{n: texts[n] for n in ("model", "model_sha256")},
                },
            ),
            source.frame(keyed, {"upload_id": number, "upload": texts["upload"]}),
        )

    def block(self, rows: pl.DataFrame, wanted: Wanted) -> Block:
        """The rows with the columns of an export."""
        joined = rows.join(
            self.models, on="model_id", how="left", maintain_order="left"
        ).join(self.uploads, on="upload_id", how="left", maintain_order="left")
        if wanted.own is None:
            return Block(joined.select(*EXPORTED), 0)
        what = "upload" if wanted.one else "batch"
        own = pl.col("upload_id").is_in(wanted.own)
        stored_by = (
            pl.when(own)
            .then(pl.lit(f"this {what}"))
            .otherwise(pl.lit(f"another {what}"))
        )
        others = joined.select((~own).sum()).item()
        return Block(joined.select(*EXPORTED, stored_by.alias(STORED_BY)), int(others))
