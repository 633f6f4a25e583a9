"""A batch that the database refuses as a whole, published in parts.

One upload can bring a value that the database takes from nobody. The others of its
batch are stored all the same, in the order in which they came.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl

from bulk_pipeline.adapters.atomic import PARTIAL
from bulk_pipeline.adapters.chunks import ChunkHandle, ChunkWriter
from bulk_pipeline.adapters.loaders.base import (
    Loader,
    LoadRequest,
    LoadResult,
    UploadLoad,
)
from bulk_pipeline.core.duplicates import CONFLICT_SCHEMA
from bulk_pipeline.core.errors import (
    ConfigurationError,
    DatabaseUnusable,
    PermanentError,
)
from bulk_pipeline.core.metrics import NOTHING_ASKED
from bulk_pipeline.core.schema import SYMBOL

OF_EVERYBODY = (ConfigurationError, DatabaseUnusable)
"""What no part of a batch escapes: there is no point in trying each."""

Group = Sequence[UploadLoad]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of the uploads of a batch.

    Attributes:
        result: what the loader did, all transactions together.
        refused: upload key → why nothing of that upload is stored.
    """

    result: LoadResult
    refused: Mapping[str, PermanentError]


def publish_each(loader: Loader, request: LoadRequest) -> Outcome:
    """Publish a batch in one transaction or, if it is refused, in as few as it takes.

    A part that is refused is halved until single uploads are left; so one bad upload
    of 500 costs about 20 transactions. Each transaction is whole or not at all.
    Uploads are stored oldest first, and rows that repeat those of an older upload of
    the batch are duplicates as they would be in one transaction.

    Raises:
        TransientError: the database stayed busy. What was stored by then is stored,
            and publishing the batch again reports it as if for the first time.
    """
    try:
        return Outcome(loader.publish(request), {})
    except OF_EVERYBODY as error:
        return Outcome(_together([]), {load.key: error for load in request.uploads})
    except PermanentError as error:
        if len(request.uploads) == 1:
            return Outcome(_together([]), {request.uploads[0].key: error})
    return _in_parts(loader, request)


def _in_parts(loader: Loader, request: LoadRequest) -> Outcome:
    """Publish both halves of a batch that was refused, and so on."""
    waiting = _halves(request.uploads)
    done: list[tuple[LoadResult, pl.DataFrame]] = []
    refused: dict[str, PermanentError] = {}
    while waiting:
        group = waiting.pop(0)
        try:
            done.append(_published(loader, request, group))
        except OF_EVERYBODY as error:
            refused |= {load.key: error for part in (group, *waiting) for load in part}
            break
        except PermanentError as error:
            if len(group) == 1:
                refused[group[0].key] = error
            else:
                waiting[:0] = _halves(group)
    conflicts = [pl.DataFrame(schema=CONFLICT_SCHEMA), *(found for _, found in done)]
    pl.concat(conflicts).write_ipc(request.conflicts)
    return Outcome(_together([result for result, _ in done]), refused)


def _halves(group: Group) -> list[Group]:
    middle = len(group) // 2
    return [group[:middle], group[middle:]]


def _published(
    loader: Loader, request: LoadRequest, group: Group
) -> tuple[LoadResult, pl.DataFrame]:
    """Publish some uploads of a batch; also gives their conflicts with stored rows."""
    beside = request.conflicts.parent
    with TemporaryDirectory(PARTIAL, ".apart-", beside) as folder:
        part = _part(request, group, Path(folder))
        return loader.publish(part), pl.read_ipc(part.conflicts)


def _part(request: LoadRequest, group: Group, folder: Path) -> LoadRequest:
    """The request of some uploads that follow each other, with copies of their rows."""
    part = replace(request, uploads=tuple(group), conflicts=folder / "conflicts.arrow")
    if request.rows is None or request.scores is None:
        return part
    rows, numbers = request.rows.frame(), [load.number for load in group]
    # The rows of an upload stand together, and uploads stand in their order.
    places = rows.select(
        first=(pl.col("upload") < numbers[0]).sum(),
        last=(pl.col("upload") <= numbers[-1]).sum(),
    )
    first, last = places.row(0)
    if first == last:
        return replace(part, rows=None, scores=None, companies=request.companies[:0])
    place = slice(first, last)
    mine = rows[place]
    symbols = mine[SYMBOL.name].unique().cast(pl.String)
    repeated = pl.read_ipc(request.repeated).filter(
        pl.col("row").is_between(first, last - 1)
    )
    repeated.with_columns(pl.col("row") - first).write_ipc(folder / "repeated.arrow")
    return replace(
        part,
        rows=_copied(mine, folder / "rows", request.rows_per_insert),
        scores=_copied(
            request.scores.frame()[place], folder / "scores", request.rows_per_insert
        ),
        companies=request.companies.filter(
            request.companies.cast(pl.String).is_in(symbols.implode())
        ),
        repeated=folder / "repeated.arrow",
    )


def _copied(rows: pl.DataFrame, folder: Path, rows_per_chunk: int) -> ChunkHandle:
    folder.mkdir()
    writer = ChunkWriter(folder, rows_per_chunk)
    writer.add(rows)
    writer.finish()
    return ChunkHandle.open(folder)


def _together(results: Sequence[LoadResult]) -> LoadResult:
    return LoadResult(
        tuple(outcome for result in results for outcome in result.outcomes),
        sum(result.rows_written for result in results),
        sum(result.database_seconds for result in results),
        sum((result.asked for result in results), NOTHING_ASKED),
    )
