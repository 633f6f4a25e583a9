"""Results of benchmarks in one growing CSV file: a line for each part of each round.

Raw figures and no medians: whoever looks at them later may want another summary.
"""

import csv
import io
import os
import platform
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from bulk_pipeline.bench.figures import Cost, Part
from bulk_pipeline.core.errors import ConfigurationError

COLUMNS = (
    "measured_at",
    "version",
    "python",
    "cores",
    "format",
    "database",
    "rows",
    "round",
    "part",
    "seconds",
    "cpu_seconds",
    "peak_memory_bytes",
    "floor_seconds",
    "ratio",
)
"""``measured_at`` (UTC) is that of the whole sitting; ``database`` is a kind."""
PEER = "peer: "
"""Before the name of a peer in the column ``part``."""


@dataclass(frozen=True, slots=True)
class Measured:
    """Parts of one round, for the record.

    Attributes:
        rows: rows of the file.
        round: 1, 2 ...
        parts: what was measured.
    """

    rows: int
    round: int
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Record:
    """The file that results of one sitting are appended to.

    Attributes:
        path: the file; made with its folder where it is missing.
        format: of the input.
        database: kind of the target.
        measured_at: when the sitting began.
    """

    path: Path
    format: str
    database: str
    measured_at: datetime

    @classmethod
    def open(cls, path: Path, file_format: str, database: str) -> "Record":
        """The record of a sitting that begins now.

        Raises:
            ConfigurationError: the file has other columns, or cannot be written.
        """
        record = cls(path, file_format, database, datetime.now(UTC))
        record.append([])
        return record

    def append(self, measured: Iterable[Measured]) -> None:
        """Append a line for each part, all at once; the header comes first, once.

        Raises:
            ConfigurationError: the file has other columns, or cannot be written.
        """
        lines = [self._line(one, part) for one in measured for part in one.parts]
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("a+", encoding="utf-8", newline="") as file:
                file.seek(0)
                header = next(csv.reader(file), None)
                self._require(header)
                text = io.StringIO(newline="")
                writer = csv.writer(text, lineterminator="\n")
                writer.writerows([*([] if header else [COLUMNS]), *lines])
                file.write(text.getvalue())
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigurationError(
                f"{self.path} cannot take the results ({error}). Name another file by "
                "--record."
            ) from error

    def _require(self, header: list[str] | None) -> None:
        if header is not None and header != [*COLUMNS]:
            raise ConfigurationError(
                f"{self.path} is no record of this benchmark: its columns are "
                f"{', '.join(header)[:200]}, not {', '.join(COLUMNS)}. Name another "
                "file by --record."
            )

    def _line(self, measured: Measured, part: Part) -> list[Any]:
        return [
            self.measured_at.isoformat(timespec="seconds"),
            version("bulk-pipeline"),
            platform.python_version(),
            os.cpu_count(),
            self.format,
            self.database,
            measured.rows,
            measured.round,
            part.name,
            *(_number(value) for value in _figures(part)),
        ]


def _figures(part: Part) -> tuple[float | None, ...]:
    cost: Cost = part.cost
    return (
        cost.seconds,
        cost.cpu_seconds,
        cost.peak_memory_bytes,
        part.floor_seconds,
        part.ratio,
    )


def _number(value: float | None) -> str:
    """A figure as the file has it: nothing where it is not known."""
    if value is None:
        return ""
    return str(value) if isinstance(value, int) else f"{value:.6f}"
