"""Making the folder of an installation."""

from pathlib import Path

from bulk_pipeline.adapters.disk_space import is_full, room_needed
from bulk_pipeline.core.errors import ConfigurationError


def make_home(root: Path) -> None:
    """Make the folder of a home, and those above it, where they are missing.

    Raises:
        ConfigurationError: it cannot be made, or something else is in its place; names
            it and the setting.
        TransientError: no space is left.
    """
    with room_needed(root):
        try:
            root.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            if is_full(error):
                raise
            raise ConfigurationError(
                f"The home {root} cannot be made ({error.strerror}). Name another "
                "folder in BULK_PIPELINE_HOME."
            ) from error
