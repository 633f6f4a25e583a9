"""Batches on disk: what was claimed together, with the options it was claimed under."""

import json
import os
import secrets
import shutil
import stat
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

from bulk_pipeline.adapters.atomic import whole_directory, write_json
from bulk_pipeline.adapters.home import Home
from bulk_pipeline.adapters.settings import Settings
from bulk_pipeline.core.errors import PermanentError, UnreadableFile
from bulk_pipeline.core.keys import batch_key, slug, upload_key

BATCH_FILE = "batch.json"


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

    @classmethod
    def from_settings(cls, settings: Settings, *, force: bool = False) -> "Options":
        """The options of the settings; ``force`` loads what was loaded before."""
        return cls(
            on_conflict=settings.on_conflict,
            companies=settings.companies,
            blank_quarter=settings.blank_quarter,
            ratio_unit=settings.ratio_unit,
            force=force,
        )

    def text(self) -> str:
        """The options as they stand in a receipt; equal text means equal options."""
        values = asdict(self)
        del values["force"]
        return json.dumps(values, sort_keys=True)


@dataclass(frozen=True, slots=True)
class Upload:
    """One file of a batch.

    Attributes:
        key: its own key, unique for ever.
        file_name: the name that the user gave it.
        stored_name: its name in the landing folder; never the user's.
        bytes: its size.
    """

    key: str
    file_name: str
    stored_name: str
    bytes: int


@dataclass(frozen=True, slots=True)
class Batch:
    """Uploads claimed together; never changes once it is on disk."""

    key: str
    created_at: str
    options: Options
    uploads: tuple[Upload, ...]


def land_copies(
    home: Home, files: Sequence[Path], options: Options, now: datetime
) -> Batch:
    """Copy files into a new batch, oldest first; the files themselves stay.

    Args:
        home: where the batch lands.
        files: the user's files.
        options: what the batch is loaded under.
        now: moment of the claim, UTC.

    Raises:
        UnreadableFile: a path is no regular file or cannot be read; names it. Nothing
            has landed then.
    """
    ordered = sorted(files, key=_age)
    keys = [upload_key(now, secrets.token_hex(4)) for _ in ordered]
    names = [_shown(file.name) for file in ordered]
    uploads = tuple(
        Upload(key, name, f"{number:05}-{slug(name)}", file.stat().st_size)
        for number, (key, name, file) in enumerate(
            zip(keys, names, ordered, strict=True)
        )
    )
    key = batch_key(now, keys, names)
    batch = Batch(key, now.isoformat(), options, uploads)
    with whole_directory(home.landing(key)) as folder:
        for upload, file in zip(uploads, ordered, strict=True):
            shutil.copyfile(file, folder / upload.stored_name)
        write_json(folder / BATCH_FILE, asdict(batch))
    return batch


def read_batch(home: Home, key: str) -> Batch:
    """A batch that was claimed.

    Raises:
        PermanentError: no batch of that key has landed in this home.
    """
    try:
        text = (home.landing(key) / BATCH_FILE).read_text(encoding="utf-8")
    except FileNotFoundError:
        raise PermanentError(
            f"No batch {key} has landed in this home. It was retired, or belongs to "
            "another BULK_PIPELINE_HOME. Load its files again as a new batch."
        ) from None
    document = json.loads(text)
    uploads = tuple(Upload(**upload) for upload in document["uploads"])
    options = Options(**document["options"])
    return Batch(document["key"], document["created_at"], options, uploads)


def _shown(name: str) -> str:
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
