"""Where the rows of an export come from: a connection, or a process that reads.

Python's SQLite makes an object of each value, which takes most of the time of a large
export. ADBC's makes columns, but may not share a process with it (see
``loaders/sqlite_drivers``), so it gets one of its own.
"""

import contextlib
import json
import logging
import subprocess
import sys
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar, Protocol

import polars as pl
import sqlalchemy as sa
from sqlalchemy.dialects.sqlite.base import SQLiteDialect

from bulk_pipeline.adapters.database import Database
from bulk_pipeline.core.errors import TransientError

Types = dict[str, pl.DataType]
_END_SECONDS = 10
logger = logging.getLogger(__name__)


class Source(Protocol):
    """Queries of one transaction.

    Attributes:
        apart: whether another process works on them, so that it pays to ask for the
            next rows while those before are written. Never by two threads at once.
    """

    apart: ClassVar[bool]

    def frame(self, query: sa.Select[Any], types: Types) -> pl.DataFrame:
        """The result of a query as columns of these names and types, in their order."""


class FromConnection:
    """Queries over a connection of the pool."""

    apart: ClassVar[bool] = False

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def frame(self, query: sa.Select[Any], types: Types) -> pl.DataFrame:
        # Values come from the driver as they are: objects of SQLAlchemy for each row,
        # and of Python for each moment, would double the time.
        cursor: Any = self._connection.execute(query).cursor
        if hasattr(cursor, "arrow"):
            return _typed(pl.DataFrame(cursor.arrow()), types)
        rows: Sequence[Any] = cursor.fetchall()
        columns = zip(*rows, strict=True) if rows else ((),) * len(types)
        pairs = zip(types, columns, strict=True)
        return _typed(pl.DataFrame([_series(n, c, types[n]) for n, c in pairs]), types)


class FromProcess:
    """Queries to an ``child``."""

    apart: ClassVar[bool] = True

    def __init__(self, child: "subprocess.Popen[bytes]") -> None:
        if child.stdin is None or child.stdout is None:
            raise AssertionError  # both were asked for
        self._child, self._asked, self._said = child, child.stdin, child.stdout

    def frame(self, query: sa.Select[Any], types: Types) -> pl.DataFrame:
        """See ``Source``.

        Raises:
            BulkPipelineError: SQLite refused; the class tells whether again may help.
            TransientError: the process is gone.
        """
        import pyarrow as pa  # noqa: PLC0415  # 0.1 s, which few rows need not pay

        with contextlib.suppress(OSError, pa.ArrowInvalid):  # it is gone; told below
            self.send(_plain(query))
            line = self._said.readline()
            if line == b"\n":
                with pa.ipc.open_stream(self._said) as stream:
                    return _typed(pl.DataFrame(stream.read_all()), types)
            if line:
                from bulk_pipeline.adapters.loaders.wire import (  # noqa: PLC0415
                    result_from_json,  # for an error alone
                )

                result_from_json(line.decode())
        trouble = self._child.communicate()[1].decode().strip().splitlines()
        raise TransientError(
            f"The process that reads the rows ended with code {self._child.returncode} "
            f"({trouble[-1] if trouble else 'it said nothing'}). Export again; if it "
            "ends again, look whether memory runs out."
        )

    def send(self, document: Any) -> None:
        """One line to the process."""
        self._asked.write(json.dumps(document).encode() + b"\n")
        self._asked.flush()


@contextlib.contextmanager
def reading_process(database: Database) -> Iterator[Source]:
    """A process with one transaction on an SQLite file; it ends with the block."""
    child = subprocess.Popen(  # our own module, no text from outside
        [sys.executable, "-P", "-m", "bulk_pipeline.adapters.exporting.child"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    busy_ms = int(database.settings.busy_seconds * 1000)
    try:
        source = FromProcess(child)
        access = database.access  # another one as soon as it is open
        job = {"path": str(database.path), "access": access, "busy_ms": busy_ms}
        source.send(job)
        yield source
        if access != "mode=ro":
            # A connection that is not closed would leave its log beside the copy.
            child.communicate(timeout=_END_SECONDS)
    except subprocess.TimeoutExpired:
        logger.warning("The process that read the rows did not end by itself.")
    finally:
        child.kill()  # it only reads
        child.communicate()


def _plain(query: sa.Select[Any]) -> tuple[str, list[Any]]:
    """A query of SQLite's and its parameters, numbers and texts."""
    compiled = query.compile(
        dialect=SQLiteDialect(paramstyle="qmark"),
        compile_kwargs={"render_postcompile": True},
    )
    names: Sequence[str] = getattr(compiled, "positiontup", None) or ()
    return str(compiled), [compiled.params[name] for name in names]


def _series(name: str, values: Sequence[Any], kind: pl.DataType) -> pl.Series:
    """One column of a driver's rows; moments are numbers or datetimes without zone."""
    if isinstance(kind, pl.Datetime):
        return pl.Series(name, values)
    sent = pl.String() if isinstance(kind, pl.Enum) else kind
    return pl.Series(name, values, dtype=sent)


def _typed(arrived: pl.DataFrame, types: Types) -> pl.DataFrame:
    arrived.columns = list(types)
    return arrived.select(_cast(pl.col(name), kind) for name, kind in types.items())


def _cast(column: pl.Expr, kind: pl.DataType) -> pl.Expr:
    if isinstance(kind, pl.Datetime):
        return column.cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
    return column.cast(kind)
