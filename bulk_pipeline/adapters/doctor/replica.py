"""The read replica: whether it answers and has our tables, of this version."""

from collections.abc import Iterator

import sqlalchemy as sa

from bulk_pipeline.adapters.doctor.in_time import ANSWER_SECONDS, in_time
from bulk_pipeline.adapters.doctor.sqlite_file import looked_into, refused_file
from bulk_pipeline.adapters.doctor.tables import table_findings
from bulk_pipeline.adapters.replica import READ_URL, Replica
from bulk_pipeline.adapters.settings import Settings
from bulk_pipeline.core.errors import BulkPipelineError
from bulk_pipeline.core.findings import Area, Finding, Level, failure, fine
from bulk_pipeline.core.fitness import size

_AREA = Area.REPLICA
_LACKS = "The replica has not our tables, or this login may not see them."
_WAIT = (
    "Run `bulk-pipeline init-db`, which goes to DATABASE_URL, and wait until the "
    f"replica has followed; until then unset {READ_URL}."
)
_UPDATEABILITY = sa.text(
    "SELECT CAST(DATABASEPROPERTYEX(DB_NAME(), 'Updateability') AS nvarchar(20))"
)


def examined_replica(settings: Settings) -> Iterator[Finding]:
    """What is well with the replica and what is not; nothing of it is changed.

    Args:
        settings: of this process; they name a replica.

    Raises:
        BulkPipelineError: a server does not answer, or not us.
    """
    seconds = {"statement_seconds": ANSWER_SECONDS, "busy_seconds": ANSWER_SECONDS}
    replica = Replica.of(settings.model_copy(update=seconds))
    if replica is None:
        raise AssertionError  # asked before
    try:
        if replica.url.get_backend_name() == "sqlite":
            yield from _file(replica)
        else:
            yield from in_time(replica, _AREA, lambda: _server(replica))
    finally:
        replica.dispose()


def _file(replica: Replica) -> Iterator[Finding]:
    """A copy of the database's file."""
    path = replica.path
    if not path.is_file():
        yield failure(
            _AREA,
            f"{path} is not there, or no file.",
            f"Copy the database there, or correct {READ_URL}; nothing makes it.",
        )
        return
    try:
        with looked_into(path) as connection:
            yield fine(_AREA, f"{path} can be read ({size(path.stat().st_size)}).")
            yield from _tables(connection)
    except BulkPipelineError as error:
        yield refused_file(_AREA, path, error)


def _server(replica: Replica) -> Iterator[Finding]:
    """A database of a server, perhaps a readable secondary."""
    from bulk_pipeline.adapters.doctor.server import (  # noqa: PLC0415
        transport_findings,  # SQLite needs none of it
    )

    with replica.reading() as connection:
        kind = str(connection.execute(_UPDATEABILITY).scalar())
        yield fine(_AREA, f"{replica.name} answers; it is {kind}.")
    yield from transport_findings(replica, replica.settings, _AREA, READ_URL)
    with replica.reading() as connection:
        yield from _tables(connection)


def _tables(connection: sa.Connection) -> Iterator[Finding]:
    """The tables; what a load would mend in a database, nobody mends in a copy."""
    for found in table_findings(_AREA, connection, READ_URL, _LACKS):
        if found.level is Level.OK and found.what != _LACKS:
            yield found
        else:
            yield failure(_AREA, found.what, _WAIT)
