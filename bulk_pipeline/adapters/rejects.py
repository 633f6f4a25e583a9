"""Reject files: every row of an upload that was not stored as it stands, and why."""

from pathlib import Path

import polars as pl

from bulk_pipeline.adapters.atomic import PARTIAL
from bulk_pipeline.adapters.chunks import MANIFEST, ChunkHandle
from bulk_pipeline.adapters.crash_points import reached
from bulk_pipeline.adapters.home import Home
from bulk_pipeline.adapters.reading import REJECTS
from bulk_pipeline.adapters.reject_files import CSV, write_rejects
from bulk_pipeline.adapters.reports import UploadReading, read_readings
from bulk_pipeline.core.cleaning import REASONS
from bulk_pipeline.core.duplicates import CONFLICT_SCHEMA
from bulk_pipeline.core.export import safe_text
from bulk_pipeline.core.schema import KEY, RATIOS

FILE_CONFLICTS = "conflicts-in-file.arrow"
STORED_CONFLICTS = "conflicts-stored.arrow"
CONFLICT_REASON = (
    "Another row with the same company, year and quarter counts; the named ratios "
    "differ from it."
)
OWN_COLUMNS = ("line", "outcome", "column", "reason", "value", "kept_value", "kept_in")


def write_reject_files(home: Home, batch: str, suffix: str = CSV) -> dict[str, Path]:
    """Write the reject file of each upload of a batch that has something to list.

    Safe to call again: a file is replaced whole, or removed where nothing is left to
    list.

    Args:
        home: where the batch was read.
        batch: its key.
        suffix: the format, ``.csv`` or ``.xlsx``.

    Returns:
        Upload key → file. Its columns are line, outcome (``rejected``,
        ``duplicate_conflicting``), column, reason, value, kept_value, kept_in, and
        the row as it stood under the file's own headers.
    """
    folder, target = home.chunks(batch), home.rejects(batch)
    found = _conflicts(folder).partition_by("upload", as_dict=True)
    written = {}
    for reading in read_readings(folder):
        conflicting = found.get((reading.number,))
        if not reading.rejected and conflicting is None:
            continue
        parts = [_rejected(folder, reading)]
        if conflicting is not None:
            parts.append(_conflicting(conflicting, reading))
        if not any(part.height for part in parts):
            continue
        rows = pl.concat([p for p in parts if p.height], how="diagonal")
        written[reading.key] = target / f"{reading.key}{suffix}"
        target.mkdir(parents=True, exist_ok=True)
        write_rejects(_cells(rows.sort("line")), written[reading.key])
        reached("reject file written")
    _remove_others(target, {path.name for path in written.values()}, suffix)
    return written


def _remove_others(folder: Path, names: set[str], suffix: str) -> None:
    """Remove what an earlier attempt listed, or left half-written when it was killed.

    Files of another format, which somebody asked for, are not ours to judge.
    """
    if not folder.exists():
        return
    for path in folder.iterdir():
        ours = path.suffix == suffix or path.name.endswith(PARTIAL)
        if ours and path.name not in names:
            path.unlink()


def _conflicts(folder: Path) -> pl.DataFrame:
    """All conflicts of a batch that its steps have listed so far."""
    paths = [folder / name for name in (FILE_CONFLICTS, STORED_CONFLICTS)]
    frames = [pl.read_ipc(path) for path in paths if path.exists()]
    return pl.concat([pl.DataFrame(schema=CONFLICT_SCHEMA), *frames])


def _rejected(folder: Path, reading: UploadReading) -> pl.DataFrame:
    """Rows that cleaning rejected, under the headers of their file."""
    directory = folder / REJECTS / f"{reading.number:05}"
    if not reading.rejected or not (directory / MANIFEST).exists():
        return pl.DataFrame()
    rows = pl.concat(list(ChunkHandle.open(directory).frames()), how="diagonal")
    places = [name for name in rows.columns if name.startswith("column_")]
    sentence = pl.col("reason").replace_strict(list(REASONS), list(REASONS.values()))
    return rows.select(
        "line",
        outcome=pl.lit("rejected"),
        column="column",
        reason=pl.concat_str("reason", pl.lit(": "), sentence),
        value="value",
        kept_value=pl.lit(""),
        kept_in=pl.lit(""),
        **{f"{n}\0{reading.columns[n]}": pl.col(p) for n, p in enumerate(places)},
    )


def _conflicting(rows: pl.DataFrame, reading: UploadReading) -> pl.DataFrame:
    """Conflicting duplicates with both values of each ratio that differs."""
    differs = {n: pl.col(n).ne_missing(pl.col(f"{n}_kept")) for n in RATIOS}
    ours = [pl.when(d).then(_shown(pl.col(n))) for n, d in differs.items()]
    kept = [pl.when(d).then(_shown(pl.col(f"{n}_kept"))) for n, d in differs.items()]
    names = [pl.when(d).then(pl.lit(n)) for n, d in differs.items()]
    in_file = pl.format("line {} of this file", "kept_line")
    stored = pl.format("upload {}", "kept_upload")
    places = {reading.header[n]: n for n in KEY if n in reading.header}
    listed = {header: place for place, header in enumerate(reading.columns)}
    return rows.select(
        "line",
        outcome=pl.lit("duplicate_conflicting"),
        column=pl.concat_str(names, separator="; ", ignore_nulls=True),
        reason=pl.lit(f"conflicting: {CONFLICT_REASON}"),
        value=pl.concat_str(ours, separator="; ", ignore_nulls=True),
        kept_value=pl.concat_str(kept, separator="; ", ignore_nulls=True),
        kept_in=pl.coalesce(in_file, stored),
        **{
            f"{listed[header]}\0{header}": pl.col(name).cast(pl.String)
            for header, name in places.items()
        },
    )


def _shown(ratio: pl.Expr) -> pl.Expr:
    return ratio.cast(pl.String).fill_null("missing")


def _cells(rows: pl.DataFrame) -> pl.DataFrame:
    """The table as texts that are safe to open in a spreadsheet, its header first."""
    originals = [name for name in rows.columns if name not in OWN_COLUMNS]
    originals.sort(key=lambda name: int(name.split("\0")[0]))
    names = [*OWN_COLUMNS, *originals]
    header = pl.DataFrame({name: [name.split("\0", 1)[-1]] for name in names})
    texts = rows.select(pl.col(name).cast(pl.String) for name in names)
    safe = (safe_text(pl.col(name)).alias(name) for name in names)
    return pl.concat([header, texts]).select(safe)
