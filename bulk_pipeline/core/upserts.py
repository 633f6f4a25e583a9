"""What a load does to stored rows, decided set-wise.

The order of uploads is their id. Under ``skip`` a stored row stays; under ``update``
it is replaced by other values of a newer upload. An outcome says what the table owes
to the upload, so a batch that is loaded again reports what it reported first.
"""

from dataclasses import dataclass

import polars as pl

from bulk_pipeline.core.duplicates import differing
from bulk_pipeline.core.schema import QUARTER, YEAR

STORED_KEY = ("company_id", YEAR.name, QUARTER.name)
INSERTED, UPDATED, DUPLICATE = "inserted", "updated", "duplicate"
WRITE_INSERT, WRITE_REPLACE = "insert", "replace"


@dataclass(frozen=True, slots=True)
class Rules:
    """What decides whether a stored row gives way.

    Attributes:
        update: whether newer uploads replace other values.
        model_id: the model that scored the incoming rows.
    """

    update: bool
    model_id: int


def rounds(keys: pl.Series) -> pl.Series:
    """How often a row's key came before in the batch: 0, 1, 2 ...

    Args:
        keys: one number per row that stands for its stored key, sorted; rows with
            one key in order of upload.

    Returns:
        UInt32 of length n. Rows of one round have distinct keys, and loading the
        rounds in order is the same as loading the uploads one after another.
    """
    if not (keys == keys.shift(1)).any():
        return pl.Series("round", [0], dtype=pl.UInt32).new_from_index(0, len(keys))
    count = pl.int_range(pl.len(), dtype=pl.UInt32).over("key")
    return keys.alias("key").to_frame().select(round=count)["round"]


def settle(
    incoming: pl.DataFrame, stored: pl.DataFrame, earlier: pl.DataFrame, rules: Rules
) -> pl.DataFrame:
    """Outcome and write of each incoming row.

    Args:
        incoming: n rows with distinct stored keys: ``upload_id``, the stored key and
            the ratios.
        stored: rows of the table for (at least) these keys: the stored key, the
            ratios, ``id``, ``upload_id`` and ``model_id``.
        earlier: keys that an upload of this batch is known to have stored before,
            though the table holds them no more: ``upload_id``, the stored key and
            ``was_update``.
        rules: the mode and the model.

    Returns:
        ``incoming`` in its order with ``stored_id`` and ``stored_upload_id`` (null
        where the key is new), the stored ratios with suffix ``_kept``, ``outcome``
        (inserted, updated, duplicate), ``write`` (insert, replace, null) and
        ``conflict`` (a duplicate with other values than an older upload's row; a
        newer upload's row is no conflict, because it came later).
    """
    found = stored.rename(
        {"id": "stored_id", "upload_id": "stored_upload_id", "model_id": "stored_model"}
    )
    pairs = incoming.join(
        found, on=STORED_KEY, how="left", suffix="_kept", maintain_order="left"
    ).join(earlier, on=["upload_id", *STORED_KEY], how="left", maintain_order="left")
    new = pl.col("stored_id").is_null()
    own = (pl.col("stored_upload_id") == pl.col("upload_id")).fill_null(value=False)
    differs = ~new & differing()
    rescored = own & (pl.col("stored_model") != rules.model_id)
    newer = (pl.col("upload_id") > pl.col("stored_upload_id")).fill_null(value=False)
    gives_way = newer & differs if rules.update else pl.lit(value=False)
    known = own | pl.col("was_update").is_not_null()
    replace = (own & differs) | rescored | gives_way
    return pairs.with_columns(
        outcome=pl.when(known & pl.col("was_update").fill_null(value=False))
        .then(pl.lit(UPDATED))
        .when(known | new)
        .then(pl.lit(INSERTED))
        .when(gives_way)
        .then(pl.lit(UPDATED))
        .otherwise(pl.lit(DUPLICATE)),
        write=pl.when(new)
        .then(pl.lit(WRITE_INSERT))
        .when(replace)
        .then(pl.lit(WRITE_REPLACE)),
        conflict=~known & newer & differs & ~gives_way,
    ).drop("was_update", "stored_model")
