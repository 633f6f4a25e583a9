"""What a load into SQL Server costs beside the libraries' own calls.

    python benchmarks/sqlserver.py --url URL [--rows N] [--rounds K] [--json]

URL is ``mssql+mssqlpython://...`` of a database without tables, in which they are made
and dropped again. Each round takes, by turns: a load by the project's steps into empty
tables, the same file once more (``again``: every row is a duplicate), the same load by
hand, three pairs of staging and a bare bulk copy with one stream and with two, and the
ways that others use, into the same heap. Figures are medians of the rounds; so are
ratios, each of two figures taken one after the other. One more load is taken before,
in a process of its own, for its peak memory. A million rows and three rounds take
about five minutes.
"""

import argparse
import json
import multiprocessing
import os
import tempfile
from collections.abc import Mapping, Sequence
from itertools import chain
from pathlib import Path
from statistics import median
from typing import Any, cast

import sqlalchemy as sa
from sqlserver_copies import FAST, incoming_rows, peers, staging
from sqlserver_loads import fresh, whole

from bulk_pipeline.adapters.database import Database
from bulk_pipeline.adapters.databases.sqlserver import SqlServerBackend
from bulk_pipeline.adapters.home import Home
from bulk_pipeline.adapters.installation import Installation
from bulk_pipeline.adapters.journal import Journal
from bulk_pipeline.adapters.sample_files import write_sample
from bulk_pipeline.adapters.settings import Settings
from bulk_pipeline.adapters.tables import metadata
from bulk_pipeline.bench.floor_sqlserver import measure
from bulk_pipeline.core.dummy import DummyRequest

DRIVER = "mssql+mssqlpython"
WHOLE = 1000  # figures from here on are printed without a fraction


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--url", default=os.environ.get("DATABASE_URL"))
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    given = parser.parse_args()
    url = sa.make_url(given.url or parser.error("Give --url or set DATABASE_URL."))
    if url.drivername != DRIVER:
        parser.error(f"The URL must begin with {DRIVER}://")
    with tempfile.TemporaryDirectory() as folder:
        told = measured(url, Path(folder), given.rows, given.rounds)
    if given.json:
        print(json.dumps(told))
    else:
        show(told)


def measured(url: sa.URL, folder: Path, rows: int, rounds: int) -> dict[str, Any]:
    """All figures; leaves the database as it was."""
    installation = installed(url, folder / "home")
    if found := sa.inspect(installation.database.engine).get_table_names():
        raise SystemExit(
            f"The database has tables ({found[0]} ...). Name an empty one."
        )
    file = folder / "rows.csv"
    write_sample(DummyRequest(rows, None, 7, 0.0), file)
    told: dict[str, Any] = {
        "rows": rows,
        "rounds": rounds,
        "bytes": file.stat().st_size,
    }
    told["streams of a load"] = installation.settings.workers
    try:
        fresh(installation)
        told["peak_mib"] = in_a_process_of_its_own(url, folder / "alone", file)
        each = [one_round(installation, url, file) for _ in range(rounds)]
    finally:
        metadata.drop_all(installation.database.engine)
        installation.close()
    return told | medians(each)


def installed(url: sa.URL, home: Path) -> Installation:
    """An installation with default settings."""
    settings = Settings.from_environment(
        {
            "BULK_PIPELINE_HOME": str(home),
            "DATABASE_URL": url.render_as_string(hide_password=False),
        }
    )
    place = Home(settings.home)
    return Installation(
        settings, place, Database.from_settings(settings), Journal(place.journal)
    )


def in_a_process_of_its_own(url: sa.URL, home: Path, file: Path) -> float:
    """Peak memory of a load in MiB, without what measuring needs."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(peak_of_load, (url, home, file))


def peak_of_load(url: sa.URL, home: Path, file: Path) -> float:
    """Load once; returns MiB."""
    installation = installed(url, home)
    told, _ = whole(installation, file)
    installation.close()
    return float(told["peak_mib"])


def one_round(installation: Installation, url: sa.URL, file: Path) -> dict[str, Any]:
    """Everything once."""
    backend = cast("SqlServerBackend", installation.database.backend)
    fresh(installation)
    ours, request = whole(installation, file)
    again, _ = whole(installation, file)
    incoming = incoming_rows(backend, request)
    fresh(installation)
    floor = measure(file, url, incoming.rows.height)
    height = request.rows_per_insert
    copies = staging(url, installation.settings, incoming, height)
    others = peers(backend, url, next(incoming.staged(FAST)))
    load = ours["stages"]["load"] / (floor["copy"] + floor["insert"])
    return {
        "whole load": ours,
        "by hand": {"seconds": sum(floor.values()), **floor},
        "whole load / by hand": ours["seconds"] / sum(floor.values()),
        "load stage / copy and insert by hand": load,
        "again": again,
        "staging": copies,
        "others": others,
    }


def medians(rounds: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The median of each figure, group by group; of a ratio also the ends of its range.

    Where a round has a list of groups, each of them counts like a round.
    """
    told: dict[str, Any] = {}
    for name, first in rounds[0].items():
        values = [figures[name] for figures in rounds]
        if isinstance(first, Mapping):
            told[name] = medians(values)
            continue
        if isinstance(first, list):
            told[name] = medians(list(chain.from_iterable(values)))
            continue
        told[name] = median(values)
        if " / " in name:
            told[f"{name}, lowest"] = min(values)
            told[f"{name}, highest"] = max(values)
    return told


def show(told: Mapping[str, Any], depth: int = 0) -> None:
    """Print figures as an indented list."""
    for name, value in told.items():
        label = "  " * depth + name
        if isinstance(value, Mapping):
            print(label)
            show(value, depth + 1)
        else:
            print(f"{label:<48} {value:>14,.{2 if value < WHOLE else 0}f}")


if __name__ == "__main__":
    main()
