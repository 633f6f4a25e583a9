"""Files that a command writes where its user says: checked first, whole or not at all.

What is in them belongs to the module that writes them.
"""

import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from bulk_pipeline.core.errors import ConfigurationError


def require_place(
    path: Path, suffixes: Sequence[str], *, replace: bool = False
) -> None:
    """Refuse a name under which the file cannot or must not be written.

    Raises:
        ConfigurationError: another suffix, no such directory, a directory in the
            file's place, or, unless it may be replaced, a file; names what would work.
    """
    name = path.name.lower()
    if not any(name.endswith(suffix) and name != suffix for suffix in suffixes):
        names = " or ".join(
            str(path.parent / f"{path.stem or 'accounts'}{suffix}")
            for suffix in suffixes
        )
        ends = " or ".join(suffixes)
        raise ConfigurationError(f"{path} does not end in {ends}. Use {names}.")
    if not path.parent.is_dir():
        raise ConfigurationError(
            f"{path}: there is no directory {path.parent}. Make it, or use another."
        )
    if path.is_dir():
        raise ConfigurationError(f"{path} is a directory. Use the name of a file.")
    if path.exists() and not replace:
        raise ConfigurationError(
            f"{path} exists. Use another name, or --force to replace it."
        )


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """A name to write under, which takes the place of ``path`` when the block succeeds.

    On an error what was written is removed and ``path`` stays as it was.
    """
    # hidden and with another suffix: nobody takes it for a finished file
    partial = path.with_name(f".{uuid.uuid4().hex}.partial")
    try:
        yield partial
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
