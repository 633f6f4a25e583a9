"""Files opened one after the other, and the workbooks among them parsed in advance."""

from collections import deque
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from bulk_pipeline.adapters.limits import Limits
from bulk_pipeline.adapters.readers import begun_workbook, open_text
from bulk_pipeline.adapters.readers.base import TextSource
from bulk_pipeline.adapters.readers.workbooks.spreadsheet import Parsing
from bulk_pipeline.core.errors import TransientError, UnreadableFile

FILES = 8
"""Files beyond the one that is wanted which are looked at."""

BYTES = 32 << 20
"""Size of all workbooks that are parsed ahead; a larger one waits for its turn."""


@dataclass(slots=True)
class _Next:
    """A file whose turn comes.

    Attributes:
        path: which one.
        looked_at: whether it is known what it is.
        parsing: its child, if it is a workbook that is being parsed.
        bytes: its size, if so.
    """

    path: Path
    looked_at: bool = False
    parsing: Parsing | None = None
    bytes: int = 0

    def close(self) -> None:
        """End its child."""
        if self.parsing is not None:
            self.parsing.close()


class Ahead:
    """Opens files in the order given, while children parse the workbooks to come.

    Args:
        paths: the files, asked for one by one as their turn comes nearer; so none need
            be given of which it turns out that it is not read.
        limits: how much each may take.
        encoding: as ``open_text`` takes it.
        sheets: as ``open_text`` takes it.
        around: is entered while one of them is looked at in advance, for whoever keeps
            a record of what this process does to which file.
    """

    def __init__(
        self,
        paths: Iterable[Path],
        limits: Limits,
        encoding: str = "",
        sheets: str = "one",
        around: Callable[[Path], AbstractContextManager[object]] = nullcontext,
    ) -> None:
        self._paths = iter(paths)
        self._limits = limits
        self._encoding = encoding
        self._sheets = sheets
        self._around = around
        self._next: deque[_Next] = deque()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End what was begun for files that nobody opened."""
        while self._next:
            self._next.popleft().close()

    def look(self) -> None:
        """Look at the files to come, as far as may be, and begin with the workbooks.

        To be called before each file is opened; without it nothing is done in advance.
        """
        while len(self._next) < FILES:
            path = next(self._paths, None)
            if path is None:
                break
            self._next.append(_Next(path))
        room = BYTES - sum(each.bytes for each in self._next)
        for each in self._next:
            if each.looked_at:
                continue
            size = _size(each.path)
            if size > room:
                # In order: the one before is wanted first, and would come last.
                break
            each.looked_at = True
            with self._around(each.path):
                each.parsing = self._parsing(each.path)
            if each.parsing is not None:
                each.bytes = size
                room -= size

    def open(self, path: Path) -> TextSource:
        """As ``open_text``; those that were to come before are passed over.

        Raises:
            UnreadableFile: as ``open_text``.
            ConfigurationError: as ``open_text``.
            TransientError: as ``open_text``.
        """
        wanted = self._turn_of(path)
        if wanted.parsing is None:
            return open_text(
                path,
                limits=self._limits,
                encoding=self._encoding,
                sheets=self._sheets,
            )
        with wanted.parsing as parsing:
            return parsing.result()

    def _turn_of(self, path: Path) -> _Next:
        """The file whose turn it is; one that was not given is as good as any."""
        if all(each.path != path for each in self._next):
            return _Next(path)
        while (found := self._next.popleft()).path != path:
            found.close()
        return found

    def _parsing(self, path: Path) -> Parsing | None:
        """The child of a workbook; None if it is none, or will be refused anyway."""
        try:
            return begun_workbook(path, self._limits, self._sheets)
        except (UnreadableFile, TransientError):
            return None  # it is told when the file is opened


def _size(path: Path) -> int:
    """Bytes of a file; 0 if there is none any more, which is told when it is opened."""
    try:
        return path.stat().st_size
    except OSError:
        return 0
