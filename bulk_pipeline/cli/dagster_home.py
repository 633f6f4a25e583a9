"""Where Dagster keeps what it knows; nothing of Dagster is imported for it."""

import os
import shutil
from importlib.resources import as_file, files
from pathlib import Path

import bulk_pipeline.data
from bulk_pipeline.adapters.home import Home, make_home

INSTANCE_FILE = "dagster.yaml"


def dagster_folder(home: Home) -> Path:
    """Dagster's folder: in the home unless ``DAGSTER_HOME`` names another one."""
    given = os.environ.get("DAGSTER_HOME", "").strip()
    return Path(given).expanduser().absolute() if given else home.dagster


def use_dagster_home(home: Home) -> Path:
    """Point Dagster to its folder, in the home unless ``DAGSTER_HOME`` names another.

    The folder and its ``dagster.yaml`` are made where they are missing.
    """
    make_home(home.root)
    folder = dagster_folder(home)
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / INSTANCE_FILE).exists():
        shipped = files(bulk_pipeline.data).joinpath(INSTANCE_FILE)
        with as_file(shipped) as source:
            shutil.copyfile(source, folder / INSTANCE_FILE)
    os.environ["DAGSTER_HOME"] = str(folder)
    return folder
