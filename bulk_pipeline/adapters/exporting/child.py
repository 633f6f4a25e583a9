"""The process that reads many rows for an export, by ADBC's SQLite and no other.

It reads JSON lines: first where the file is, then a query each. It answers a query with
an empty line and an Arrow stream, or with its error as a line, and then ends. It ends
with its input, too. All queries see the file as it was at the first one.
"""

import json
import sys
from typing import Any
from urllib.parse import quote

from bulk_pipeline.adapters.failures import from_sqlite_text
from bulk_pipeline.adapters.without_pandas import hide_pandas

_ONE_BATCH = {"adbc.sqlite.query.batch_rows": "2000000"}
"""More rows than a page has: the driver guesses types from the first batch."""


def main() -> None:
    """Serve one export from standard input."""
    hide_pandas()
    import adbc_driver_manager  # noqa: PLC0415  # pyarrow looks for pandas at once
    from adbc_driver_sqlite import dbapi  # noqa: PLC0415

    line = sys.stdin.readline()
    if not line:
        return
    job = json.loads(line)
    try:
        file = f"file:{quote(job['path'])}?{job.get('access', 'mode=ro')}"
        with dbapi.connect(file, autocommit=True) as connection:
            patience = f"PRAGMA busy_timeout = {int(job['busy_ms'])}"
            for command in (patience, "PRAGMA query_only = ON", "BEGIN"):
                with connection.cursor() as cursor:
                    cursor.execute(command)
                    cursor.fetchall()
            for query in sys.stdin:
                _answer(connection, *json.loads(query))
    except adbc_driver_manager.Error as error:
        from bulk_pipeline.adapters.loaders.wire import (  # noqa: PLC0415
            error_to_json,  # brings polars along
        )

        sys.stdout.write(error_to_json(from_sqlite_text(str(error))) + "\n")


def _answer(connection: Any, text: str, parameters: list[Any]) -> None:
    from pyarrow import ipc  # noqa: PLC0415

    with connection.cursor(adbc_stmt_kwargs=_ONE_BATCH) as cursor:
        cursor.execute(text, parameters)
        table = cursor.fetch_arrow_table()
    out = sys.stdout.buffer
    out.write(b"\n")
    with ipc.new_stream(out, table.schema) as stream:
        stream.write_table(table)
    out.flush()


if __name__ == "__main__":
    main()
