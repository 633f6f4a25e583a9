"""Folders that the project writes to: whether it may, and what they lie on.

Nothing stays of a trial: its file has no name where the system can do that, and is
removed at once where it cannot.
"""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from bulk_pipeline.adapters.databases.target import target_url
from bulk_pipeline.adapters.disk_space import is_full
from bulk_pipeline.adapters.home import Home
from bulk_pipeline.adapters.settings import Settings
from bulk_pipeline.adapters.system_info import file_system
from bulk_pipeline.core.errors import ConfigurationError
from bulk_pipeline.core.findings import Area, Finding, failure, fine
from bulk_pipeline.core.fitness import judged_file_system

TRIED_BYTES = 4096
"""A block: less may fit into a full disk's tables."""

PREFIX = ".doctor-"
"""With a leading dot, since the inbox leaves such names alone."""

NO_FOLDER, NO_SPACE = "it is a file", "no space is left"
CURES = {
    NO_FOLDER: "Move that file away, or name another folder.",
    NO_SPACE: "Free some; `bulk-pipeline tidy` removes old batches.",
}
OTHER_CURE = (
    "Give it to the user of this process, mount it for writing, or name another folder."
)


def places(settings: Settings, dagster: Path) -> dict[str, Path]:
    """What the project writes → the folder of it; the home comes first.

    Args:
        settings: of this process.
        dagster: folder of Dagster's instance.
    """
    home = Home(settings.home)
    named = {
        "home": home.root,
        "inbox": home.inbox,
        "landed files": home.landings,
        "archive": home.archive,
        # Each upload and each batch has a folder in these.
        "failed files": home.failed("upload").parent,
        "chunks": home.chunks("batch").parent,
        "rejects": home.rejects("batch").parent,
        "models": home.models,
        "Dagster's instance": dagster,
        "temporary files": Path(tempfile.gettempdir()),
    }
    if (database := database_file(settings)) is not None:
        named["database"] = database.parent
    if settings.log_file is not None:
        named["log"] = settings.log_file.expanduser().absolute().parent
    return named


def database_file(settings: Settings) -> Path | None:
    """The target database's file; None for a server, or where no URL can be read."""
    try:
        url = target_url(settings)
    except ConfigurationError:
        return None
    return Path(url.database or "") if url.get_backend_name() == "sqlite" else None


def existing(folder: Path) -> Path:
    """A folder, or the nearest one above it that is there."""
    return next(place for place in (folder, *folder.parents) if place.exists())


def place_findings(named: dict[str, Path]) -> Iterator[Finding]:
    """Whether each place can be written to, or can be made.

    Args:
        named: as ``places`` gives it.

    Raises:
        OSError: a place does not answer.
    """
    together: dict[Path, list[str]] = {}
    for what, folder in named.items():
        together.setdefault(existing(folder), []).append(what)
    refusals: dict[str, list[Path]] = {}
    for there in together:
        if reason := _refusal(there):
            refusals.setdefault(reason, []).append(there)
    for reason, folders in refusals.items():
        what = ", ".join(name for folder in folders for name in together[folder])
        where = ", ".join(map(str, folders))
        yield failure(
            Area.HOME,
            f"{where} cannot be written to ({reason}). What needs it: {what}.",
            CURES.get(reason, OTHER_CURE),
        )
    bad = sum(len(together[f]) for folders in refusals.values() for f in folders)
    text = f"{len(named) - bad} of {len(named)} folders can be written to or made."
    yield fine(Area.HOME, text)


def lasting_findings(settings: Settings) -> Iterator[Finding]:
    """Whether the file systems of our SQLite databases keep them safe."""
    root = settings.home
    yield judged_file_system(f"The home {root}", file_system(root))
    database = database_file(settings)
    if database is not None and root not in database.parents:
        kind = file_system(database.parent)
        yield judged_file_system(f"The database {database}", kind)


def log_findings(settings: Settings) -> Iterator[Finding]:
    """Whether the log's file can be written, where one is set."""
    if settings.log_file is None:
        return
    file = settings.log_file.expanduser().absolute()
    if file.exists() and not (file.is_file() and os.access(file, os.W_OK)):
        yield failure(
            Area.HOME,
            f"The log {file} cannot be written.",
            "Grant write access, or name another file in BULK_PIPELINE_LOG_FILE.",
        )
    else:
        yield fine(Area.HOME, f"The log is {file}.")


def _refusal(folder: Path) -> str:
    """Why a folder cannot be written to, or "" if it can."""
    if not folder.is_dir():
        return NO_FOLDER
    try:
        with tempfile.TemporaryFile(prefix=PREFIX, dir=folder, buffering=0) as file:
            file.write(bytes(TRIED_BYTES))
    except OSError as error:
        return NO_SPACE if is_full(error) else str(error.strerror or error)
    return ""
