"""Tables as an older version of the project made them, with rows, for upgrades."""

import sqlite3
from contextlib import closing
from pathlib import Path

import sqlalchemy as sa

from bulk_pipeline.adapters.tables import metadata, schema_version, uploads

VERSION_1 = Path(__file__).with_name("version_1.sql")
"""What version 1 executed on SQLite, to the byte; users have such files."""

_ROWS = """
INSERT INTO schema_version VALUES (1, 1700000000000000);
INSERT INTO models VALUES (1, 'm', 'a', 'scorecard', '{}', 1);
INSERT INTO companies VALUES (1, 'ÄÖ', 'Ä & Ö', NULL, 1e9, 1, 2);
INSERT INTO uploads VALUES
    (1, 'u1', 'b1', 'h', 'f1', 's', '{}', 1, 1, 1, 0, 0, 0, 0, 3, 4, NULL),
    (7, 'u7', 'b7', 'h', 'f7', 's', '{}', 1, 1, 0, 1, 0, 0, 0, 5, 6, 8);
INSERT INTO annual_predictions VALUES
    (1, 1, 2001, 'Q4', 1.5, NULL, -2, 3, 4, 0.25, 'Low', 0.75, 1, 7, 1, 2);
"""


def make_version_1(path: Path) -> None:
    """A file of version 1 with a few rows."""
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(VERSION_1.read_text() + _ROWS)


def rows_of_version_1(path: Path) -> dict[str, list[tuple[object, ...]]]:
    """Table → its rows, in the columns that version 1 had; not the version itself."""
    found = {}
    with closing(sqlite3.connect(path)) as connection:
        for name, table in metadata.tables.items():
            if table is schema_version:
                continue
            columns = ", ".join(c.name for c in table.c if c is not uploads.c.load_id)
            rows = connection.execute(f"SELECT {columns} FROM {name}")  # noqa: S608
            found[name] = rows.fetchall()
    return found


def to_version_1(connection: sa.Connection) -> None:
    """Take complete tables back to what version 1 had."""
    connection.exec_driver_sql("ALTER TABLE uploads DROP COLUMN load_id")
    connection.execute(schema_version.update().values(version=1))
