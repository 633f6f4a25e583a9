"""An exchange in a folder that several machines have mounted."""

import os
import secrets
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from bulk_pipeline.adapters.disk_space import is_full, room_needed
from bulk_pipeline.adapters.exchange.store import StoreBusy, missing
from bulk_pipeline.core.errors import ConfigurationError

PARTIAL = ".partial"


@dataclass(frozen=True, slots=True)
class FolderStore:
    """Objects as files below a folder; what lies behind a link in it is not listed."""

    root: Path

    def __post_init__(self) -> None:
        # Making it would fill the disk below a mount that is not there.
        if not self.root.is_dir():
            raise ConfigurationError(
                f"{self.root} of BULK_PIPELINE_CHUNKS_URL is no folder on this "
                "machine. Mount it, or make it."
            )

    def read(self, name: str) -> bytes:
        """A file's bytes; see ``Store``."""
        try:
            return (self.root / name).read_bytes()
        except FileNotFoundError:
            raise missing(name) from None
        except OSError as error:
            raise _refused(name, error) from None

    def write(self, name: str, content: bytes) -> None:
        """Put a file in place by rename; see ``Store``."""
        path = self.root / name
        partial = path.with_name(f".{path.name}.{secrets.token_hex(4)}{PARTIAL}")
        with room_needed(self.root):
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                partial.write_bytes(content)
                partial.replace(path)
            except OSError as error:
                with suppress(OSError):
                    partial.unlink()
                if is_full(error):
                    raise
                # One that is not found is its empty folder, removed since it was made.
                raise _refused(name, error) from None

    def sizes(self, prefix: str) -> dict[str, int]:
        """Sizes of the files below a folder; see ``Store``."""
        found = {}
        top = self.root / prefix
        if prefix and top.is_symlink():
            return {}

        def refuse(error: OSError) -> None:
            # A mount may hold folders of others, such as lost+found.
            others = isinstance(error, PermissionError) and error.filename != str(top)
            if not others and not isinstance(error, FileNotFoundError):
                raise _refused(prefix or str(top), error) from None

        for folder, _, names in os.walk(top, onerror=refuse, followlinks=False):
            for path in (Path(folder, name) for name in names):
                try:
                    found[str(path.relative_to(self.root))] = path.lstat().st_size
                except FileNotFoundError:
                    continue  # removed since the listing
        return found

    def remove(self, names: list[str]) -> None:
        """Remove files, and the folders that are empty then; see ``Store``."""
        for name in names:
            path = self.root / name
            try:
                path.unlink(missing_ok=True)
            except OSError as error:
                raise _refused(name, error) from None
            for parent in path.parents:
                if parent == self.root or not _was_empty(parent):
                    break


def _was_empty(folder: Path) -> bool:
    """Remove a folder if nothing is in it; whether that was so."""
    try:
        folder.rmdir()
    except OSError:
        return False
    return True


def _refused(name: str, error: OSError) -> ConfigurationError | StoreBusy:
    if isinstance(error, PermissionError):
        return ConfigurationError(
            f"{name} in the folder of BULK_PIPELINE_CHUNKS_URL is closed to this "
            "process. Give it to the user of all machines."
        )
    return StoreBusy(f"{name} in the exchange cannot be used ({error.strerror}).")
