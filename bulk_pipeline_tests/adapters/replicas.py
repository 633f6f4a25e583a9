"""Installations with a read replica: a copy of their database, or another one."""

import hashlib
import sqlite3
from contextlib import closing
from dataclasses import replace

from bulk_pipeline.adapters.installation import Installation
from bulk_pipeline.adapters.replica import Replica
from bulk_pipeline.adapters.settings import Settings


def copied(pipeline, path):
    """A copy of a pipeline's file as it is now, in place of an older one."""
    fresh = path.with_suffix(".new")
    with (
        closing(sqlite3.connect(pipeline.installation.home.database)) as source,
        closing(sqlite3.connect(fresh)) as target,
    ):
        source.backup(target)
    fresh.replace(path)


def reading_from(installation, url, **variables) -> Installation:
    """The same installation with a replica."""
    given = {"BULK_PIPELINE_READ_URL": str(url), **variables}
    settings = Settings.from_environment(given)
    own = installation.settings.model_copy(
        update={
            "read_url": settings.read_url,
            "read_password": settings.read_password,
            "retries": 1,
        }
    )
    return replace(installation, settings=own, replica=Replica.of(own))


def contents(folder):
    """Every file of a folder, by its bytes."""
    return {
        p.name: hashlib.sha256(p.read_bytes()).digest() for p in folder.glob("*.db*")
    }
