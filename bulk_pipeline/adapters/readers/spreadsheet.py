"""Workbooks (.xlsx), parsed in a process of their own.

A workbook of five kilobytes can make its parser ask for more memory than there is
and abort the process. Here that ends a child, and the parent reports it.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from zipfile import BadZipFile, ZipFile

import pyarrow as pa

from bulk_pipeline.adapters.readers.base import Limits, TextChunk, within
from bulk_pipeline.core.errors import UnreadableFile
from bulk_pipeline.core.notices import Notice

_CHILD = "bulk_pipeline.adapters.readers.spreadsheet_child"
_INHERITED = ("PATH", "LANG", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "TMPDIR")
_SMALL = 64 << 20
"""Bytes; an archive that unpacks to less is no bomb, whatever its ratio."""


@dataclass(frozen=True, slots=True)
class Spreadsheet:
    """One sheet of a workbook, parsed. Its lines are rows of the sheet.

    The parsed rows are a mapped file that has no name any more; it goes when this
    object goes.
    """

    header: tuple[str, ...]
    header_line: int
    notices: tuple[Notice, ...]
    rows: int
    total_bytes: int
    mapped: pa.MemoryMappedFile
    name: str
    limits: Limits
    encoding: str = "xlsx"
    delimiter: str = ""

    def chunks(self) -> Iterator[TextChunk]:
        return within(self.name, self._chunks(), self.limits)

    def _chunks(self) -> Iterator[TextChunk]:
        reader = pa.ipc.open_file(self.mapped)
        done = before = 0
        for position in range(reader.num_record_batches):
            table = pa.Table.from_batches([reader.get_batch(position)])
            done += table.num_rows
            consumed = self.total_bytes * done // self.rows
            lines = table.column(0).combine_chunks()
            cells = table.remove_column(0).rename_columns(self.header)
            yield TextChunk(cells, lines, (), consumed - before)
            before = consumed


def open_spreadsheet(path: Path, limits: Limits) -> Spreadsheet:
    """The one sheet of a workbook whose header is ours, parsed.

    Raises:
        UnreadableFile: it is no workbook, unpacks to too much, has no or several
            sheets that match, has formulas without values, or cannot be read within
            the limits.
    """
    _check_archive(path, limits)
    with TemporaryDirectory(prefix="bulk-pipeline-") as directory:
        outcome = _outcome(path, Path(directory), limits)
        if "fault" in outcome:
            raise UnreadableFile(f"{path.name}{outcome['fault']}")
        mapped = pa.memory_map(str(Path(directory) / "rows.arrow"))
    return Spreadsheet(
        tuple(outcome["header"]),
        outcome["header_line"],
        tuple(Notice(**notice) for notice in outcome["notices"]),
        outcome["rows"],
        path.stat().st_size,
        mapped,
        path.name,
        limits,
    )


def _check_archive(path: Path, limits: Limits) -> None:
    """Refuse what is no workbook or unpacks to too much, by its table of contents."""
    try:
        with ZipFile(path) as archive:
            parts = archive.infolist()
    except (BadZipFile, OSError, ValueError) as error:
        raise UnreadableFile(
            f"{path.name}: the workbook is damaged or cut short. Copy it again."
        ) from error
    if "xl/workbook.xml" not in {part.filename for part in parts}:
        raise UnreadableFile(
            f"{path.name}: an archive that is no .xlsx workbook. Save it as .xlsx or "
            "CSV UTF-8."
        )
    unpacked = sum(part.file_size for part in parts)
    packed = max(path.stat().st_size, 1)
    bomb = unpacked > _SMALL and unpacked > packed * limits.unpacked_ratio
    if unpacked > limits.unpacked_bytes or bomb:
        raise UnreadableFile(
            f"{path.name}: the workbook unpacks to {unpacked:,} bytes, "
            f"{unpacked // packed:,} times its size; at most "
            f"{limits.unpacked_bytes:,} bytes and {limits.unpacked_ratio:,} times are "
            "read. Delete unused cells, or save it as CSV UTF-8."
        )


def _outcome(path: Path, directory: Path, limits: Limits) -> dict[str, Any]:
    """What the child found: header, header_line, warnings, rows; or the fault.

    The child sees no environment but the few variables that a process needs to
    start, for it parses what strangers made.
    """
    inherited = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    search = os.pathsep.join(str(Path(entry).absolute()) for entry in sys.path)
    options = json.dumps(asdict(limits))
    command = (sys.executable, "-P", "-m", _CHILD, str(path.absolute()), options)
    try:
        ended = subprocess.run(  # noqa: S603 (our own module, no shell)
            command,
            cwd=directory,
            env=inherited | {"PYTHONPATH": search},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            timeout=limits.child_seconds,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise _beyond(path, limits) from error
    if ended.returncode == 0:
        return dict(json.loads((directory / "outcome.json").read_bytes()))
    reason = ended.stderr.decode(errors="replace").strip().rpartition("\n")[2]
    if ended.returncode < 0 or reason.startswith("MemoryError"):
        raise _beyond(path, limits)
    raise UnreadableFile(
        f"{path.name}: the workbook cannot be read ({reason[:200]}). Open it in Excel "
        "and save it as .xlsx or CSV UTF-8."
    )


def _beyond(path: Path, limits: Limits) -> UnreadableFile:
    return UnreadableFile(
        f"{path.name}: the workbook cannot be read within the limits "
        f"({limits.child_seconds:,} seconds, {limits.child_memory_bytes:,} bytes "
        "of memory). Delete unused cells, or save it as CSV UTF-8."
    )
