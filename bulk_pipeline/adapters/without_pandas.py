"""Processes that end soon, and need no pandas.

pyarrow asks for it as soon as it is used; importing it takes 0.3 s of processor and
35 MiB, for nothing.
"""

import sys
from importlib.abc import MetaPathFinder


def hide_pandas() -> None:
    """Say from now on in this process that pandas is not there."""
    sys.meta_path.insert(0, _WithoutPandas())


class _WithoutPandas(MetaPathFinder):
    def find_spec(self, fullname: str, path: object, target: object = None) -> None:
        """Refuse pandas; nothing is known of other modules here."""
        del path, target
        if fullname == "pandas":
            raise ModuleNotFoundError(fullname)
