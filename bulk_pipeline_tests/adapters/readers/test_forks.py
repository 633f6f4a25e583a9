"""The server that forks a process for each workbook: what may end, and what ends it."""

import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from bulk_pipeline.adapters.limits import Limits
from bulk_pipeline.adapters.readers import open_text
from bulk_pipeline.adapters.readers.workbooks import spreadsheet
from bulk_pipeline.adapters.readers.workbooks.fork_client import ForkServer
from bulk_pipeline.adapters.scratch import sweep_scratch
from bulk_pipeline.core.errors import TransientError, UnreadableFile
from bulk_pipeline_tests.adapters.harness import killed_at_the_end, started, until
from bulk_pipeline_tests.adapters.readers.opened import rows_of
from bulk_pipeline_tests.adapters.readers.workbooks import (
    SHEET,
    Write,
    packed,
    parts_of,
)

ACT = f"{__name__.rpartition('.')[0]}.fork_acts"
"""A module whose ``main`` does in a fork what it is told."""

READING = """
import signal, sys
from pathlib import Path
signal.signal(signal.SIGTERM, signal.SIG_DFL)  # whoever started the tests may ignore it
from bulk_pipeline.adapters.readers import open_text
from bulk_pipeline.adapters.readers.workbooks import spreadsheet
print(spreadsheet.FORKS.pid, flush=True)
open_text(Path(sys.argv[1]))
"""

linux = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")


@pytest.fixture
def forks() -> Iterator[ForkServer]:
    """A server of its own, which runs two at a time."""
    server = ForkServer(slots=2)
    yield server
    server.close()


@pytest.fixture
def slow(write: Write) -> Path:
    """A workbook that takes many seconds to parse: a long sheet of short rows."""
    path = write(Data=[["symbol", "year"], ["A", 7777]])
    parts = parts_of(path)
    row = b'<row><c t="inlineStr"><is><t>A</t></is></c><c><v>7777.5</v></c></row>'
    start, end = parts[SHEET].split(b'<row r="2">')
    end = end.partition(b"</row>")[2]
    packed(path, {**parts, SHEET: start + row * 900_000 + end})
    return path


def forked(server: int) -> list[psutil.Process]:
    """The forks of a server that are alive."""
    with suppress(psutil.NoSuchProcess):
        return psutil.Process(server).children()
    return []


def is_gone(process: psutil.Process) -> bool:
    """Whether a process is dead, reaped or not, and with it all its threads.

    A first thread that has ended shows as dead while others still hold the files.
    """
    try:
        is_dead = process.status() == psutil.STATUS_ZOMBIE
        return is_dead and process.num_threads() <= 1
    except psutil.NoSuchProcess:
        return True


@linux
def test_the_server_has_no_thread_that_could_hold_a_lock(
    forks: ForkServer, tmp_path: Path
) -> None:
    """A fork has one thread; a lock that another held would never be given back.

    The one besides it belongs to polars, begins with its import, and waits for files
    to remove, which are made where frames do not fit into memory.
    """
    assert forks.start(ACT, ("say", ""), tmp_path, 20).result().code == 0
    tasks = [*Path(f"/proc/{forks.pid}/task").iterdir()]
    others = [task for task in tasks if task.name != str(forks.pid)]
    assert [(task / "comm").read_text() for task in others] == ["polars-ooc-clea\n"]
    state = (others[0] / "stat").read_text().rpartition(")")[2].split()[0]
    assert state == "S", "it works, and may hold a lock"


def test_what_a_fork_prints_reaches_nobody(forks: ForkServer, tmp_path: Path) -> None:
    """A parser that prints must not be able to answer in the server's place."""
    ended = forks.start(ACT, ("print", ""), tmp_path, 20).result()
    assert (ended.code, ended.said) == (0, "to the log\n")


def test_a_fork_that_prints_without_end_keeps_nobody_waiting(
    forks: ForkServer, tmp_path: Path
) -> None:
    """Only the end of what it says is kept, and somebody always listens."""
    ended = forks.start(ACT, ("flood", ""), tmp_path, 20).result()
    assert ended.code == 0
    assert ended.said.endswith("the end")
    assert len(ended.said) <= 64 << 10


def test_an_error_of_a_fork_is_told_as_a_process_tells_it(
    forks: ForkServer, tmp_path: Path
) -> None:
    """The last line of the trace is what people are shown."""
    ended = forks.start(ACT, ("fail", ""), tmp_path, 20).result()
    assert ended.code == 1
    assert ended.said.rstrip().endswith("ValueError: of no use")


@pytest.mark.parametrize("by", [signal.SIGKILL, signal.SIGSEGV, signal.SIGABRT])
def test_a_fork_that_dies_takes_nobody_along(
    forks: ForkServer, tmp_path: Path, by: signal.Signals
) -> None:
    """The next one is forked from a server that has seen nothing of it."""
    server = forks.pid
    beside = forks.start(ACT, ("sleep", "1"), tmp_path, 20)
    assert forks.start(ACT, ("die", str(int(by))), tmp_path, 20).result().code == -by
    assert beside.result().code == 0
    assert forks.start(ACT, ("say", ""), tmp_path, 20).result().code == 0
    assert forks.pid == server


def test_time_counts_from_the_start_of_a_fork(
    forks: ForkServer, tmp_path: Path
) -> None:
    """Those that wait for a slot must not be blamed for the others."""
    four = [forks.start(ACT, ("sleep", "1.5"), tmp_path, 2.5) for _ in range(4)]
    late = forks.start(ACT, ("sleep", "60"), tmp_path, 0.5)
    assert [fork.result().in_time for fork in four] == [True] * 4
    assert not late.result().in_time


def test_no_more_run_at_a_time_than_there_are_slots(
    forks: ForkServer, tmp_path: Path
) -> None:
    """Each may take all the memory that a workbook may take."""
    asked = [forks.start(ACT, ("sleep", "0.3"), tmp_path, 20) for _ in range(6)]
    most = 0
    while any(fork._asked.connection.fileno() > 0 for fork in asked):
        most = max(most, len(forked(forks.pid)))
        if len(forked(forks.pid)) == 0 and most:
            break
    assert [fork.result().code for fork in asked] == [0] * 6
    assert most == 2


def test_what_nobody_wants_any_more_ends(forks: ForkServer, tmp_path: Path) -> None:
    """Running or waiting; when it is closed, nobody writes into its folder any more."""
    three = [forks.start(ACT, ("sleep", "60"), tmp_path, 60) for _ in range(3)]
    children = until(lambda: forked(forks.pid))
    for fork in three:
        fork.close()
    assert all(map(is_gone, children))
    assert forked(forks.pid) == []


def test_a_server_that_was_killed_is_started_anew(
    forks: ForkServer, tmp_path: Path
) -> None:
    """The system's out-of-memory killer may choose it; the workbook is tried again."""
    server = forks.pid
    fork = forks.start(ACT, ("sleep", "1"), tmp_path, 20)
    (child,) = until(lambda: forked(server))
    os.kill(server, signal.SIGKILL)
    assert fork.result().code == 0
    assert forks.pid != server
    assert is_gone(child)


def test_a_server_that_is_killed_again_is_a_passing_failure(
    forks: ForkServer, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No workbook is to blame for it, so it is not refused."""
    monkeypatch.setattr(spreadsheet, "FORKS", forks)
    monkeypatch.setattr(spreadsheet, "_CHILD", ACT)
    killer = threading.Thread(target=_kill_twice, args=(forks,))
    killer.start()
    with pytest.raises(TransientError, match=r"^dropped\.csv: .*killed twice"):
        open_text(write(Data=[["symbol"], ["A"]]))
    killer.join()


def _kill_twice(forks: ForkServer) -> None:
    """Kill a server whenever it has forked, twice."""
    killed: list[int] = []
    for _ in range(2):
        until(lambda: forks.pid not in killed and forked(forks.pid))
        killed.append(forks.pid)
        os.kill(killed[-1], signal.SIGKILL)


def test_a_server_that_cannot_start_says_why(tmp_path: Path) -> None:
    """A broken installation is no reason to try again."""
    server = ForkServer("no_such_module")
    ended = server.start(ACT, ("say", ""), tmp_path, 20).result()
    assert ended.code == 1
    assert "No module named no_such_module" in ended.said
    server.close()


def test_a_thread_that_ends_does_not_end_the_server(
    forks: ForkServer, tmp_path: Path
) -> None:
    """A process that is told of its parent's death is told of that of a thread, too."""
    found: list[int] = []
    thread = threading.Thread(target=lambda: found.append(forks.pid))
    thread.start()
    thread.join()
    assert forks.start(ACT, ("say", ""), tmp_path, 20).result().code == 0
    time.sleep(0.2)
    assert [forks.pid] == found


def test_the_environment_of_a_fork_is_scrubbed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It parses what strangers made, and a password is none of its business."""
    monkeypatch.setenv("DATABASE_URL", "mssql+pyodbc://sa:Secret123@db/x")
    server = ForkServer()
    ended = server.start(ACT, ("environment", ""), tmp_path, 20).result()
    server.close()
    assert ended.said.split() == []


@pytest.mark.parametrize("by", [signal.SIGKILL, signal.SIGTERM])
def test_nothing_outlives_a_killed_parent(
    slow: Path, tmp_path: Path, by: signal.Signals
) -> None:
    """Neither the server, nor the child with its memory, nor its folder once swept."""
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    process = started(READING, slow, TMPDIR=str(temporary))
    with killed_at_the_end(process):
        server = psutil.Process(int(process.stdout.readline()))
        (child,) = until(lambda: forked(server.pid))
        (folder,) = temporary.glob("bulk-pipeline-*")
        time.sleep(0.5)
        assert not is_gone(child), "the workbook was parsed before it could be halted"
        process.send_signal(by)
        process.wait()
        until(lambda: is_gone(server) and is_gone(child))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tempfile.tempdir", str(temporary))
        assert sweep_scratch() == [folder.name]
    assert list(temporary.iterdir()) == []


@linux
@pytest.mark.parametrize(("times", "ends_well"), [(1, True), (2, False)])
def test_a_workbook_whose_process_is_killed_from_outside_is_parsed_once_more(
    slow: Path, times: int, *, ends_well: bool
) -> None:
    """Want of memory elsewhere is no fault of the file; twice in a row may be its."""
    with spreadsheet.Parsing(slow, Limits()) as parsing, ThreadPoolExecutor(1) as pool:
        result = pool.submit(parsing.result)
        killed: set[int] = set()

        def another() -> bool:
            found = [p for p in forked(spreadsheet.FORKS.pid) if p.pid not in killed]
            for process in found:
                process.kill()
                killed.add(process.pid)
            return bool(found)

        for _ in range(times):
            until(another, pause=0.01)
        if ends_well:
            assert result.result().rows > 1
        else:
            with pytest.raises(UnreadableFile, match="of memory"):
                result.result()


def test_a_workbook_beyond_its_time_is_ended_in_the_server(slow: Path) -> None:
    """Its child is dead by the time that its refusal is told."""
    server = spreadsheet.FORKS.pid
    with pytest.raises(UnreadableFile, match="more than 1 seconds"):
        open_text(slow, limits=Limits(child_seconds=1))
    assert forked(server) == []


def test_one_server_serves_a_process(write: Write) -> None:
    """All workbooks of a process are parsed by forks of one server."""
    path = write(Data=[["symbol", "year"], ["A", 2012]])
    server = spreadsheet.FORKS.pid
    assert rows_of(open_text(path))[0] == rows_of(open_text(path))[0] == [("A", "2012")]
    assert spreadsheet.FORKS.pid == server
