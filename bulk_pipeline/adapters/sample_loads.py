"""Made-up accounts on their way into the pipeline: as landed batches, or in the inbox.

Nothing here writes into a database: the files are read, scored and counted like those
that somebody sends.
"""

import os
import time
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import polars as pl

from bulk_pipeline.adapters.atomic import PARTIAL, lasting_folder, sync_directory
from bulk_pipeline.adapters.batches import Batch, Options, land_copies
from bulk_pipeline.adapters.disk_space import room_needed
from bulk_pipeline.adapters.home import make_home
from bulk_pipeline.adapters.installation import Installation
from bulk_pipeline.adapters.progress import advance
from bulk_pipeline.adapters.sample_files import write_rows
from bulk_pipeline.adapters.sample_rows import BLOCK_ROWS, RowStream, sample_blocks
from bulk_pipeline.adapters.scratch import ScratchFolder
from bulk_pipeline.core.dummy import DummyRequest, in_blocks
from bulk_pipeline.core.errors import ConfigurationError, PermanentError
from bulk_pipeline.core.inbox import is_wanted

FOLDER = "dummy"
"""Subfolder of the inbox: it shows in each list who submitted the files."""
ROWS_OF_A_FILE = 1_000_000
MOST_ROWS_OF_A_FILE = 10_000_000
MOST_FILES = 10_000
_OLD_SECONDS = 3600.0  # nobody writes a file for so long without adding to it


@dataclass(frozen=True, slots=True)
class SampleFiles:
    """The files that a request becomes, one after the other.

    Attributes:
        request: what is made.
        rows_of_a_file: rows of each file, fewer in the last one.
        workers: threads that make rows.
        mark: what makes the names unique, where a second file of the request must not
            have the name of the first; "" for nothing.

    Raises:
        ConfigurationError: the rows of a file cannot be, or would make too many files.
    """

    request: DummyRequest
    rows_of_a_file: int = ROWS_OF_A_FILE
    workers: int = 1
    mark: str = ""

    def __post_init__(self) -> None:
        fewest = -(-self.request.rows // MOST_FILES)
        if not fewest <= self.rows_of_a_file <= MOST_ROWS_OF_A_FILE:
            raise ConfigurationError(
                f"batch_size is {self.rows_of_a_file}: give a number from {fewest} to "
                f"{MOST_ROWS_OF_A_FILE:,}, the rows of one file."
            )

    @property
    def count(self) -> int:
        """How many files."""
        return -(-self.request.rows // self.rows_of_a_file)

    def names(self) -> Iterator[str]:
        """Their names, in order."""
        parts = ["dummy", self.request.seed, self.request.rows, self.mark]
        stem = "-".join(str(part) for part in parts if part != "")
        for number in range(1, self.count + 1):
            place = f"-{number:05}" if self.count > 1 else ""
            yield f"{stem}{place}.parquet"

    def write(self, folder: Path, *, suffix: str = "") -> Iterator[tuple[str, Path]]:
        """Write one file after the other; each is whole when it is given.

        Progress is told as the stage ``make``, in rows.

        Args:
            folder: where to; it exists.
            suffix: ending of the hidden names under which nobody takes the files; ""
                for names that all may see.

        Yields:
            The name of a file and where it is.
        """
        blocks = sample_blocks(self.request, BLOCK_ROWS, self.workers)
        rows = RowStream(blocks)
        for name in self.names():
            path = folder / (f".{name}{suffix}" if suffix else name)
            path.unlink(missing_ok=True)  # a link there would lead elsewhere
            mine = in_blocks(rows.take(self.rows_of_a_file), BLOCK_ROWS)
            write_rows(_counted(mine), path)
            yield name, path


def landed_samples(installation: Installation, files: SampleFiles) -> Generator[Batch]:
    """Land one file after the other as a batch of its own, as `ingest` lands files.

    Each is made when the one before it was used up, so any number of rows takes the
    memory and the disk of one file. A process that dies leaves batches that have
    landed, which any other one may load, and nothing else.

    Args:
        installation: whose home.
        files: what is made.

    Raises:
        TransientError: no space is left.
    """
    options = Options.from_settings(installation.settings)
    make_home(installation.home.root)
    with ScratchFolder() as folder, room_needed(folder):
        for _, path in files.write(folder):
            batch = land_copies(installation.home, [path], options, datetime.now(UTC))
            path.unlink()
            installation.journal.claim(batch)
            yield batch


def drop_samples(installation: Installation, files: SampleFiles) -> dict[str, int]:
    """Put the files of a request into the inbox, each whole at once by its rename.

    A second call with equal arguments puts the same bytes under the same names, so a
    load of both stores them once.

    Args:
        installation: whose inbox.
        files: what is made; ``mark`` names who makes it.

    Returns:
        Name of each file → its bytes.

    Raises:
        ConfigurationError: the inbox takes no files of these names.
        PermanentError: the subfolder is a link.
        TransientError: no space is left.
    """
    pattern = installation.settings.inbox_pattern
    if not is_wanted(next(files.names()), pattern):
        raise ConfigurationError(
            f"BULK_PIPELINE_INBOX_PATTERN is {pattern!r}, so that the inbox takes no "
            "file such as dummy-0-1000.parquet. Let it take *.parquet, too."
        )
    folder = installation.home.inbox / FOLDER
    if folder.is_symlink():
        raise PermanentError(f"{folder} is a link. Remove it, or make it a folder.")
    dropped: dict[str, int] = {}
    with room_needed(folder):
        lasting_folder(folder)
        _sweep(folder)
        for name, partial in files.write(folder, suffix=PARTIAL):
            with partial.open("rb") as file:
                os.fsync(file.fileno())
            dropped[name] = partial.stat().st_size
            partial.replace(folder / name)
            sync_directory(folder)
    return dropped


def _sweep(folder: Path) -> None:
    """Remove what runs that were killed left half-written, hours ago."""
    oldest = time.time() - _OLD_SECONDS
    for path in folder.glob(f".dummy-*{PARTIAL}"):
        if path.lstat().st_mtime < oldest:
            path.unlink(missing_ok=True)


def _counted(blocks: Iterator[pl.DataFrame]) -> Iterator[pl.DataFrame]:
    """The same blocks, each told once it was used up."""
    for block in blocks:
        yield block
        advance("make", block.height)
