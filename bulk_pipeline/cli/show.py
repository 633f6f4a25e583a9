"""How results look on a terminal."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from bulk_pipeline.adapters.journal import UploadReport
from bulk_pipeline.adapters.progress import listening
from bulk_pipeline.core.wording import amount

_COUNTS = ("rows_read", "inserted", "updated", "duplicates", "rejected")


def console(*, errors: bool = False) -> Console:
    """A console on standard output, or on standard error."""
    return Console(stderr=errors, highlight=False)


def print_uploads(uploads: Sequence[UploadReport]) -> None:
    """What became of each upload, a few lines each."""
    out = console()
    for upload in uploads:
        for line in _upload_lines(upload):
            out.print(line, soft_wrap=True, markup=False)


def print_result(uploads: Sequence[UploadReport], database: str) -> None:
    """The result of a batch: counts, reasons, warnings, speed, where things lie."""
    print_uploads(uploads)
    out = console()
    loaded = next((upload for upload in uploads if upload.rows_read), None)
    if loaded:
        stages = " · ".join(f"{n} {s:.2f}" for n, s in loaded.stages.items())
        out.print(
            f"{loaded.rows_per_second:,.0f} rows/s, tier {loaded.tier}; "
            f"{loaded.seconds:.2f} s from file opened to commit ({stages}); "
            f"peak memory {loaded.peak_memory_bytes / 2**20:,.0f} MiB",
            soft_wrap=True,
        )
    out.print(f"Database: {database}", soft_wrap=True, markup=False)


def _upload_lines(upload: UploadReport) -> Iterator[str]:
    """What became of one upload, a line each."""
    yield f"{upload.file}: {upload.state} (upload {upload.key})"
    if upload.message:
        yield f"  {upload.message}"
    if upload.rows_read:
        parts = [f"{getattr(upload, n):,} {_said(n)}" for n in _COUNTS[1:]]
        yield f"  {amount(upload.rows_read, 'row')} read = {' + '.join(parts)}"
    for reason, rows in sorted(upload.rejected_by_reason.items()):
        yield f"  rejected, {reason}: {rows:,}"
    for warning in upload.warnings:
        yield f"  warning: {warning}"
    if upload.reject_file:
        yield f"  reject file: {upload.reject_file}"


def _said(count: str) -> str:
    return count.replace("_", " ")


@contextmanager
def progress_bar(total_bytes: int, *, shown: bool) -> Iterator[None]:
    """A bar on standard error: bytes while reading, then the stage that runs."""
    if not shown or not sys.stderr.isatty():
        yield
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console(errors=True), transient=True) as progress:
        task = progress.add_task("read", total=total_bytes)

        def show(stage: str, units: int) -> None:
            if stage == "read":
                progress.advance(task, units)
            else:
                progress.update(task, description=stage, total=None)

        with listening(show):
            yield
