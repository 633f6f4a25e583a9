"""Fuzzes the parts of workbooks: each is a table or a clear refusal, within limits.

``python -m fuzz.fuzz_workbook CORPUS -max_total_time=60``; the options are libFuzzer's.
"""

import sys
import tempfile
from itertools import count
from pathlib import Path
from unittest import mock

import atheris

with atheris.instrument_imports(include=["bulk_pipeline", "xlrd"]):
    from bulk_pipeline.adapters.readers.workbooks import xlsx
    from bulk_pipeline_tests.adapters.readers.workbook_laws import (
        check_workbook,
        odd_error,
    )

from bulk_pipeline_tests.adapters.readers.forks import Forks
from bulk_pipeline_tests.adapters.readers.patched import patched

OPTIONS = ("-rss_limit_mb=1500", "-timeout=60", "-max_len=8192")
WHOLE_EVERY = 10
"""Inputs of which one is read as a file that was dropped; that takes much longer."""


def fuzz() -> None:
    """Feed the reader until the time is over or a law is broken."""
    numbers = count()
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder, Forks() as forks:
        path = Path(folder) / "dropped.csv"

        def read(data: bytes) -> None:
            if not data:
                return
            path.write_bytes(patched(data))
            # Half of them by the reader of large plain sheets, whatever their size.
            least = xlsx.LEAST_PLAIN_BYTES if len(data) % 2 else 1
            with mock.patch.object(xlsx, "LEAST_PLAIN_BYTES", least):
                odd = odd_error(path)
            if odd is not None or next(numbers) % WHOLE_EVERY == 0:
                check_workbook(path, forks)

        atheris.Setup([sys.argv[0], *OPTIONS, *sys.argv[1:]], read)
        atheris.Fuzz()


if __name__ == "__main__":
    fuzz()
