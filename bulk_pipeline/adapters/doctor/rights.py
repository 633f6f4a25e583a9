"""The rights that a load needs on SQL Server, those that are missing, their GRANTs.

They are those of the role ``bulk_pipeline_loader`` in ``docs/sql/grants.sql``.
"""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import sqlalchemy as sa

from bulk_pipeline.adapters.databases.tsql import DIALECT, quoted
from bulk_pipeline.adapters.tables import metadata, schema_version
from bulk_pipeline.core.findings import Area, Finding, failure, fine

ROWS = ("SELECT", "INSERT", "UPDATE", "DELETE")
ROLE = "bulk_pipeline_loader"


class Right(NamedTuple):
    """One right on one thing.

    Attributes:
        securable: name of the thing, quoted; "" for the database itself.
        kind: OBJECT, SCHEMA or DATABASE.
        permission: such as INSERT.
    """

    securable: str
    kind: str
    permission: str

    @property
    def on(self) -> str:
        """The part of a GRANT that names the thing."""
        if self.kind == "DATABASE":
            return ""
        return f" ON {'SCHEMA::' * (self.kind == 'SCHEMA')}{self.securable}"


def needed(schema: str, staging: str) -> list[Right]:
    """The rights of a login that loads.

    Args:
        schema: of the tables.
        staging: schema of the heaps.
    """
    found = []
    for table in metadata.sorted_tables:
        name = quoted(sa.Table(table.name, sa.MetaData(schema=schema)))
        permissions = ROWS[:1] if table.name == schema_version.name else ROWS
        found += [Right(name, "OBJECT", permission) for permission in permissions]
    found.append(Right("", "DATABASE", "CREATE TABLE"))
    found.append(Right(_quoted(staging), "SCHEMA", "ALTER"))
    return found


def missing_rights(
    connection: sa.Connection, staging_schema: str
) -> tuple[str, list[Right]]:
    """The user of a login, and the rights that it lacks.

    Args:
        connection: to the database.
        staging_schema: of the settings; "" for the login's own.

    Raises:
        sa.exc.DBAPIError: the server does not tell.
    """
    own = connection.dialect.default_schema_name or "dbo"
    asked = needed(own, staging_schema or own)
    row = connection.execute(sa.select(*map(_question, asked))).one()
    answers = dict(zip(asked, row, strict=True))
    user = str(connection.scalar(sa.text("SELECT USER_NAME()")))
    return user, lacking(answers)


def lacking(answers: Mapping[Right, int | None]) -> list[Right]:
    """The rights that are missing.

    Args:
        answers: 1 for one that is there; 0 for one that is not; None where the server
            knows no such thing. A table that is not there is told of elsewhere, a
            schema that is not there is missing.
    """
    return [
        right
        for right, answer in answers.items()
        if answer == 0 or (answer is None and right.kind == "SCHEMA")
    ]


def rights_findings(area: Area, user: str, missing: list[Right]) -> Iterator[Finding]:
    """Missing rights, with the GRANTs that give them.

    Args:
        area: of the finding.
        user: of the login in the database.
        missing: what it lacks.
    """
    if not missing:
        yield fine(area, f"The user {user} has the rights that a load needs.")
        return
    grants = "; ".join(_grants(_quoted(user), missing))
    named = ", ".join(f"{r.permission} {r.securable}".strip() for r in missing)
    yield failure(
        area,
        f"The user {user} lacks rights that a load needs: {named}.",
        f"Run docs/sql/grants.sql and make the user a member of {ROLE}, with "
        f"BULK_PIPELINE_STAGING_SCHEMA=bulk_pipeline_staging; or: {grants}",
    )


def _grants(user: str, missing: list[Right]) -> Iterator[str]:
    """One GRANT for all that is missing on one thing."""
    permissions: dict[str, list[str]] = {}
    for right in missing:
        permissions.setdefault(right.on, []).append(right.permission)
    for on, names in permissions.items():
        yield f"GRANT {', '.join(names)}{on} TO {user}"


def _question(right: Right) -> sa.Function[int]:
    name = sa.func.db_name() if right.kind == "DATABASE" else right.securable
    return sa.func.has_perms_by_name(
        name, right.kind, right.permission, type_=sa.Integer
    )


def _quoted(name: str) -> str:
    return DIALECT.identifier_preparer.quote_identifier(name)
