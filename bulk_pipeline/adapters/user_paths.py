"""Paths that people write in settings."""

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator


def _of_somebody(path: Path) -> Path:
    """A path as it is, if the ``~`` in front of it means somebody's home."""
    try:
        path.expanduser()
    except RuntimeError:
        raise ValueError(
            "it names the home of a user who does not exist; write the path in full"
        ) from None
    return path


UserPath = Annotated[Path, AfterValidator(_of_somebody)]
"""A path that ``expanduser`` works on."""
