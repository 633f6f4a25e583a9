"""Workbooks of any format, parsed in a process of their own.

A workbook of five kilobytes can make its parser ask for more memory than there is
and abort the process. Here that ends a child, and the parent reports it.
"""

import errno
import json
import os
import re
import signal
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow as pa

from bulk_pipeline.adapters.limits import Limits
from bulk_pipeline.adapters.readers.workbooks.kind import workbook_kind
from bulk_pipeline.adapters.readers.workbooks.sheet_source import Spreadsheet
from bulk_pipeline.core.errors import TransientError, UnreadableFile
from bulk_pipeline.core.notices import Notice, NoticeKind

_CHILD = "bulk_pipeline.adapters.readers.workbooks.spreadsheet_child"
_INHERITED = ("PATH", "LANG", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "TMPDIR")
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
        TransientError: there is no space for the rows.
    """
    name = name or path.name
    kind = workbook_kind(path, name, limits)
    with TemporaryDirectory(prefix="bulk-pipeline-") as directory:
        # Parsers believe the suffix, and nobody sees this name.
        workbook = Path(directory) / f"workbook.{kind}"
        workbook.symlink_to(path.absolute())
        options = {"kind": kind, "sheets": sheets, "limits": asdict(limits)}
        outcome = _parsed(workbook, json.dumps(options), name, limits)
        if "fault" in outcome:
            raise UnreadableFile(f"{name}{outcome['fault']}")
        mapped = pa.memory_map(str(Path(directory) / "rows.arrow"))
    return Spreadsheet(
        tuple(outcome["header"]),
        outcome["header_line"],
        kind,
        tuple(
            Notice(NoticeKind(notice["kind"]), notice["count"], notice["text"])
            for notice in outcome["notices"]
        ),
        outcome["rows"],
        path.stat().st_size,
        mapped,
        name,
        limits,
    )


def _parsed(workbook: Path, options: str, name: str, limits: Limits) -> dict[str, Any]:
    """What the child found: header, header_line, notices, rows; or the fault.

    The child sees no environment but the few variables that a process needs to
    start, for it parses what strangers made.

    Args:
        workbook: the file; the child puts the rows beside it.
        options: of the child, in JSON.
        name: what messages call the file.
        limits: how much of the machine the child may take.

    Raises:
        UnreadableFile: the child ended without an outcome, or took too long.
        TransientError: there is no space for the rows.
    """
    inherited = {each: os.environ[each] for each in _INHERITED if each in os.environ}
    search = os.pathsep.join(str(Path(entry).absolute()) for entry in sys.path)
    command = (sys.executable, "-P", "-m", _CHILD, str(workbook), options)
    try:
        ended = subprocess.run(  # noqa: S603 (our own module, no shell)
            command,
            cwd=workbook.parent,
            env=inherited | {"PYTHONPATH": search},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            timeout=limits.child_seconds,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise _too_slow(name, f"{limits.child_seconds:,} seconds") from error
    if ended.returncode == 0:
        return dict(json.loads((workbook.parent / "outcome.json").read_bytes()))
    said = ended.stderr.decode(errors="replace")
    raise _failure(ended.returncode, said, name, limits)


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
