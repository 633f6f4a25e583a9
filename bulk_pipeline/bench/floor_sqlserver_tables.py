"""What the floor of SQL Server puts its rows into: a schema of its own, then gone.

The tables in it are the project's own definitions, so their constraints, foreign keys
and indexes are those that a load meets. A floor that was killed leaves its schema,
``bulk_pipeline_floor_`` and eight more characters.
"""

import secrets
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import polars as pl
import sqlalchemy as sa
from sqlalchemy.schema import CreateSchema, DropSchema

from bulk_pipeline.adapters.databases.tsql import quoted
from bulk_pipeline.adapters.tables import (
    COUNTS,
    annual_predictions,
    companies,
    metadata,
    models,
    uploads,
)
from bulk_pipeline.core.schema import QUARTER, RATIOS, YEAR

PREFIX = "bulk_pipeline_floor_"
STORED_KEY = ("company_id", YEAR.name, QUARTER.name)
SCORES = ("probability", "risk_level", "confidence")

_TABLES = [companies, models, uploads, annual_predictions]


@dataclass(frozen=True, slots=True)
class FloorTables:
    """New and empty tables.

    Attributes:
        engine: statements about the project's tables go to those of the schema.
        schema: its name.
        heap: key, ratios and scores, without any constraint.
        bound: ids of a model and an upload that are there, and a moment.
    """

    engine: sa.Engine
    schema: str
    heap: sa.Table
    bound: dict[str, Any]

    def copy(self, table: sa.Table, rows: pl.DataFrame) -> int:
        """``bulkcopy_arrow`` into a table by names of columns, in one batch.

        Returns how many rows the server took.

        Args:
            table: the heap, or one of the project's.
            rows: its columns.
        """
        place = sa.Table(table.name, sa.MetaData(schema=self.schema))
        with self.engine.connect() as connection:
            raw: Any = connection.connection.driver_connection
            result = raw.cursor().bulkcopy_arrow(
                quoted(place),
                rows.to_arrow(),
                batch_size=0,
                timeout=0,
                column_mappings=rows.columns,
                table_lock=True,
                keep_nulls=True,
            )
        return int(result["rows_copied"])

    def insert(self) -> int:
        """Move the heap's rows into the table and commit; returns how many."""
        p = annual_predictions.c
        now = sa.bindparam("now", type_=p.created_at.type)
        added = {
            "model_id": sa.bindparam("model_id", type_=p.model_id.type),
            "upload_id": sa.bindparam("upload_id", type_=p.upload_id.type),
            "created_at": now,
            "updated_at": now,
        }
        names = [*self.heap.c.keys(), *added]
        rows = sa.select(*self.heap.c, *added.values())
        with self.engine.begin() as connection:
            insert = annual_predictions.insert().from_select(names, rows)
            return connection.execute(insert, self.bound).rowcount


@contextmanager
def floor_tables(url: sa.URL) -> Iterator[FloorTables]:
    """Make the schema and its tables, and drop them; what is there stays as it is.

    Args:
        url: of a login that may make a schema.
    """
    schema = PREFIX + secrets.token_hex(4)
    plain = sa.create_engine(url, poolclass=sa.NullPool, use_insertmanyvalues=False)
    engine = plain.execution_options(schema_translate_map={None: schema})
    kept = (annual_predictions.c[name] for name in (*STORED_KEY, *RATIOS, *SCORES))
    columns = (sa.Column(c.name, c.type, nullable=c.nullable) for c in kept)
    heap = sa.Table("heap", sa.MetaData(schema=schema), *columns)
    with ExitStack() as stack:
        stack.callback(plain.dispose)
        with plain.begin() as connection:
            connection.execute(CreateSchema(schema))
        stack.callback(_dropped, plain, schema)
        stack.callback(metadata.drop_all, engine, _TABLES)
        stack.callback(heap.drop, engine, checkfirst=True)
        metadata.create_all(engine, _TABLES)
        heap.create(engine, checkfirst=False)
        yield FloorTables(engine, schema, heap, _referenced(engine))


def _dropped(engine: sa.Engine, schema: str) -> None:
    with engine.begin() as connection:
        connection.execute(DropSchema(schema))


def _referenced(engine: sa.Engine) -> dict[str, Any]:
    """Enter the model and the upload that rows refer to; values for the INSERT."""
    now = datetime.now(UTC)
    model = {"name": "m", "sha256": "0" * 64, "kind": "k", "created_at": now}
    upload = {
        **dict.fromkeys(("upload_key", "batch_key", "file_name", "options"), "u"),
        **dict.fromkeys(COUNTS, 0),
        **dict.fromkeys(("first_loaded_at", "last_loaded_at"), now),
        "home_id": "0" * 32,
        "sha256": "0" * 64,
    }
    with engine.begin() as connection:
        connection.execute(models.insert().values(model))
        model_id = connection.scalar(sa.select(models.c.id))
        connection.execute(uploads.insert().values({**upload, "model_id": model_id}))
        upload_id = connection.scalar(sa.select(uploads.c.id))
    return {"now": now, "model_id": model_id, "upload_id": upload_id}
