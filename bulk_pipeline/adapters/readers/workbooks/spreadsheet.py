"""Workbooks of any format, parsed in a process of their own.

A workbook of five kilobytes can make its parser ask for more memory than there is
and abort the process. Here that ends a child, and the parent reports it.
"""

import errno
import json
import os
import re
import signal
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pyarrow as pa

from bulk_pipeline.adapters.limits import Limits
from bulk_pipeline.adapters.readers.workbooks.fork_client import Fork, ForkServer
from bulk_pipeline.adapters.readers.workbooks.kind import workbook_kind
from bulk_pipeline.adapters.readers.workbooks.sheet_source import Spreadsheet
from bulk_pipeline.adapters.scratch import ScratchFolder
from bulk_pipeline.core.errors import TransientError, UnreadableFile
from bulk_pipeline.core.notices import Notice, NoticeKind

FORKS = ForkServer()
"""Where the children of this process come from."""

_CHILD = "bulk_pipeline.adapters.readers.workbooks.spreadsheet_child"
_FOLDERS = re.compile(r"[^\s'\"]*/")
_REASON_CHARS = 200


def open_spreadsheet(
    path: Path, limits: Limits, name: str = "", sheets: str = "one"
) -> Spreadsheet:
    """The sheet of a workbook whose header is ours, parsed; or all such sheets.

    Args:
        path: the workbook; its content tells the format, its name does not matter.
        limits: how much of the machine it may take.
        name: what messages call it; the file's own name if "".
        sheets: ``one`` refuses several sheets with all needed columns, ``all`` reads
            them one after the other.

    Raises:
        UnreadableFile: it is no workbook, stands under a password, is damaged, unpacks
            to too much, has no or several sheets that match, has formulas without
            values, or cannot be read within the limits.
        TransientError: there is no space for the rows, or no process to parse it.
    """
    with Parsing(path, limits, name, sheets) as parsing:
        return parsing.result()


class Parsing:
    """A workbook that a child parses while this process does something else.

    The arguments are those of ``open_spreadsheet``.

    Raises:
        UnreadableFile: it is no workbook, stands under a password, is damaged, or
            unpacks to too much.
    """

    def __init__(
        self, path: Path, limits: Limits, name: str = "", sheets: str = "one"
    ) -> None:
        self._name = name or path.name
        self._limits = limits
        self._bytes = path.stat().st_size
        self._kind = workbook_kind(path, self._name, limits)
        self._scratch = ScratchFolder()
        # Parsers believe the suffix, and nobody sees this name.
        workbook = self._scratch.path / f"workbook.{self._kind}"
        workbook.symlink_to(path.absolute())
        options = {"kind": self._kind, "sheets": sheets, "limits": asdict(limits)}
        self._arguments = (str(workbook), json.dumps(options))
        self._fork = self._begun()

    def _begun(self) -> Fork:
        """A child that begins to parse it."""
        seconds = self._limits.child_seconds
        return FORKS.start(_CHILD, self._arguments, self._scratch.path, seconds)

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
        """End the child if it still runs, and remove what it wrote."""
        self._fork.close()
        self._scratch.close()

    def result(self) -> Spreadsheet:
        """The rows, when the child has ended.

        Raises:
            UnreadableFile: as ``open_spreadsheet``.
            TransientError: as ``open_spreadsheet``.
        """
        outcome = self._outcome()
        if "fault" in outcome:
            raise UnreadableFile(f"{self._name}{outcome['fault']}")
        return Spreadsheet(
            tuple(outcome["header"]),
            outcome["header_line"],
            self._kind,
            tuple(
                Notice(NoticeKind(notice["kind"]), notice["count"], notice["text"])
                for notice in outcome["notices"]
            ),
            outcome["rows"],
            self._bytes,
            pa.memory_map(str(self._scratch.path / "rows.arrow")),
            self._name,
            self._limits,
        )

    def _outcome(self) -> dict[str, Any]:
        """What the child found: header, header_line, notices, rows; or the fault."""
        try:
            ended = self._fork.result()
            if ended.in_time and ended.code == -signal.SIGKILL:
                # Perhaps for another's want of memory; not so if it happens again.
                self._fork = self._begun()
                ended = self._fork.result()
        except TransientError as error:
            raise TransientError(f"{self._name}: {error}") from error
        if not ended.in_time:
            raise _too_slow(self._name, f"{self._limits.child_seconds:,} seconds")
        if ended.code == 0:
            return dict(json.loads((self._scratch.path / "outcome.json").read_bytes()))
        raise _failure(ended.code or 0, ended.said, self._name, self._limits)


def _failure(
    code: int, said: str, name: str, limits: Limits
) -> UnreadableFile | TransientError:
    """Why a child ended without an outcome."""
    reason = _FOLDERS.sub("", said.strip().rpartition("\n")[2])[:_REASON_CHARS]
    if code == -signal.SIGXCPU:
        return _too_slow(
            name, f"{limits.child_cpu_seconds:,} seconds of processor time"
        )
    if os.strerror(errno.ENOSPC) in reason:
        return TransientError(
            f"{name}: no space for its rows in the folder for temporary files. Free "
            "space there, or set TMPDIR to another folder."
        )
    starved = "memory allocation of" in said or "MemoryError" in said
    if starved or code == -signal.SIGKILL:
        return UnreadableFile(
            f"{name}: the workbook cannot be read within the limits: it takes more "
            f"than {limits.child_memory_bytes:,} bytes of memory. A cell far from the "
            "table may be the reason (Ctrl+End in Excel goes to the last one). Delete "
            "the rows and columns that are not needed, or save it as CSV UTF-8."
        )
    if code < 0:
        reason = signal.Signals(-code).name
    return UnreadableFile(
        f"{name}: the workbook cannot be read ({reason}). Open it in Excel and save it "
        "as .xlsx or CSV UTF-8."
    )


def _too_slow(name: str, time: str) -> UnreadableFile:
    return UnreadableFile(
        f"{name}: the workbook cannot be read within the limits: it takes more than "
        f"{time}. Delete the sheets and cells that are not needed, or save it as CSV "
        "UTF-8."
    )
