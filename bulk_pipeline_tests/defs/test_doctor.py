"""What the doctor says of Dagster's instance, its daemon, its sensors and its runs."""

import os
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import dagster as dg
import pytest

from bulk_pipeline.adapters.doctor.apart import apart
from bulk_pipeline.adapters.doctor.daemons import daemons_of
from bulk_pipeline.core.findings import Area, Finding, Level
from bulk_pipeline.defs.operations.doctor import executor_findings, instance_findings
from bulk_pipeline_tests.adapters.harness import until


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A whole instance that nobody uses."""
    made = tmp_path / "instance"
    made.mkdir()
    dg.DagsterInstance.from_config(str(made)).dispose()
    return made


def found_in(folder: Path) -> list[Finding]:
    """What the doctor finds."""
    return apart(Area.DAGSTER, lambda: instance_findings(folder))


def files(folder: Path) -> set[str]:
    """Every file and folder."""
    return {str(path) for path in folder.rglob("*")}


def test_an_instance_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    """Two processes that make one at once spoil it."""
    [found] = found_in(tmp_path / "none")
    assert found.level is Level.OK
    (tmp_path / "history").mkdir()
    (tmp_path / "history/runs.db").touch()  # as another process begins
    [found] = found_in(tmp_path)
    assert found.level is Level.OK
    assert files(tmp_path) == {
        f"{tmp_path}/history",
        f"{tmp_path}/history/runs.db",
    }


def test_an_instance_is_looked_at_and_left_as_it_is(folder: Path) -> None:
    """`up` may be using it."""
    before = files(folder)
    found = found_in(folder)
    assert {finding.level for finding in found} == {Level.OK}
    assert any("No daemon has run" in finding.what for finding in found)
    assert files(folder) == before


@pytest.mark.parametrize("text", ["storage: 3", "a: [", "nonsense: 1", "- 1"])
def test_a_configuration_that_is_none_is_a_failure(folder: Path, text: str) -> None:
    """Whatever Dagster raises there, the other checks have been made."""
    (folder / "dagster.yaml").write_text(text)
    [found] = found_in(folder)
    assert found.level is Level.FAILURE
    assert "dagster.yaml" in found.cure


def test_tables_of_two_versions_or_a_damaged_file_are_a_failure(folder: Path) -> None:
    """Dagster's own message says nothing of what to do."""
    runs = folder / "history/runs.db"
    with closing(sqlite3.connect(runs)) as connection:
        connection.execute("INSERT INTO alembic_version VALUES ('other')")
        connection.commit()
    [found] = found_in(folder)
    assert "two versions" in found.what
    runs.write_text("no database " * 100)
    [found] = found_in(folder)
    assert found.level is Level.FAILURE
    assert "move" in found.cure


def test_a_daemon_is_known_by_its_instance(tmp_path: Path) -> None:
    """The daemon of another home is none of ours."""
    code = "import time; time.sleep(60)"
    command = [sys.executable, "-c", code, "dagster-daemon"]
    environment = {**os.environ, "DAGSTER_HOME": str(tmp_path)}
    process = subprocess.Popen(command, env=environment)
    try:
        assert until(lambda: daemons_of(tmp_path)) == [process.pid]
        assert not daemons_of(tmp_path / "other")
    finally:
        process.kill()
        process.wait()
    assert not daemons_of(tmp_path)


def test_a_daemon_that_has_ended_is_told_of(folder: Path) -> None:
    """Dropped files wait, and nothing else says so."""
    from dagster._daemon.types import DaemonHeartbeat  # noqa: PLC0415  # writes one

    with dg.DagsterInstance.from_config(str(folder)) as instance:
        for part in instance.get_required_daemon_types():
            beat = DaemonHeartbeat(time.time() - 7_200, part, "an id")
            instance.run_storage.add_daemon_heartbeat(beat)
    found = [each.what for each in found_in(folder) if each.level is Level.WARNING]
    assert found == ["No daemon runs: its last heartbeat came 2 h ago."]


def test_an_executor_that_is_none_is_a_failure(monkeypatch) -> None:
    """The code location would not load, and the daemon would stand still."""
    monkeypatch.setenv("BULK_PIPELINE_EXECUTOR", "many")
    [found] = apart(Area.SETTINGS, executor_findings)
    assert found.level is Level.FAILURE
