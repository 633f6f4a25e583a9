"""Whether a database has our tables, and of which version."""

from collections.abc import Iterator

import sqlalchemy as sa

from bulk_pipeline.adapters.schema_setup import FIRST_VERSION, version_of
from bulk_pipeline.adapters.tables import SCHEMA_VERSION, metadata, schema_version
from bulk_pipeline.core.findings import Area, Finding, failure, fine, warning


def table_findings(
    area: Area, connection: sa.Connection, setting: str, without: str
) -> Iterator[Finding]:
    """The tables of a database and their version.

    Args:
        area: of the findings.
        connection: to the database.
        setting: that names it.
        without: what is said where there is none of them.
    """
    there = set(sa.inspect(connection).get_table_names())
    lacking = sorted(metadata.tables.keys() - there)
    version = version_of(connection) if schema_version.name in there else None
    if version is not None and not FIRST_VERSION <= version <= SCHEMA_VERSION:
        yield failure(
            area,
            f"The tables have schema version {version}; this program knows "
            f"{FIRST_VERSION} to {SCHEMA_VERSION}.",
            f"Install the version that made them, or name another database in "
            f"{setting}.",
        )
    elif len(lacking) == len(metadata.tables):
        yield fine(area, without)
    elif lacking or version is None:
        named = ", ".join(lacking) or "their version"
        yield warning(
            area,
            f"The tables are not complete: {named} is missing.",
            "Run `bulk-pipeline init-db`, with a login that may create tables.",
        )
    elif version < SCHEMA_VERSION:
        yield warning(
            area,
            f"The tables have schema version {version}, an older one.",
            "Make a backup, then run `bulk-pipeline init-db`, which takes them to "
            f"{SCHEMA_VERSION}.",
        )
    else:
        yield fine(area, f"All tables are there, schema version {version}.")
