"""What SQL Server tells of our database: who works, who waits for whom, what took long.

It tells a login of others only with a right of the whole server; what may be seen
without it is whether a load of ours is writing.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from bulk_pipeline.adapters.database import Database
from bulk_pipeline.adapters.database_state import Section
from bulk_pipeline.adapters.databases.sqlserver import WRITE_LOCK
from bulk_pipeline.adapters.databases.stage import PREFIX
from bulk_pipeline.adapters.databases.tsql import DIALECT
from bulk_pipeline.adapters.doctor.in_time import ANSWER_SECONDS
from bulk_pipeline.adapters.doctor.server import AZURE_EDITIONS
from bulk_pipeline.adapters.settings import Settings
from bulk_pipeline.core.errors import BulkPipelineError

FIRST_WITH_PERFORMANCE_STATE = 16
"""SQL Server 2022 split VIEW SERVER STATE; the part that is enough is its own right.

https://learn.microsoft.com/sql/relational-databases/system-dynamic-management-views/sys-dm-exec-requests-transact-sql
"""
OUR_TABLES = "annual_prediction"
"""Statements that name it are about our rows."""

_RIGHTS = sa.text(
    "SELECT CAST(SERVERPROPERTY('ProductVersion') AS nvarchar(128)) AS version,"
    " CAST(SERVERPROPERTY('EngineEdition') AS int) AS edition,"
    " SUSER_SNAME() AS login, USER_NAME() AS name,"
    " HAS_PERMS_BY_NAME(NULL, NULL, 'VIEW SERVER PERFORMANCE STATE') AS performance,"
    " HAS_PERMS_BY_NAME(NULL, NULL, 'VIEW SERVER STATE') AS state,"
    " HAS_PERMS_BY_NAME(DB_NAME(), 'DATABASE', 'VIEW DATABASE STATE') AS own"
)
_WRITER = sa.text("SELECT APPLOCK_TEST('public', :resource, 'Exclusive', 'Session')")
_REQUESTS = sa.text(
    "SELECT TOP (50) r.session_id, r.blocking_session_id, r.status, r.command,"
    " r.wait_type, r.wait_time / 1000.0, r.total_elapsed_time / 1000.0,"
    " s.program_name, s.host_name, b.program_name, b.status"
    " FROM sys.dm_exec_requests AS r"
    " JOIN sys.dm_exec_sessions AS s ON s.session_id = r.session_id"
    " LEFT JOIN sys.dm_exec_sessions AS b ON b.session_id = r.blocking_session_id"
    " WHERE r.database_id = DB_ID() AND r.session_id <> @@SPID"
    " AND s.is_user_process = 1"
    " ORDER BY r.total_elapsed_time DESC"
)
_LOCKS = sa.text(
    "SELECT TOP (50) l.request_session_id, l.resource_type,"
    " CASE l.resource_type WHEN 'OBJECT'"
    " THEN OBJECT_NAME(CAST(l.resource_associated_entity_id AS int))"
    " ELSE l.resource_description END,"
    " l.request_mode, l.request_status"
    " FROM sys.dm_tran_locks AS l"
    " WHERE l.resource_database_id = DB_ID() AND l.request_session_id <> @@SPID"
    " AND l.resource_type IN ('OBJECT', 'APPLICATION')"
    " ORDER BY l.request_status DESC, l.request_session_id"
)
_STATEMENTS = sa.text(
    "SELECT TOP (20) q.execution_count, q.total_elapsed_time / 1000000.0,"
    " q.max_elapsed_time / 1000000.0, q.total_logical_reads,"
    " CONVERT(nvarchar(19), q.last_execution_time, 120),"
    " SUBSTRING(t.text, q.statement_start_offset / 2 + 1, 300)"
    " FROM sys.dm_exec_query_stats AS q"
    " CROSS APPLY sys.dm_exec_sql_text(q.sql_handle) AS t"
    " WHERE CHARINDEX(:tables, t.text) > 0 OR CHARINDEX(:heaps, t.text) > 0"
    " ORDER BY q.total_elapsed_time DESC"
)
STATEMENTS = {
    "rights": _RIGHTS,
    "writer": _WRITER,
    "requests": _REQUESTS,
    "locks": _LOCKS,
    "statements": _STATEMENTS,
}
"""All that is sent, by name."""

_PARTS = re.compile(
    r"""(?P<remark>--[^\r\n]*|/\*.*?(?:\*/|$))
    |(?P<name>\[(?:[^\]]|\]\])*(?:\]|$))
    |N?'(?:[^']|'')*(?:'|$)|"(?:[^"]|"")*(?:"|$)|\b\d(?:[\w.]|(?<=[eE])[+-])*""",
    re.DOTALL | re.VERBOSE,
)
"""Remarks and quoted names, in which a quotation mark begins no constant; constants.

What stands in double quotes is a name or a constant, as the session wants it.
"""


@dataclass(frozen=True, slots=True)
class Right:
    """Whether a login may see what others do in the database.

    Attributes:
        there: whether it may.
        cure: how it may, for an administrator.
    """

    there: bool
    cure: str


def server_state(settings: Settings) -> list[Section]:
    """What the server tells; each question is asked by itself.

    Args:
        settings: of this process; the waits for answers are shortened.

    Raises:
        BulkPipelineError: it does not answer, or not us.
    """
    seconds = {"statement_seconds": ANSWER_SECONDS, "busy_seconds": ANSWER_SECONDS}
    database = Database.from_settings(settings.model_copy(update=seconds))
    try:
        # What fails after this is one question, and no server that is away.
        with database.reading() as connection:
            connection.execute(sa.select(sa.literal(1)))
        return list(_sections(database))
    finally:
        database.dispose()


def _sections(database: Database) -> Iterator[Section]:
    yield _asked(database, "Writing", ("a load of ours",), _writer)
    try:
        with database.reading() as connection:
            right = judged(connection.execute(_RIGHTS).one())
    except BulkPipelineError as error:
        right = Right(there=False, cure=f"Its rights cannot be asked ({error}).")
    for title, columns, ask in (
        ("Statements that run now", _OF_REQUESTS, _requests),
        ("Locks", _OF_LOCKS, _locks),
        ("Statements about our tables, by total time", _OF_STATEMENTS, _statements),
    ):
        if right.there:
            yield _asked(database, title, columns, ask)
        else:
            yield Section(title, columns, (), right.cure)


def judged(told: Any) -> Right:
    """Whether a login may see what others do, and the GRANT if not.

    Args:
        told: ``version``, ``edition``, ``login``, ``name`` (of the user) and
            ``performance``, ``state``, ``own``: 1 for a right that is there, 0 for one
            that is not, None for one that the server does not know.
    """
    azure = told.edition in AZURE_EDITIONS
    there = bool(told.performance or told.state or (azure and told.own))
    major = str(told.version).partition(".")[0]
    if azure:
        grant = f"GRANT VIEW DATABASE STATE TO {_quoted(told.name)}"
    elif major.isdigit() and int(major) < FIRST_WITH_PERFORMANCE_STATE:
        grant = f"GRANT VIEW SERVER STATE TO {_quoted(told.login)}"
    else:
        grant = f"GRANT VIEW SERVER PERFORMANCE STATE TO {_quoted(told.login)}"
    where = "in the database" if azure else "in master"
    cure = (
        "This login may not see what others do. An administrator can allow it, "
        f"{where}: {grant}"
    )
    return Right(there, "" if there else cure)


_OF_REQUESTS = (
    "session",
    "blocked by",
    "status",
    "command",
    "waits for",
    "waited s",
    "runs s",
    "program",
    "host",
    "blocker",
    "blocker is",
)
_OF_LOCKS = ("session", "kind", "of", "mode", "status")
_OF_STATEMENTS = ("runs", "total s", "longest s", "reads", "last run", "statement")

Rows = Sequence[tuple[Any, ...]]


def _asked(
    database: Database,
    title: str,
    columns: Sequence[str],
    ask: Callable[[sa.Connection], Rows],
) -> Section:
    """One question; a server that refuses it is said to, and asked the next."""
    try:
        with database.reading() as connection:
            rows = ask(connection)
    except BulkPipelineError as error:
        return Section(title, columns, (), f"The server does not tell: {error}")
    return Section(title, columns, rows, "" if rows else "None.")


def _writer(connection: sa.Connection) -> Rows:
    is_free = connection.scalar(_WRITER, {"resource": WRITE_LOCK})
    return [("none writes now" if is_free else "writes now",)]


def _requests(connection: sa.Connection) -> Rows:
    return [
        (row[0], row[1] or None, *row[2:5], *map(_number, row[5:7]), *row[7:])
        for row in connection.execute(_REQUESTS)
    ]


def _locks(connection: sa.Connection) -> Rows:
    return [tuple(row) for row in connection.execute(_LOCKS)]


def _statements(connection: sa.Connection) -> Rows:
    values = {"tables": OUR_TABLES, "heaps": PREFIX}
    return [
        (row[0], _number(row[1]), _number(row[2]), *row[3:5], without_values(row[5]))
        for row in connection.execute(_STATEMENTS, values)
    ]


def without_values(text: str | None) -> str:
    """A statement on one line with a mark for each constant, which may be a secret.

    Remarks are left out: they are anybody's text.
    """
    return " ".join(_PARTS.sub(_shown, text or "").split())


def _shown(part: re.Match[str]) -> str:
    return part["name"] or (" " if part["remark"] else "?")


def _number(value: Any) -> float | None:
    return None if value is None else float(value)


def _quoted(name: str) -> str:
    return DIALECT.identifier_preparer.quote_identifier(name)
