"""What the cells of a sheet refer to, found out when it is needed.

Runs only in the child process.
"""

import re
import threading

import numpy as np
import polars as pl
import pyarrow as pa

from bulk_pipeline.adapters.readers.workbooks.parts import Parts
from bulk_pipeline.adapters.readers.workbooks.plain.aside import TEXTS, Aside
from bulk_pipeline.adapters.readers.workbooks.plain.cells import NO_STYLE
from bulk_pipeline.adapters.readers.workbooks.plain.inline import refuse_like_numbers
from bulk_pipeline.adapters.readers.workbooks.plain.words import (
    Numbers,
    Truths,
    need,
)

_NUMBER = "1.5"
_CLAIMED = re.compile(rb"\buniqueCount\s*=\s*[\"']([0-9]+)")


class Shared:
    """The shared texts of a workbook; any thread may ask for them."""

    def __init__(self, parts: Parts, aside: Aside) -> None:
        self._parts = parts
        self._aside = aside
        self._lock = threading.Lock()
        self._texts: pa.Array | None = None

    def __call__(self) -> pa.Array:
        with self._lock:
            if self._texts is None:
                self._texts = self._read()
            return self._texts

    def _read(self) -> pa.Array:
        """Let fastexcel read them all, one a cell.

        There are at most as many as begin here; if there are fewer, it says so. It
        makes room for as many as the part claims to have, and has done so once.
        """
        if TEXTS not in self._parts:
            return pa.array([], pa.string())
        part = self._parts.whole(TEXTS)
        count = part.count(b"<si>") + part.count(b"<si ") + part.count(b"<si/>")
        claimed = _CLAIMED.search(part[: part.find(b"<si")])
        need(claimed is None or int(claimed[1]) <= count)
        numbers = pl.int_range(count, eager=True).cast(pl.String)
        cells = (' t="s"><v>' + numbers + "</v></c>").to_arrow().cast(pa.string())
        texts = self._aside.read(cells, texts=part).texts[0]
        refuse_like_numbers(texts)
        return texts


class Styles:
    """Which styles leave numbers as they are; any thread may ask for that."""

    def __init__(self, aside: Aside) -> None:
        self._aside = aside
        self._lock = threading.Lock()
        self._known: dict[int, bool] = {}

    def __call__(self, styles: Numbers) -> Truths:
        """Which of some styles do so; -1 stands for none."""
        counts = np.bincount(styles - NO_STYLE)
        found = np.flatnonzero(counts)
        leave = np.zeros(len(counts), np.bool_)
        with self._lock:
            new = [s for s in (found + NO_STYLE).tolist() if s not in self._known]
            if new:
                attributes = ["" if s == NO_STYLE else f' s="{s}"' for s in new]
                cells = pa.array([f"{a}><v>{_NUMBER}</v></c>" for a in attributes])
                texts = self._aside.read(cells).texts[0].to_pylist()
                self._known |= {
                    style: text == _NUMBER
                    for style, text in zip(new, texts, strict=True)
                }
            leave[found] = [self._known[s] for s in (found + NO_STYLE).tolist()]
        found_leave: Truths = leave[styles - NO_STYLE]
        return found_leave
