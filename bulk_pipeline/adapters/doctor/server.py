"""A target database of SQL Server: version, tables, rights, encryption."""

from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa

from bulk_pipeline.adapters.database import Database
from bulk_pipeline.adapters.databases.sqlserver_url import completed
from bulk_pipeline.adapters.doctor.in_time import ANSWER_SECONDS, in_time
from bulk_pipeline.adapters.doctor.rights import missing_rights, rights_findings
from bulk_pipeline.adapters.doctor.tables import table_findings
from bulk_pipeline.adapters.settings import Settings
from bulk_pipeline.core.errors import BulkPipelineError
from bulk_pipeline.core.findings import Area, Finding, failure, fine, warning

OLDEST_VERSION = 15
"""SQL Server 2019; what the statements of the loader were written for."""

AZURE_EDITIONS = frozenset({5, 8})
"""``SERVERPROPERTY('EngineEdition')`` of Azure SQL, whose version stays 12 for ever.

https://learn.microsoft.com/sql/t-sql/functions/serverproperty-transact-sql
"""

_OFF = frozenset({"no", "false", "0", "optional"})
_ON = frozenset({"yes", "true", "1"})
_SESSION = sa.text(
    "SELECT encrypt_option FROM sys.dm_exec_connections WHERE session_id = @@SPID"
)
_VERSION = sa.text(
    "SELECT CAST(SERVERPROPERTY('ProductVersion') AS nvarchar(128)),"
    " CAST(SERVERPROPERTY('EngineEdition') AS int)"
)


def server_findings(settings: Settings, area: Area, setting: str) -> Iterator[Finding]:
    """The database of a server, which is asked and not changed.

    No circuit breaker is asked and none is told: this is about what is now.

    Args:
        settings: of this process; its waits for answers are shortened.
        area: of the findings.
        setting: that names the database.

    Raises:
        BulkPipelineError: it does not answer, or not us.
    """

    def look() -> Iterator[Finding]:
        with database.reading() as connection:
            yield fine(area, f"{database.name} answers.")
            version, edition = connection.execute(_VERSION).one()
            yield judged_version(area, version, edition, setting)
        yield from transport_findings(database, settings, area, setting)
        with database.reading() as connection:
            lacks = "The tables are not there, or this login may not see them."
            for found in table_findings(area, connection, setting, lacks):
                yield _absent(found) if found.what == lacks else found
        yield from _rights(database, settings, area)

    with _asked(settings) as database:
        yield from in_time(database, area, look)


def right_findings(settings: Settings) -> Iterator[Finding]:
    """Rights and encryption only, for somebody who knows that the tables are there.

    Raises:
        BulkPipelineError: the server does not answer, or not us.
    """
    area = Area.DATABASE

    def look() -> Iterator[Finding]:
        yield from transport_findings(database, settings, area, "DATABASE_URL")
        yield from _rights(database, settings, area)

    with _asked(settings) as database:
        yield from in_time(database, area, look)


@contextmanager
def _asked(settings: Settings) -> Iterator[Database]:
    """The database with short waits; its connections end with the block."""
    seconds = {"statement_seconds": ANSWER_SECONDS, "busy_seconds": ANSWER_SECONDS}
    quick = settings.model_copy(update=seconds)
    database = Database.from_settings(quick)
    try:
        yield database
    finally:
        database.dispose()


def judged_version(area: Area, version: str, edition: int, setting: str) -> Finding:
    """Whether a server is one that the statements were written for.

    Args:
        area: of the finding.
        version: such as 16.0.4135.4.
        edition: number of its kind.
        setting: that names the database.
    """
    if edition in AZURE_EDITIONS:
        return fine(area, f"Azure SQL, version {version}")
    major = version.partition(".")[0]
    if major.isdigit() and int(major) < OLDEST_VERSION:
        return failure(
            area,
            f"SQL Server {version} is older than SQL Server 2019.",
            f"Name a server of 2019 or later in {setting}.",
        )
    return fine(area, f"SQL Server {version}")


def transport_findings(
    database: Database, settings: Settings, area: Area, setting: str
) -> Iterator[Finding]:
    """Whether what passes between us and the server can be read by others."""
    try:
        with database.reading() as connection:
            told = str(connection.execute(_SESSION).scalar() or "")
    except BulkPipelineError:
        # It takes VIEW SERVER STATE, which no login of ours needs.
        told = ""
    yield from judged_transport(area, completed(database.url, settings), told, setting)


def judged_transport(
    area: Area, url: sa.URL, told: str, setting: str
) -> Iterator[Finding]:
    """Encryption, as the URL asks for it and as the server sees it.

    Args:
        area: of the findings.
        url: as it is given to the driver.
        told: ``encrypt_option`` of our session; "" where the server does not say.
        setting: that names the database.
    """
    options = {name.lower(): str(text).lower() for name, text in url.query.items()}
    asked = options.get("encrypt", "yes")
    if told.upper() == "FALSE" or asked in _OFF:
        yield warning(
            area,
            f"The connection is not encrypted (Encrypt={asked}).",
            f"Take Encrypt=no out of {setting}: passwords and figures can be read on "
            "the way.",
        )
        return
    source = "the server says so" if told else "the URL asks for it; the server's view"
    if not told:
        source += " takes VIEW SERVER STATE, which this login has not"
    if "odbc_connect" in options and not told:
        source = "unknown: odbc_connect decides"
    if options.get("trustservercertificate", "no") in _ON:
        yield warning(
            area,
            "The connection is encrypted, but anybody can pose as the server "
            "(TrustServerCertificate=yes).",
            "Install the authority that signed the server's certificate and take "
            f"TrustServerCertificate out of {setting}.",
        )
        return
    yield fine(area, f"Encryption: Encrypt={asked} ({source})")


def _rights(database: Database, settings: Settings, area: Area) -> Iterator[Finding]:
    """What the login may not do that a load needs."""
    try:
        with database.reading() as connection:
            found = missing_rights(connection, settings.staging_schema)
    except BulkPipelineError as error:
        yield warning(
            area,
            f"The rights of this login cannot be asked ({error}).",
            "Load a small file to see; docs/sql/grants.sql has all rights.",
        )
        return
    yield from rights_findings(area, *found)


def _absent(found: Finding) -> Finding:
    return failure(
        found.area,
        found.what,
        "Run `bulk-pipeline init-db` once with a login that may create tables, then "
        "docs/sql/grants.sql.",
    )
