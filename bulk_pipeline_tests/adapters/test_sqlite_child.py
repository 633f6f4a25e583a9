"""The process that loads SQLite in bulk: it ends with its run, and tells all."""

import contextlib
import json
import os
import subprocess
import threading
import time
from dataclasses import replace

import psutil
import pytest

from bulk_pipeline.adapters import publishing
from bulk_pipeline.adapters.chunks import ChunkHandle
from bulk_pipeline.adapters.loaders import sqlite
from bulk_pipeline.adapters.loaders.base import LoadResult, UploadOutcome
from bulk_pipeline.adapters.loaders.sqlite import _start_child
from bulk_pipeline.adapters.loaders.wire import (
    error_to_json,
    request_from_json,
    request_to_json,
    result_from_json,
    result_to_json,
)
from bulk_pipeline.adapters.publishing import publish_batch, register_batch
from bulk_pipeline.adapters.reading import ROWS
from bulk_pipeline.adapters.reports import read_readings
from bulk_pipeline.core.errors import (
    ConfigurationError,
    PermanentError,
    TransientError,
)
from bulk_pipeline_tests.adapters.harness import (
    BULK_CHILD,
    bulk_children,
    counts,
    ended,
    killed_at_the_end,
    started,
    until,
    write_many,
)
from bulk_pipeline_tests.adapters.looking import SqliteView
from bulk_pipeline_tests.adapters.processes import (
    go,
    loading,
    nothing_visible,
    scored_batch,
    stopped_while_writing,
)


def test_a_killed_bulk_child_leaves_nothing(make, tmp_path) -> None:
    """The kernel kills what takes too much memory; half a load must not stay."""
    pipeline = make(BULK_CHILD, BULK_PIPELINE_RETRIES="1")
    file = write_many(tmp_path / "many.csv", range(250), range(1900, 2000))
    batch = pipeline.land(file)
    scores = pipeline.score(pipeline.read(batch.key))

    def kill_it() -> None:
        """Kill the child while it holds the lock."""
        (child,) = until(lambda: bulk_children(os.getpid()))
        until(lambda: child.num_threads() > 1)
        # Registering the companies takes the lock too; only the load is long.
        until(lambda: pipeline.value("SELECT count(*) FROM companies") == 250)
        stopped_while_writing(child.pid, pipeline.seen).kill()

    killer = threading.Thread(target=kill_it)
    killer.start()
    with pytest.raises(TransientError, match=r"killed by signal 9.*again\."):
        pipeline.publish(scores)
    killer.join()
    assert nothing_visible(pipeline.seen)
    states = [report.state for report in pipeline.installation.journal.uploads()]
    assert states == ["claimed"]
    again = pipeline.publish(scores)
    assert counts(again.uploads[0]) == (25_000, 25_000, 0, 0, 0, 0)
    assert pipeline.predictions() == 25_000


def test_a_run_killed_while_its_child_waits_takes_the_child_along(
    make, tmp_path
) -> None:
    """A child that went on alone would store a batch that is being run again."""
    file = write_many(tmp_path / "few.csv", range(5), range(1990, 2000))
    pipeline = make(BULK_CHILD)
    process, _ = loading(pipeline, file)
    with killed_at_the_end(process), contextlib.ExitStack() as stack:
        go(process)
        until(lambda: pipeline.value("SELECT count(*) FROM companies") == 5)
        stack.enter_context(pipeline.seen.holding())
        children = until(lambda: bulk_children(process.pid))
        time.sleep(0.5)
        process.kill()
        process.wait()
        _, alive = psutil.wait_procs(children, timeout=20)
    assert not alive
    assert pipeline.predictions() == 0


def test_a_bulk_child_that_cannot_write_stores_nothing(tmp_path) -> None:
    """A full disk in the other process comes back as a sentence, not as a traceback."""
    file = write_many(tmp_path / "many.csv", range(50), range(1900, 2000))
    program = """
import resource, sys
from pathlib import Path
from bulk_pipeline.core.errors import PermanentError
from bulk_pipeline_tests.adapters.harness import Pipeline, installation_in
pipeline = Pipeline(installation_in(Path(sys.argv[1])), 1)
batch = pipeline.land(Path(sys.argv[2]))
scores = pipeline.score(pipeline.read(batch.key))
path = pipeline.installation.database.path
limit = path.stat().st_size + 300_000
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
try:
    pipeline.publish(scores)
except PermanentError as error:
    print(error)
"""
    said = ended(started(program, tmp_path / "home", file))
    assert said.startswith("The database refused"), said
    assert "disk" in said
    assert nothing_visible(SqliteView(tmp_path / "home/bulk_pipeline.db"))


def test_a_bulk_child_refuses_what_is_no_database(make, tmp_path) -> None:
    """The other process reports in the same words as this one."""
    pipeline = make(BULK_CHILD)
    scores = scored_batch(pipeline, tmp_path)
    pipeline.close()
    path = pipeline.installation.database.path
    for part in path.parent.glob(f"{path.name}*"):
        part.unlink()
    path.write_text("company_symbol\n" * 400)
    with pytest.raises(PermanentError, match="Name another one in DATABASE_URL"):
        pipeline.publish(scores, register=False)
    assert path.read_text().startswith("company_symbol\n")


def test_a_loader_that_was_not_used_leaves_no_process(make) -> None:
    """A run that fails before its load must not leave an idle process behind."""
    pipeline = make(BULK_CHILD)
    loader = pipeline.loader()
    loader.prepare(10)
    (child,) = until(lambda: bulk_children(os.getpid()))
    loader.close()
    assert not child.is_running()
    loader.close()


def test_a_bulk_child_ends_well(make, tmp_path, monkeypatch) -> None:
    """A child that ends in a crash after its commit would fill the log with alarm."""
    children: list[subprocess.Popen[str]] = []

    def remembered() -> "subprocess.Popen[str]":
        """A child as the loader starts it."""
        children.append(_start_child())
        return children[-1]

    monkeypatch.setattr(sqlite, "_start_child", remembered)
    pipeline = make(BULK_CHILD)
    scores = scored_batch(pipeline, tmp_path)
    register_batch(
        pipeline.installation, ChunkHandle.open(scores.directory.parent / ROWS)
    )
    loader = pipeline.loader()
    loader.prepare(scores.rows)
    publish_batch(pipeline.installation, loader, scores, "run")
    (child,) = children
    time.sleep(1)  # it may end before it is told to, since it has nothing left to do
    loader.close()
    assert child.returncode == 0


def test_the_bulk_child_imports_nothing_it_does_not_need() -> None:
    """Every import is paid for by the load that waits for it."""
    program = (
        "import sys, bulk_pipeline.adapters.loaders.sqlite_child;"
        "print([n for n in ('sqlalchemy', 'stamina', 'pydantic') if n in sys.modules])"
    )
    assert ended(started(program)).strip() == "[]"


def test_a_request_and_its_answer_survive_the_way(make, tmp_path) -> None:
    """What the other process loads must be what this one asked for, to the last id."""
    pipeline = make()
    scores = scored_batch(pipeline, tmp_path)
    folder = scores.directory.parent
    batch = pipeline.batch(folder.name)
    readings = read_readings(folder)
    request = publishing._request(pipeline.installation, batch, readings, scores)
    document = json.loads(json.dumps(request_to_json(request)))
    found = request_from_json(document)
    assert found.companies.equals(request.companies)
    assert replace(found, companies=request.companies) == request
    empty = replace(request, rows=None, scores=None)
    again = request_from_json(request_to_json(empty))
    assert (again.rows, again.scores) == (None, None)
    result = LoadResult((UploadOutcome("k", 1, 6, 1, 2, 2, 1, 1),), 3, 0.5)
    assert result_from_json(result_to_json(result)) == result


@pytest.mark.parametrize("kind", [PermanentError, TransientError, ConfigurationError])
def test_an_error_of_the_other_process_keeps_its_class(kind) -> None:
    """Whether a retry helps is known by the class alone."""
    with pytest.raises(kind, match="what to do") as raised:
        result_from_json(error_to_json(kind("what to do")))
    assert type(raised.value) is kind
