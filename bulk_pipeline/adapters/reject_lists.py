"""Reject files as people ask for them: found by a key, counted by reason, copied."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bulk_pipeline.adapters.home import Home
from bulk_pipeline.adapters.installation import Installation
from bulk_pipeline.adapters.journal import UploadReport
from bulk_pipeline.adapters.outputs import require_place
from bulk_pipeline.adapters.reject_files import (
    CSV,
    XLSX,
    read_rejects,
    write_rejects,
)
from bulk_pipeline.adapters.rejects import OWN_COLUMNS
from bulk_pipeline.core.errors import ConfigurationError, PermanentError


@dataclass(frozen=True, slots=True)
class ReasonCount:
    """How many rows of a reject file have one reason; its code and its sentence."""

    reason: str
    rows: int
    sentence: str


@dataclass(frozen=True, slots=True)
class RejectList:
    """What is listed of one upload.

    Attributes:
        key: the upload's key.
        file: the name that the user gave the file.
        batch: key of its batch.
        state: what became of it.
        message: why, if that needs to be said.
        reject_file: where the list lies; None where nothing is listed.
        rows: rows of the list.
        reasons: the same by reason, most frequent first.
        copy: where a copy was written.
    """

    key: str
    file: str
    batch: str
    state: str
    message: str
    reject_file: str | None = None
    rows: int = 0
    reasons: tuple[ReasonCount, ...] = ()
    copy: str | None = None


def reject_lists(installation: Installation, key: str) -> list[RejectList]:
    """What is listed of an upload, or of each upload of a batch.

    Raises:
        PermanentError: the key is unknown, or a reject file is gone; names it.
    """
    journal = installation.journal
    found = journal.uploads(batch=key) or journal.uploads(keys=[key])
    if not found:
        raise PermanentError(
            f"There is no upload or batch {key!r}. Run `bulk-pipeline uploads` for the "
            "keys of this home's uploads."
        )
    return [_list(installation.home, report) for report in found]


def copy_reject_lists(
    found: Sequence[RejectList], key: str, out: Path, *, replace: bool = False
) -> list[RejectList]:
    """Write a copy of each reject file, each whole or not at all.

    Args:
        found: what ``reject_lists`` found for the key.
        key: of an upload or of a batch.
        out: of an upload the name of the copy, which ends in .csv or .xlsx; of a batch
            the directory, made where it is missing, for one workbook per upload.
        replace: whether files of these names may be replaced.

    Returns:
        The lists, with the places of their copies.

    Raises:
        ConfigurationError: before anything is written: the place cannot be used, or
            a file is there; names what would work. Also more rows than a sheet holds.
    """
    single = [one.key for one in found] == [key]
    listed = [one.key for one in found if one.reject_file is not None]
    if listed and not single:
        _make_directory(out, key)
    targets = {name: out if single else out / f"{name}{XLSX}" for name in listed}
    for target in targets.values():
        require_place(target, (CSV, XLSX), replace=replace)
    done = []
    for one in found:
        if one.reject_file is None:
            done.append(one)
            continue
        target = targets[one.key]
        write_rejects(read_rejects(Path(one.reject_file)), target)
        done.append(dataclasses.replace(one, copy=str(target)))
    return done


def _list(home: Home, report: UploadReport) -> RejectList:
    bare = RejectList(
        report.key, report.file, report.batch, report.state, report.message
    )
    if report.reject_file is None:
        return bare
    # The home may have been moved since.
    path = home.rejects(report.batch) / Path(report.reject_file).name
    if not path.exists():
        cure = (
            f"Materialise rejected_rows of batch {report.batch} to write it anew."
            if home.batch(report.batch).exists()
            else f"Batch {report.batch} was retired with all its files; "
            "BULK_PIPELINE_KEEP_DAYS says how long one is kept."
        )
        raise PermanentError(
            f"The reject file of upload {report.key} ({report.file}) is gone: {path}. "
            f"{cure}"
        )
    reasons = _reasons(path)
    rows = sum(count.rows for count in reasons)
    return dataclasses.replace(bare, reject_file=str(path), rows=rows, reasons=reasons)


def _reasons(path: Path) -> tuple[ReasonCount, ...]:
    """Rows by reason, as the file itself says."""
    texts = read_rejects(path)[1:].to_series(OWN_COLUMNS.index("reason"))
    counted = sorted(texts.value_counts().rows(), key=lambda row: (-row[1], row[0]))
    parted = ((text.partition(": "), rows) for text, rows in counted)
    return tuple(
        ReasonCount(reason, rows, sentence) for (reason, _, sentence), rows in parted
    )


def _make_directory(path: Path, batch: str) -> None:
    if path.is_file() or (path.suffix.lower() in (CSV, XLSX) and not path.exists()):
        raise ConfigurationError(
            f"{batch} is a batch, and {path} is no directory. Name a directory for one "
            "file per upload, or ask for one upload by its key."
        )
    path.mkdir(parents=True, exist_ok=True)
