"""One file that workers on several machines score while one of them dies."""

import contextlib
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import dagster as dg

from bulk_pipeline.core.schema import RATIOS
from bulk_pipeline_tests.cli.command import bulk_pipeline
from bulk_pipeline_tests.scale.cluster import Cluster, Kind, kill_all, until
from bulk_pipeline_tests.scale.machines import can_be_made, machine

STEP = "batch_predictions.score_chunk"
SERVERS = (
    "BULK_PIPELINE_CELERY_BROKER",
    "DAGSTER_POSTGRES_HOST",
    "AWS_ENDPOINT_URL",
)
"""Variables that say where on this machine a server is."""
VALUES = (*RATIOS, "probability", "risk_level", "confidence")
STORED = f"""
SELECT c.symbol, p.reporting_year, p.reporting_quarter, {", ".join(VALUES)}
FROM annual_predictions p
JOIN companies c ON c.id = p.company_id
JOIN uploads u ON u.id = p.upload_id
WHERE u.file_name = ?
ORDER BY 1, 2, 3
"""  # noqa: S608  # our own names


@contextlib.contextmanager
def scorers(cluster: Cluster, count: int) -> Iterator[list]:
    """Workers of `score` that have neither the home nor the address of its database.

    Each has a network of its own where such can be made, and cannot see the home.
    """
    servers = {n: cluster.environment[n] for n in SERVERS if n in cluster.environment}
    ports = [int(cluster.environment["DAGSTER_POSTGRES_PORT"])]
    ports += [port for url in servers.values() if (port := urlsplit(url).port)]
    hidden = [cluster.up.home, Path(cluster.environment["DAGSTER_HOME"])]
    apart = can_be_made()
    with contextlib.ExitStack() as started:
        found = []
        for number in range(count):
            variables = {"BULK_PIPELINE_HOME": "", "BULK_PIPELINE_MODEL": ""}
            inside: list[str] = []
            if apart:
                there = started.enter_context(machine(number, hidden, ports))
                inside = list(there.inside)
                variables |= {
                    name: url.replace("127.0.0.1", there.host)
                    for name, url in servers.items()
                }
            worker = cluster.worker("score", inside=inside, **variables)
            found.append(started.enter_context(worker))
        yield found


def require_whole_and_once(cluster: Cluster, folder: Path, rows: int) -> None:
    """Have a file scored by two workers of which one dies half-way.

    Args:
        cluster: the pipeline.
        folder: for the file, and for a home that loads it alone.
        rows: of the file.
    """
    file = folder / f"shared{rows}.csv"
    made = bulk_pipeline("generate", "--rows", rows, "--seed", "7", "--out", file)
    assert made.returncode == 0, made.stderr
    with cluster.worker("home,read,load"), scorers(cluster, 2) as workers:
        cluster.up.drop(file)
        run = str(until(lambda: cluster.run_of(file.name)))
        victim = until(lambda: second_span_of_one(cluster, run), 600)
        doomed = next(w for w in workers if f"-{pid_in(victim)}@" in f"-{w.pid}@")
        kill_all(doomed)
        until(lambda: cluster.status(run) is dg.DagsterRunStatus.SUCCESS, 900)
        takers = cluster.takers(run, STEP)
    alone = folder / "alone"
    environment = {"BULK_PIPELINE_HOME": str(alone), "DAGSTER_HOME": str(alone / "d")}
    environment["BULK_PIPELINE_MODEL"] = cluster.environment["BULK_PIPELINE_MODEL"]
    loaded = bulk_pipeline("ingest", file, **environment)
    assert loaded.returncode == 0, loaded.stderr

    names = {name for taken in takers.values() for name in taken}
    assert len(names) == 2
    assert max(map(len, takers.values())) == 2  # one span was given out again
    scored = [str(e.step_key) for e in cluster.events(run, Kind.STEP_SUCCESS)]
    assert sorted(s for s in scored if s.startswith(STEP)) == sorted(takers)
    assert rows_in(cluster.up.home, file.name) == rows_in(alone, file.name)
    assert len(rows_in(alone, file.name)) == rows


def second_span_of_one(cluster: Cluster, run: str) -> str:
    """A worker that has done a span and has begun another one, "" before."""
    ended = {str(e.step_key) for e in cluster.events(run, Kind.STEP_SUCCESS)}
    begun = {str(e.step_key) for e in cluster.events(run, Kind.STEP_START)}
    takers = {step: names[-1] for step, names in cluster.takers(run, STEP).items()}
    done = {takers[step] for step in takers if step in ended}
    for step, name in takers.items():
        if step in begun - ended and name in done and len(set(takers.values())) == 2:
            return name
    return ""


def pid_in(worker: str) -> str:
    """Process id in the name of a worker."""
    return worker.split("@", maxsplit=1)[0].rsplit("-", 1)[1]


def rows_in(home: Path, file: str) -> list[tuple]:
    """Rows that an upload of a file stored, floats as they are."""
    with closing(sqlite3.connect(home / "bulk_pipeline.db")) as connection:
        return connection.execute(STORED, (file,)).fetchall()
