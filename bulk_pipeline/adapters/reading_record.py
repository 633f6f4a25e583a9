"""Which upload of a batch is being read, for whoever comes after a dead process.

A file can end the process that reads it, as a parser does that runs out of memory. The
next attempt at the batch must know which one it was, or it dies there, too, and no
other file of the batch is ever loaded.
"""

import os
from collections import Counter
from pathlib import Path
from types import TracebackType
from typing import Self

from bulk_pipeline.adapters.atomic import write_text
from bulk_pipeline.core.errors import BulkPipelineError

RECORD_FILE = ".reading"
DEATHS_ALLOWED = 3
"""A machine that is switched off or a kill by hand may hit the same file twice."""

_BEGIN, _END = "begin", "end"


class ReadingRecord:
    """A small log in the batch's folder: a line before and after each upload.

    It outlives the process and not a loss of power, in which no file had a part. For
    the one run that holds the batch.

    Attributes:
        deaths: upload key → how many times reading it ended the process, or raised
            what nobody expected.
    """

    def __init__(self, folder: Path) -> None:
        """Learn from the attempts before.

        Args:
            folder: where the batch's files lie.
        """
        self._path = folder / RECORD_FILE
        self.deaths = _deaths(self._path)
        self._descriptor = -1

    def __enter__(self) -> Self:
        lines = [f"{_BEGIN} {key}\n" for key in sorted(self.deaths.elements())]
        if lines or self._path.exists():
            write_text(self._path, "".join(lines))
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
        self._descriptor = os.open(self._path, flags, 0o600)
        return self

    def __exit__(self, *raised: object) -> None:
        os.close(self._descriptor)
        if not _deaths(self._path):
            # Another process may read the batch, too, and have ended before.
            self._path.unlink(missing_ok=True)

    def of(self, key: str) -> "_Entry":
        """Around the reading of one upload.

        What the block raises counts as a death, but for our own errors, those of the
        system and the end of a run that somebody asked for.
        """
        return _Entry(self, key)

    def may_be_read(self, key: str) -> bool:
        """Whether an upload has not ended the process too often."""
        return self.deaths[key] < DEATHS_ALLOWED

    def say(self, word: str, key: str) -> None:
        """Add a line."""
        os.write(self._descriptor, f"{word} {key}\n".encode())


class _Entry:
    """One upload being read."""

    def __init__(self, record: ReadingRecord, key: str) -> None:
        self._record = record
        self._key = key

    def __enter__(self) -> None:
        self._record.say(_BEGIN, self._key)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        expected = kind is None or not issubclass(kind, Exception)
        if expected or isinstance(error, (BulkPipelineError, OSError)):
            self._record.say(_END, self._key)


def deaths_message(name: str, key: str) -> str:
    """Why an upload is left out that ended the process too often."""
    return (
        f"Reading {name} ended the process {DEATHS_ALLOWED} times, perhaps for want of "
        "memory, so it is left out and the other files go on. See the runs of this "
        "batch for more. Split the file, save it as CSV or give the machine more "
        f"memory, then run: bulk-pipeline retry {key}"
    )


def _deaths(path: Path) -> Counter[str]:
    """Begun and never ended, by upload."""
    found: Counter[str] = Counter()
    if not path.exists():
        return found
    for line in path.read_text(encoding="utf-8").splitlines():
        word, _, key = line.partition(" ")
        found[key] += {_BEGIN: 1, _END: -1}.get(word, 0)
    return +found
