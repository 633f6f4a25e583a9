"""A target database, whichever kind it is."""

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from bulk_pipeline.adapters.databases.target import target_url
from bulk_pipeline.adapters.doctor.apart import apart
from bulk_pipeline.adapters.doctor.sqlite_file import file_findings
from bulk_pipeline.adapters.settings import Settings
from bulk_pipeline.core.errors import ConfigurationError
from bulk_pipeline.core.findings import Area, Finding, fine

TARGET, SYNC_TARGET = "DATABASE_URL", "BULK_PIPELINE_SYNC_TARGET"


def database_findings(
    settings: Settings, area: Area = Area.DATABASE, setting: str = TARGET
) -> Iterator[Finding]:
    """The database that ``settings.database_url`` names.

    Args:
        settings: of this process.
        area: of the findings.
        setting: that really names it.

    Raises:
        BulkPipelineError: it cannot be reached or read.
    """
    url = target_url(settings)
    if url.get_backend_name() == "sqlite":
        yield from file_findings(area, Path(url.database or ""), setting)
        return
    from bulk_pipeline.adapters.doctor.server import (  # noqa: PLC0415
        server_findings,  # SQLite needs none of it
    )

    yield from server_findings(settings, area, setting)


def servers(settings: Settings) -> int:
    """How many of the databases are servers, which may keep us waiting."""
    found = 0
    others = [_other(settings)] if settings.sync_target else []
    if settings.read_url:
        others.append(settings.model_copy(update={"database_url": settings.read_url}))
    for each in (settings, *others):
        with contextlib.suppress(ConfigurationError):  # told of where it is looked at
            found += target_url(each).get_backend_name() != "sqlite"
    return found


def synchronisation_findings(settings: Settings) -> list[Finding]:
    """The database that is kept equal to the target, where one is set."""
    area = Area.SYNCHRONISATION
    if settings.sync_target is None:
        return [fine(area, "No second database is set.")]
    other = _other(settings)
    found = apart(area, lambda: database_findings(other, area, SYNC_TARGET))
    # What its errors and their cures name is the setting of the first database.
    return [
        replace(
            finding,
            what=finding.what.replace(TARGET, SYNC_TARGET),
            cure=finding.cure.replace(TARGET, SYNC_TARGET),
        )
        for finding in found
    ]


def replica_findings(settings: Settings) -> list[Finding]:
    """The replica that reports and exports read, where one is set."""
    area = Area.REPLICA
    if settings.read_url is None:
        return [fine(area, "No replica is set: reports read the database itself.")]
    from bulk_pipeline.adapters.doctor.replica import (  # noqa: PLC0415
        examined_replica,  # only where there is one
    )

    return apart(area, lambda: examined_replica(settings))


def _other(settings: Settings) -> Settings:
    """The settings as if the second database were the target."""
    return settings.model_copy(
        update={
            "database_url": settings.sync_target,
            "database_password": settings.sync_target_password,
        }
    )
