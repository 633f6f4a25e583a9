"""Loaders that die at any named point: their batches are loaded once all the same."""

import ast
import signal
from pathlib import Path

import pytest

from bulk_pipeline.adapters import databases, loaders
from bulk_pipeline.adapters.crash_points import VARIABLE
from bulk_pipeline_tests.adapters.harness import ended, started, until, write_many
from bulk_pipeline_tests.adapters.sqlserver_faults.books import (
    require_books,
    require_loaded,
    require_stored,
    rows_in,
    scored,
    stages,
)

POINTS = [
    "stage created",
    "staged",
    "inserted",
    "receipts written",
    "before commit",
    "committed",
]
"""In the order of a load."""

PUBLISH = """
import os, sys
from pathlib import Path
from bulk_pipeline.adapters.chunks import ChunkHandle
from bulk_pipeline_tests.adapters.harness import Pipeline, installation_in
home, *folders = sys.argv[1:]
installation = installation_in(Path(home), DATABASE_URL=os.environ["DATABASE_URL"])
pipeline = Pipeline(installation)
for folder in folders:
    scores = ChunkHandle.open(Path(folder))
    published = pipeline.publish(scores, register=False)
    print(published.figures.rows_written, published.uploads[0].inserted, flush=True)
"""
"""Loads scored batches and writes what each wrote and what its upload has."""


def publishing(pipeline, *scores, **variables):
    """A process that loads scored batches one after the other."""
    folders = [each.directory for each in scores]
    home = pipeline.installation.home.root
    return started(PUBLISH, home, *folders, DATABASE_URL=pipeline.url, **variables)


def named_points() -> set[str]:
    """The names in calls of ``reached`` in whatever loads into SQL Server."""
    files = [
        *Path(databases.__path__[0]).glob("*.py"),
        *Path(loaders.__path__[0]).glob("sqlserver*.py"),
    ]
    return {
        node.args[0].value
        for file in files
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "reached"
    }


def test_every_named_point_is_one_of_these() -> None:
    """A point that is added to the loader is added to the kills."""
    assert named_points() == set(POINTS)


def test_a_load_killed_at_any_point_is_loaded_once_when_run_again(
    loads, tmp_path
) -> None:
    """Killed before the commit it has stored nothing, killed after it everything."""
    pipeline = loads()
    files, scores = [], []
    for number in range(len(POINTS)):
        companies = range(5 * number, 5 * number + 5)
        path = tmp_path / f"{number}.csv"
        files.append(write_many(path, companies, range(2000, 2002)))
        scores.append(scored(pipeline, files[-1]))
    for point, each in zip(POINTS, scores, strict=True):
        process = publishing(pipeline, each, **{VARIABLE: point})
        _, said = process.communicate(timeout=60)
        assert process.returncode == -signal.SIGKILL, (point, said)
        expected = rows_in(files[-1]) if point == "committed" else []
        until(lambda rows=expected: pipeline.stored() == rows, pause=0.05)
        assert stages(pipeline), "a killed load leaves its heaps"
    answers = ended(publishing(pipeline, *scores)).splitlines()
    assert answers == ["10 10"] * (len(POINTS) - 1) + ["0 10"]
    require_stored(pipeline, files)


def test_the_next_load_drops_what_a_killed_one_left(loads, tmp_path) -> None:
    """Any load does it, of whatever batch: nobody has to clean up."""
    pipeline = loads()
    killed = write_many(tmp_path / "killed.csv", range(5), range(2000, 2002))
    other = write_many(tmp_path / "other.csv", range(5, 10), range(2000, 2002))
    scores, others = scored(pipeline, killed), scored(pipeline, other)
    process = publishing(pipeline, scores, **{VARIABLE: "inserted"})
    process.communicate(timeout=60)
    assert len(stages(pipeline)) == 2
    require_loaded(pipeline.publish(others, register=False), 10)
    require_stored(pipeline, [other])
    require_loaded(pipeline.publish(scores, register=False), 10)
    require_stored(pipeline, [killed, other])


@pytest.mark.parametrize("point", ["stage created", "staged"])
def test_the_heaps_of_a_load_that_lives_are_left_to_it(
    loads, points, tmp_path, point
) -> None:
    """Another load that starts meanwhile must not take its rows away."""
    slow, quick = loads(home="slow"), loads(home="quick")
    files = [
        write_many(tmp_path / f"{n}.csv", range(5 * n, 5 * n + 5), range(2000, 2002))
        for n in range(2)
    ]
    waiting, passing = scored(slow, files[0]), scored(quick, files[1])
    kept = []

    def overtaken() -> None:
        """Let the other one load from beginning to end."""
        before = stages(slow)
        require_loaded(quick.publish(passing, register=False), 10)
        kept.extend([before, stages(slow)])

    points.at(point, overtaken)
    require_loaded(slow.publish(waiting, register=False), 10)
    assert kept[0]
    assert kept[0] == kept[1]
    assert slow.stored() == rows_in(*files)
    assert stages(slow) == []
    require_books(slow, quick)
