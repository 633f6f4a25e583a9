"""Which companies are compared over a wire, and how many of them at once."""

from collections.abc import Iterator
from dataclasses import dataclass

import polars as pl

from bulk_pipeline.adapters.syncing.compared import PREDICTIONS

COMPANY, MOMENT, ROWS = "company_id", PREDICTIONS.stamp, "rows"
THERE, HERE = "there", "here"
_PAIR, _PORTION = "pair", "portion"


@dataclass(frozen=True, slots=True)
class Portion:
    """Some companies.

    Attributes:
        there: their ids in the source, of those that are there.
        here: their ids in the target, of those that are here and have rows.
        groups: rows of the source by company and moment, in order.
    """

    there: list[int]
    here: list[int]
    groups: pl.DataFrame


def grouped(rows: pl.DataFrame, *names: str) -> pl.DataFrame:
    """Rows of a frame by some columns, in order."""
    return rows.group_by(names).agg(pl.len().cast(pl.Int64).alias(ROWS)).sort(names)


def portions_to_compare(
    here: pl.DataFrame,
    there: pl.DataFrame,
    companies: pl.DataFrame,
    rows: int,
    *,
    differing: bool,
) -> Iterator[Portion]:
    """Companies in portions, in the order of the source's ids.

    Args:
        here: rows of the target by company and moment.
        there: rows of the source by company and moment.
        companies: ids ``there`` and ``here`` of each company of either side.
        rows: in a portion, on either side; more where one company has more.
        differing: only companies whose moments have not equally many rows.
    """
    pairs = companies.sort(THERE, HERE, nulls_last=True).with_row_index(_PAIR)
    left, right = _of_pairs(there, pairs, THERE), _of_pairs(here, pairs, HERE)
    if differing:
        same = [_PAIR, MOMENT, ROWS]
        either = [
            left.join(right, on=same, how="anti"),
            right.join(left, on=same, how="anti"),
        ]
    else:
        either = [left, right]
    wanted = pl.concat([each.select(_PAIR) for each in either]).unique()
    sizes = pl.concat(
        each.group_by(_PAIR).agg(pl.col(ROWS).sum()) for each in (left, right)
    )
    sizes = sizes.group_by(_PAIR).agg(pl.col(ROWS).max())
    wanted = wanted.join(sizes, on=_PAIR).sort(_PAIR)
    before = pl.col(ROWS).cum_sum() - pl.col(ROWS)
    chosen = pairs.join(wanted.with_columns((before // rows).alias(_PORTION)), on=_PAIR)
    for part in chosen.sort(_PAIR).partition_by(_PORTION, maintain_order=True):
        ids = part.select(pl.col(THERE).alias(COMPANY))
        stored = part.join(right, on=_PAIR, how="semi")
        yield Portion(
            part[THERE].drop_nulls().to_list(),
            stored[HERE].drop_nulls().to_list(),
            there.join(ids, on=COMPANY, how="semi").sort(COMPANY, MOMENT),
        )


def _of_pairs(groups: pl.DataFrame, pairs: pl.DataFrame, side: str) -> pl.DataFrame:
    ids = pairs.select(_PAIR, pl.col(side).alias(COMPANY)).drop_nulls()
    return groups.join(ids, on=COMPANY).select(_PAIR, MOMENT, ROWS)
