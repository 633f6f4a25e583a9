"""The process that loads in bulk: the one place where ADBC opens the data file.

It reads one JSON line, runs one publishing transaction and writes one JSON line. It
ends without a commit as soon as the process that started it is gone.
"""

import json
import os
import sys
import threading
from pathlib import Path
from typing import Any

from bulk_pipeline.adapters.disk_space import room_needed
from bulk_pipeline.adapters.failures import from_sqlite_text
from bulk_pipeline.adapters.loaders.sqlite_drivers import ArrowDriver
from bulk_pipeline.adapters.loaders.sqlite_publish import publish
from bulk_pipeline.adapters.loaders.wire import (
    error_to_json,
    request_from_json,
    result_to_json,
)
from bulk_pipeline.adapters.without_pandas import hide_pandas
from bulk_pipeline.core.errors import BulkPipelineError

ORPHANED = 3


def main() -> None:
    """Serve one request from standard input."""
    # Loaded while the request is still on its way; it takes as long as a small load.
    hide_pandas()
    import adbc_driver_sqlite.dbapi  # noqa: F401, PLC0415

    line = sys.stdin.readline()
    if not line.strip():
        return
    answered = threading.Event()
    threading.Thread(target=_end_with_parent, args=(answered,), daemon=True).start()
    _serve(json.loads(line), answered)


def _serve(job: dict[str, Any], answered: threading.Event) -> None:
    import adbc_driver_manager  # noqa: PLC0415

    try:
        driver = ArrowDriver(job["path"], job["busy_ms"], job["statements"])
        try:
            with room_needed(Path(job["request"]["conflicts"]).parent):
                result = publish(driver, request_from_json(job["request"]))
            answered.set()
            _say(result_to_json(result))
            driver.checkpoint()
        finally:
            driver.close()
    except BulkPipelineError as error:
        _say(error_to_json(error))
    except adbc_driver_manager.Error as error:
        _say(error_to_json(from_sqlite_text(str(error))))


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _end_with_parent(answered: threading.Event) -> None:
    """End at once, without a commit, when the process that asked is gone."""
    sys.stdin.read()
    if not answered.is_set():
        os._exit(ORPHANED)


if __name__ == "__main__":
    main()
