"""Batches on disk: what was claimed together, with the options it was claimed under."""

import json
import os
import secrets
import shutil
import stat
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from datetime import datetime
from pathlib import Path
from typing import Literal

from bulk_pipeline.adapters.atomic import whole_directory, write_text
from bulk_pipeline.adapters.home import Home
from bulk_pipeline.adapters.settings import Settings
from bulk_pipeline.core.errors import PermanentError, UnreadableFile
from bulk_pipeline.core.keys import batch_key, slug, upload_key

BATCH_FILE = "batch.json"
BYTES_PER_ROW = 100
"""About a row of CSV; a wrong guess only starts the loading process later."""


@dataclass(frozen=True, slots=True)
class Options:
    """What decides about reading and storing a batch, fixed when it is claimed.

    A file with the same content and the same options (``force`` apart) that has a
    receipt is not loaded again.
    """

    on_conflict: Literal["skip", "update"]
    companies: Literal["keep", "overwrite"]
    blank_quarter: str
    ratio_unit: Literal["percent", "fraction"]
    force: bool = False
    decimal: Literal["auto", "point", "comma"] = "auto"
    encoding: str = "auto"
    sheets: Literal["one", "all"] = "one"

    @classmethod
    def from_settings(cls, settings: Settings, *, force: bool = False) -> "Options":
        """The options of the settings; ``force`` loads what was loaded before."""
        return cls(
            on_conflict=settings.on_conflict,
            companies=settings.companies,
            blank_quarter=settings.blank_quarter,
            ratio_unit=settings.ratio_unit,
            force=force,
            decimal=settings.decimal,
            encoding=settings.encoding,
            sheets=settings.sheets,
        )

    def text(self) -> str:
        """The options as they stand in a receipt; equal text means equal options.

        Options that came later stand there only where they are not at their default,
        so that receipts of before still mean the same.
        """
        values = asdict(self)
        del values["force"]
        for name, default in _LATER.items():
            if values[name] == default:
                del values[name]
        return json.dumps(values, sort_keys=True)


_LATER = {"decimal": "auto", "encoding": "auto", "sheets": "one"}


@dataclass(frozen=True, slots=True)
class Upload:
    """One file of a batch.

    Attributes:
        key: its own key, unique for ever.
        file_name: the name that the user gave it.
        stored_name: its name in the landing folder; never the user's.
        bytes: its size.
        modified_ns: when it was last changed, nanoseconds since 1970.
        submitted_by: the inbox's subfolder it came from.
        retry_of: key of the failed upload that it stands for.
    """

    key: str
    file_name: str
    stored_name: str
    bytes: int
    modified_ns: int = 0
    submitted_by: str = ""
    retry_of: str = ""


@dataclass(frozen=True, slots=True)
class Batch:
    """Uploads claimed together; never changes once it is on disk."""

    key: str
    created_at: str
    options: Options
    uploads: tuple[Upload, ...]

    @property
    def guessed_rows(self) -> int:
        """About as many rows as its files hold, by their size alone."""
        return sum(upload.bytes for upload in self.uploads) // BYTES_PER_ROW


def land_copies(
    home: Home,
    files: Sequence[Path],
    options: Options,
    now: datetime,
    retries: Mapping[Path, Upload] | None = None,
) -> Batch:
    """Copy files into a new batch, oldest first; the files themselves stay.

    Args:
        home: where the batch lands.
        files: the user's files.
        options: what the batch is loaded under.
        now: moment of the claim, UTC.
        retries: file → the failed upload that it stands for.

    Raises:
        UnreadableFile: a path is no regular file or cannot be read; names it. Nothing
            has landed then.
    """
    ordered = sorted(files, key=_age)
    batch = new_batch([_seen(file, retries or {}) for file in ordered], options, now)
    with whole_directory(home.landing(batch.key), lasting=True) as folder:
        for upload, file in zip(batch.uploads, ordered, strict=True):
            _copy(file, folder / upload.stored_name)
        write_batch(folder, batch)
    return batch


def new_batch(seen: Sequence[Upload], options: Options, now: datetime) -> Batch:
    """A batch of files, with keys and stored names of their own; nothing is written.

    Args:
        seen: the files in the order in which they count; their ``stored_name`` is
            given here, and their ``key`` where none was promised.
        options: what the batch is loaded under.
        now: moment of the claim, UTC.
    """
    uploads = tuple(
        replace(
            upload,
            key=upload.key or upload_key(now, secrets.token_hex(4)),
            stored_name=f"{number:05}-{slug(upload.file_name)}",
        )
        for number, upload in enumerate(seen)
    )
    names = [upload.file_name for upload in uploads]
    key = batch_key(now, [upload.key for upload in uploads], names)
    return Batch(key, now.isoformat(), options, uploads)


def write_batch(folder: Path, batch: Batch) -> None:
    """Put the list of a batch's members into its folder."""
    names = [field.name for field in fields(Upload)]
    document = {
        "key": batch.key,
        "created_at": batch.created_at,
        "options": asdict(batch.options),
        "uploads": [{n: getattr(upload, n) for n in names} for upload in batch.uploads],
    }
    # Without line breaks: with them, Python's encoder takes ten times as long.
    text = json.dumps(document, allow_nan=False) + "\n"
    write_text(folder / BATCH_FILE, text, lasting=True)


def batch_in(folder: Path) -> Batch:
    """The batch whose list of members lies in a folder."""
    document = json.loads((folder / BATCH_FILE).read_text(encoding="utf-8"))
    uploads = tuple(Upload(**upload) for upload in document["uploads"])
    options = Options(**document["options"])
    return Batch(document["key"], document["created_at"], options, uploads)


def read_batch(home: Home, key: str) -> Batch:
    """A batch that was claimed.

    Raises:
        PermanentError: no batch of that key has landed in this home.
    """
    try:
        return batch_in(home.batch(key))
    except FileNotFoundError:
        raise PermanentError(
            f"No batch {key} has landed in this home. It was retired, or belongs to "
            "another BULK_PIPELINE_HOME. Load its files again as a new batch."
        ) from None


def _copy(file: Path, target: Path) -> None:
    """A copy with the file's time after its last byte was read.

    A file that is still being written differs from what was noted of it, as one does
    that was taken from the inbox too early.
    """
    shutil.copyfile(file, target)
    seen = file.stat()
    os.utime(target, ns=(seen.st_atime_ns, seen.st_mtime_ns))


def _seen(file: Path, retries: Mapping[Path, Upload]) -> Upload:
    """A file of the user's, as an upload without a key yet."""
    found = file.stat()
    stands_for = retries.get(file)
    return Upload(
        key="",
        file_name=stands_for.file_name if stands_for else shown(file.name),
        stored_name="",
        bytes=found.st_size,
        modified_ns=found.st_mtime_ns,
        submitted_by=stands_for.submitted_by if stands_for else "",
        retry_of=stands_for.key if stands_for else "",
    )


def shown(name: str) -> str:
    """A file name as a text; bytes of it that are no UTF-8 are marked."""
    return os.fsencode(name).decode("utf-8", "replace")


def _age(file: Path) -> tuple[int, str]:
    """What files are ordered by: time of change, then name."""
    try:
        found = file.stat()
    except OSError as error:
        raise UnreadableFile(
            f"{file}: {error.strerror}. Check the path and its permissions."
        ) from error
    if not stat.S_ISREG(found.st_mode):
        raise UnreadableFile(f"{file} is no regular file. Name the files themselves.")
    return found.st_mtime_ns, file.name
