"""What a SQLite table holds already of the keys that a batch brings."""

from collections.abc import Sequence

import polars as pl

from bulk_pipeline.adapters.loaders.sqlite_drivers import Driver
from bulk_pipeline.core.periods import QUARTER
from bulk_pipeline.core.schema import QUARTER as QUARTER_COLUMN
from bulk_pipeline.core.schema import RATIOS, YEAR
from bulk_pipeline.core.upserts import STORED_KEY

REASON_UPDATE = "update"
_KEY_TYPES: dict[str, pl.DataType] = {
    "company_id": pl.Int64(),
    YEAR.name: pl.Int16(),
    QUARTER_COLUMN.name: QUARTER,
}
_STORED: dict[str, pl.DataType] = {
    **dict.fromkeys(("id", "upload_id", "model_id"), pl.Int64()),
    **_KEY_TYPES,
    **dict.fromkeys(RATIOS, pl.Float64()),
}
_EARLIER: dict[str, pl.DataType] = {
    "upload_id": pl.Int64(),
    **_KEY_TYPES,
    "was_update": pl.Boolean(),
}


def stored_rows(driver: Driver) -> pl.DataFrame:
    """Stored rows of the batch's companies: ids, key and ratios."""
    found = driver.frame("stored")
    if found.is_empty():
        return pl.DataFrame(schema=_STORED)
    ratios = pl.col(*RATIOS)
    return found.cast(_STORED).with_columns(  # type: ignore[arg-type]
        # the statement writes infinity, which is never stored, where one is missing
        pl.when(ratios.is_finite()).then(ratios).name.keep()
    )


def earlier_keys(driver: Driver, upload_ids: Sequence[int]) -> pl.DataFrame:
    """Keys that uploads are known to have stored before, from the history.

    Args:
        driver: an open transaction.
        upload_ids: uploads with a receipt from an earlier load.

    Returns:
        One row per upload and key; ``was_update`` says that the upload replaced a row
        of another one, rather than inserting a new one.
    """
    parts = [pl.DataFrame(schema=_EARLIER)]
    for upload_id in upload_ids:
        replaced = driver.rows("replaced", upload_id=upload_id, reason=REASON_UPDATE)
        superseded = driver.rows("superseded", upload_id=upload_id)
        for keys, was_update in ((replaced, True), (superseded, False)):
            parts.append(
                pl.DataFrame(keys, schema=list(STORED_KEY), orient="row")
                .with_columns(upload_id=upload_id, was_update=was_update)
                .select(pl.col(n).cast(kind) for n, kind in _EARLIER.items())
            )
    # A key can have been superseded after it was an update: the update counts.
    return pl.concat(parts).unique(["upload_id", *STORED_KEY], keep="first")
