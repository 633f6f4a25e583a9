"""Fuzzes text files: any bytes are a table or a clear refusal, in bounded memory.

``python -m fuzz.fuzz_text CORPUS -max_total_time=60``; the options are libFuzzer's.
"""

import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["bulk_pipeline"]):
    from bulk_pipeline_tests.adapters.readers.text_laws import check_text

OPTIONS = ("-rss_limit_mb=1500", "-timeout=25", "-max_len=4096")


def fuzz() -> None:
    """Feed the reader until the time is over or a law is broken."""
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        path = Path(folder) / "dropped.csv"

        def read(data: bytes) -> None:
            path.write_bytes(data)
            check_text(path)

        atheris.Setup([sys.argv[0], *OPTIONS, *sys.argv[1:]], read)
        atheris.Fuzz()


if __name__ == "__main__":
    fuzz()
