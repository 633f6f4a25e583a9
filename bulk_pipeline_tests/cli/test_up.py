"""Laws of ``bulk-pipeline up`` when something of it is killed or started twice."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from bulk_pipeline_tests.adapters.harness import until
from bulk_pipeline_tests.builders import rows_of, write_csv
from bulk_pipeline_tests.cli.command import bulk_pipeline
from bulk_pipeline_tests.ports import free_port
from bulk_pipeline_tests.running_up import Up, running_up

MEMBERS = {
    "code server": "api grpc",
    "webserver": "dagster-webserver",
    "daemon": "dagster-daemon",
}


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    """One ``bulk-pipeline up`` for all tests of this module; the last one kills it."""
    with running_up(tmp_path_factory.mktemp("up") / "home") as found:
        yield found


def member(up: Up, name: str) -> psutil.Process:
    """The process of a name that runs now."""
    return until(lambda: _children(up.process.pid, MEMBERS[name]))[0]


def _children(pid: int, text: str) -> list[psutil.Process]:
    """Direct children whose command line holds a text."""
    found = psutil.Process(pid).children()
    return [child for child in found if text in " ".join(_line(child))]


def _line(process: psutil.Process) -> list[str]:
    """A command line; nothing of a process that is gone."""
    try:
        return process.cmdline()
    except psutil.NoSuchProcess:
        return []


def loaded(up: Up, folder: Path, name: str) -> int:
    """Rows stored of a dropped file, once its run has ended."""
    up.drop(write_csv(folder / name, rows_of([name], range(2001, 2004))))
    up.ended_batch(name)
    [(rows,)] = up.query(
        "SELECT count(*) FROM annual_predictions JOIN uploads"
        " ON uploads.id = upload_id WHERE file_name = ?",
        name,
    )
    return int(rows)


def test_a_second_one_on_the_same_home_names_the_first(up: Up) -> None:
    """Two daemons would start every batch twice."""
    second = bulk_pipeline("up", "--port", free_port(), BULK_PIPELINE_HOME=str(up.home))

    assert second.returncode == 2
    assert f"process {up.process.pid}, http://127.0.0.1:{up.port}" in second.stderr
    assert str(up.home) in second.stderr
    assert "BULK_PIPELINE_HOME" in second.stderr
    assert second.stdout == ""


def test_whatever_dies_by_itself_is_started_again(up: Up, tmp_path: Path) -> None:
    """Nobody may have to look after a machine at night for one killed process."""
    killed = {name: member(up, name) for name in MEMBERS}
    for process in killed.values():
        process.kill()
    psutil.wait_procs(killed.values(), timeout=10)

    assert loaded(up, tmp_path, "after-deaths.csv") == 3
    assert up.ask("{ version }")
    log = up.log.read_text()
    for name, process in killed.items():
        assert f"The {name} was killed by SIGKILL. It is started again in" in log
        assert member(up, name).pid != process.pid


def test_nothing_outlives_a_killed_one_and_the_next_starts_at_once(
    up: Up, tmp_path: Path
) -> None:
    """Orphans would keep the port, and a second daemon would work beside them."""
    children = psutil.Process(up.process.pid).children(recursive=True)
    os.kill(up.process.pid, signal.SIGKILL)
    up.process.wait()
    with running_up(up.home, up.port) as again:
        _, alive = psutil.wait_procs(children, timeout=5)

        assert alive == []
        assert len(children) >= len(MEMBERS)
        assert loaded(again, tmp_path, "after-the-kill.csv") == 3
