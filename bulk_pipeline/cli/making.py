"""Made-up rows through the pipeline, in this process, one batch after the other."""

import sys
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict
from typing import Any
from uuid import uuid4

import click
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from bulk_pipeline.adapters.batches import Batch
from bulk_pipeline.adapters.collecting import nothing_to_collect
from bulk_pipeline.adapters.installation import Installation
from bulk_pipeline.adapters.journal import UploadReport
from bulk_pipeline.adapters.loaders import prepared_ahead
from bulk_pipeline.adapters.locks import own_batch
from bulk_pipeline.adapters.progress import listening
from bulk_pipeline.adapters.sample_loads import (
    ROWS_OF_A_FILE,
    SampleFiles,
    landed_samples,
)
from bulk_pipeline.cli.show import console, print_result, progress_bar
from bulk_pipeline.core.dummy import DummyRequest
from bulk_pipeline.core.metrics import rows_per_second, tier
from bulk_pipeline.core.wording import amount

FAILED = 1
DONE = frozenset({"loaded", "repeated"})


@contextmanager
def rows_bar(
    label: str, rows: int, *, shown: bool
) -> Iterator[Callable[[int], None] | None]:
    """A bar on standard error, told the rows so far; None where nobody would see it."""
    if not shown or not sys.stderr.isatty():
        yield None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console(errors=True), transient=True) as bar:
        task = bar.add_task(label, total=rows)
        yield lambda done: bar.update(task, completed=done)


def load_made(
    request: DummyRequest, batch_size: int | None, workers: int, *, shown: bool
) -> tuple[dict[str, Any], bool]:
    """Make, land and load the rows of a request, so many at a time.

    Each batch is loaded whole, with a receipt, before the next one is made. The first
    that fails is the last one; those before it stay loaded.

    Args:
        request: what is made.
        batch_size: rows of a batch; None for the usual number.
        workers: threads that make rows.
        shown: whether results and bars go to the terminal.

    Returns:
        What ``--json`` tells about it, and whether a batch failed.
    """
    size = ROWS_OF_A_FILE if batch_size is None else batch_size
    files = SampleFiles(request, size, workers)
    started = time.perf_counter()
    with closing(Installation.from_environment()) as installation:
        uploads, failed = _one_by_one(installation, files, shown=shown)
    seconds = time.perf_counter() - started
    rows = sum(upload.rows_read for upload in uploads)
    rate = rows_per_second(rows, seconds)
    if shown and files.count > 1:
        click.echo(
            f"{len(uploads)} of {files.count} batches, {amount(rows, 'row')} in "
            f"{seconds:.2f} s: {rate:,.0f} rows/s, tier {tier(rate)}, made and loaded"
        )
    told = {"seconds": seconds, "rows_per_second": rate, "tier": tier(rate)}
    return told | {"uploads": [asdict(upload) for upload in uploads]}, failed


def _one_by_one(
    installation: Installation, files: SampleFiles, *, shown: bool
) -> tuple[list[UploadReport], bool]:
    """Make and load batches until one fails; their uploads, and whether one did."""
    uploads: list[UploadReport] = []
    with closing(_made(installation, files, shown=shown)) as batches:
        for batch in batches:
            found, failure = _loaded(installation, batch, shown=shown)
            uploads += found
            if shown:
                print_result(found, installation.database.name)
            if failure or any(upload.state not in DONE for upload in found):
                _explain(failure, found)
                return uploads, True
    return uploads, False


def _made(
    installation: Installation, files: SampleFiles, *, shown: bool
) -> Generator[Batch]:
    """The landed batches; a bar shows how far each is while it is made."""
    with closing(landed_samples(installation, files)) as landed:
        for number in range(1, files.count + 1):
            label = f"making {number} of {files.count}"
            with rows_bar(label, files.rows_of_a_file, shown=shown) as told:
                batch = _told(landed, told) if told else next(landed)
            yield batch


def _told(landed: Iterator[Batch], told: Callable[[int], None]) -> Batch:
    """The next batch, its rows told while they are made."""
    done = 0

    def show(stage: str, rows: int) -> None:
        nonlocal done
        done += rows if stage == "make" else 0
        told(done)

    with listening(show):
        return next(landed)


def _loaded(
    installation: Installation, batch: Batch, *, shown: bool
) -> tuple[list[UploadReport], str]:
    """Load a landed batch; its uploads, and why its run failed if it did."""
    with nothing_to_collect():
        from bulk_pipeline.cli.running import run_batch  # noqa: PLC0415  # Dagster, 1 s

    run_id = str(uuid4())
    held = own_batch(installation.home.landing(batch.key), run_id)
    loading = prepared_ahead(installation.database, batch.guessed_rows)
    size = sum(upload.bytes for upload in batch.uploads)
    with closing(held), loading, progress_bar(size, shown=shown):
        failure = run_batch(installation, batch, run_id)
    return list(installation.journal.uploads(batch=batch.key)), failure


def _explain(failure: str, uploads: list[UploadReport]) -> None:
    """Say what a failed run did where its uploads do not."""
    if failure and all(upload.state in DONE for upload in uploads):
        click.echo(f"The rows are stored, but the run failed: {failure}", err=True)
