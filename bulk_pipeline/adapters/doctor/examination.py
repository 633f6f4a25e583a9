"""The checks in their order, each apart from the others; Dagster's are not here."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from bulk_pipeline.adapters.databases.target import target_url
from bulk_pipeline.adapters.doctor.apart import apart
from bulk_pipeline.adapters.doctor.databases import (
    database_findings,
    replica_findings,
    synchronisation_findings,
)
from bulk_pipeline.adapters.doctor.inbox import inbox_findings
from bulk_pipeline.adapters.doctor.machine import machine_findings, room_findings
from bulk_pipeline.adapters.doctor.packages import package_findings
from bulk_pipeline.adapters.doctor.places import (
    lasting_findings,
    log_findings,
    place_findings,
    places,
)
from bulk_pipeline.adapters.doctor.sqlite_file import journal_findings
from bulk_pipeline.adapters.doctor.variables import variable_findings
from bulk_pipeline.adapters.home import Home
from bulk_pipeline.adapters.settings import Settings
from bulk_pipeline.core.findings import Area, Finding

Check = tuple[Area, Callable[[], Iterable[Finding]]]


def before_start(
    environment: Mapping[str, str], settings: Settings, dagster: Path
) -> list[Finding]:
    """What `up` asks before it starts anything; quick, and of the machine only.

    The tables, the model and Dagster are left out: `up` opens them itself, and waits
    for a database that is still starting.

    Args:
        environment: variables of this process.
        settings: of it.
        dagster: folder of Dagster's instance.
    """
    found = apart(Area.SETTINGS, lambda: variable_findings(environment))
    return [*found, *_done(_of_machine(settings, dagster))]


def after_tables(settings: Settings) -> list[Finding]:
    """What `up` asks of a server once it has its tables: rights and encryption."""
    if target_url(settings).get_backend_name() == "sqlite":
        return []
    from bulk_pipeline.adapters.doctor.server import (  # noqa: PLC0415
        right_findings,  # SQLite needs none of it
    )

    return apart(Area.DATABASE, lambda: right_findings(settings))


def examined(
    environment: Mapping[str, str], settings: Settings, dagster: Path
) -> Iterator[Finding]:
    """All but Dagster, in the order of ``Area``.

    Args:
        environment: variables of this process.
        settings: of it, without those that cannot be.
        dagster: folder of Dagster's instance.
    """
    yield from apart(Area.SETTINGS, lambda: variable_findings(environment))
    yield from _done(_of_machine(settings, dagster))
    if settings.chunks_url:
        yield from apart(Area.HOME, lambda: _exchange_findings(settings))
    yield from apart(Area.DATABASE, lambda: database_findings(settings))
    yield from replica_findings(settings)
    yield from synchronisation_findings(settings)
    yield from apart(Area.MODEL, lambda: _model_findings(settings))


def _of_machine(settings: Settings, dagster: Path) -> list[Check]:
    named = places(settings, dagster)
    return [
        (Area.PACKAGES, package_findings),
        (Area.MACHINE, lambda: machine_findings(settings)),
        (Area.MACHINE, lambda: room_findings(named)),
        (Area.HOME, lambda: place_findings(named)),
        (Area.HOME, lambda: lasting_findings(settings)),
        (Area.HOME, lambda: log_findings(settings)),
        (Area.HOME, lambda: journal_findings(Home(settings.home).journal)),
        (Area.HOME, lambda: inbox_findings(settings)),
    ]


def _done(checks: Iterable[Check]) -> list[Finding]:
    return [finding for area, check in checks for finding in apart(area, check)]


def _exchange_findings(settings: Settings) -> Iterator[Finding]:
    from bulk_pipeline.adapters.doctor.exchange import (  # noqa: PLC0415
        exchange_findings,  # few installations have one
    )

    yield from exchange_findings(settings)


def _model_findings(settings: Settings) -> Iterator[Finding]:
    # `up` asks nothing of it, and would keep numpy in memory for months.
    from bulk_pipeline.adapters.doctor.model import model_findings  # noqa: PLC0415

    yield from model_findings(settings)
