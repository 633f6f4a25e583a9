"""What a piece of work costs: the children's share is part of it."""

import subprocess
import sys
import threading
import time

import pytest

from bulk_pipeline.adapters.monitor import Monitor, Stopwatch
from bulk_pipeline.adapters.progress import advance, listening
from bulk_pipeline.adapters.reports import StepRecord, step_records

MIB = 1 << 20
HUNGRY = """
import sys, time
held = b"x" * (200 << 20)
until = time.process_time() + 0.3
while time.process_time() < until:
    pass
print("done", flush=True)
sys.stdin.readline()
"""


def hungry():
    """A process that takes 200 MiB and 0.3 s of processor time, then waits."""
    process = subprocess.Popen(
        [sys.executable, "-c", HUNGRY],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "done\n"
    return process


def waiting_for(program):
    """A process whose child runs a program; at its end it writes a line and waits."""
    outer = (
        "import subprocess, sys\n"
        f"subprocess.run([sys.executable, '-S', '-c', {program!r}])\nprint()\ninput()"
    )
    return subprocess.Popen(
        [sys.executable, "-S", "-c", outer],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )


def test_the_memory_and_time_of_children_count() -> None:
    """A bulk load lives in a child: without it the peak is a fairy tale."""
    with Monitor() as alone:
        pass
    with Monitor() as monitor:
        process = hungry()
        time.sleep(0.25)
        process.communicate("\n")
    assert monitor.usage.peak_memory_bytes > alone.usage.peak_memory_bytes + 190 * MIB
    assert monitor.usage.cpu_seconds >= 0.3
    assert monitor.usage.seconds >= 0.55


def test_the_own_memory_and_time_count() -> None:
    """A step without children is measured too, however short it is."""
    with Monitor() as monitor:
        held = b"x" * (200 * MIB)
        until = time.process_time() + 0.3
        while time.process_time() < until:
            pass
    assert len(held) < monitor.usage.peak_memory_bytes
    assert 0.25 <= monitor.usage.cpu_seconds < monitor.usage.seconds * 4
    with Monitor() as short:
        pass
    assert short.usage.peak_memory_bytes > 0


def test_what_a_child_did_before_does_not_count() -> None:
    """The process that forks parsers lives on from one step to the next."""
    busy = "import time\nwhile time.process_time() < 0.5: pass\nprint()\ninput()"
    with subprocess.Popen(
        [sys.executable, "-S", "-c", busy],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as child:
        assert child.stdout
        child.stdout.readline()
        with Monitor() as monitor:
            pass
        child.communicate(b"\n")
    assert monitor.usage.cpu_seconds < 0.4


def test_what_grandchildren_did_counts_when_they_have_ended() -> None:
    """They come and go between two looks."""
    busy = "import time\nwhile time.process_time() < 0.5: pass"
    with Monitor() as monitor, waiting_for(busy) as child:
        assert child.stdout
        child.stdout.readline()
        monitor._sample()
        child.communicate(b"\n")
    assert monitor.usage.cpu_seconds > 0.45


def test_a_grandchild_counts_once_whether_seen_at_work_or_ended() -> None:
    """What forks of a parser used goes to the process that forked them as they end."""
    busy = "import time\nwhile time.process_time() < 0.6: pass\nprint()\ninput()"
    with Monitor() as monitor, waiting_for(busy) as child:
        assert child.stdin
        assert child.stdout
        child.stdout.readline()  # the grandchild has worked, and lives
        monitor._sample()
        child.stdin.write(b"\n")
        child.stdin.flush()
        child.stdout.readline()  # it has ended
        monitor._sample()
        child.communicate(b"\n")
    assert 0.55 < monitor.usage.cpu_seconds < 1.0


def test_children_that_come_and_go_do_no_harm() -> None:
    """A process may end between the listing and the look."""
    with Monitor() as monitor:
        for _ in range(20):
            subprocess.run([sys.executable, "-S", "-c", ""], check=True)
    assert monitor.usage.peak_memory_bytes > 0


def test_a_monitor_ends_with_its_block() -> None:
    """A thread per step would be a thousand threads in a month."""
    before = threading.active_count()
    with pytest.raises(RuntimeError), Monitor() as monitor:
        raise RuntimeError
    assert threading.active_count() == before
    assert monitor.usage.seconds > 0


def test_a_stopwatch_adds_up_by_stage() -> None:
    """The stages of many files are one figure each, failed ones included."""
    watch = Stopwatch()
    for _ in range(2):
        with watch.stage("read"):
            time.sleep(0.02)
    with pytest.raises(RuntimeError), watch.stage("clean"):
        raise RuntimeError
    watch.add("read", 1.0)
    assert set(watch.seconds) == {"read", "clean"}
    assert 1.04 <= watch.seconds["read"] < 1.5


def _spin(seconds):
    """Use a processor for so long."""
    until = time.process_time() + seconds
    while time.process_time() < until:
        pass


def test_a_stopwatch_tells_the_processor_time_of_each_stage() -> None:
    """Waiting for a disk and computing are cured by different means."""
    watch = Stopwatch()
    with watch.stage("read"):
        time.sleep(0.2)
    _spin(0.1)
    with watch.stage("load"):
        _spin(0.2)
    assert set(watch.cpu_seconds) == {"read", "load"}
    assert watch.cpu_seconds["read"] < 0.1
    assert 0.2 <= watch.cpu_seconds["load"] < 0.3


def test_the_processor_time_of_one_wait_is_shared_as_its_seconds_are() -> None:
    """Two stages that were waited for at once are told apart afterwards."""
    watch = Stopwatch()
    _spin(0.2)
    with watch.stage("read"):
        pass
    _spin(0.2)
    watch.add("companies", 1.0)
    watch.add("clean", 3.0)
    watch.add("score", 0.0)
    with watch.stage("load"):
        pass
    shares = [watch.cpu_seconds[name] for name in ("companies", "clean", "score")]
    assert sum(shares) == pytest.approx(0.2, abs=0.1)
    assert shares[1] == pytest.approx(3 * shares[0])
    assert shares[2] == 0.0
    assert watch.cpu_seconds["read"] < 0.1


def test_each_stage_has_the_cost_of_its_children() -> None:
    """A bulk load lives in a child: its stage must not look as if it did nothing."""
    watch = Stopwatch()
    with Monitor(watch) as monitor:
        with watch.stage("read"):
            time.sleep(0.3)
        with watch.stage("load"):
            process = hungry()
            time.sleep(0.25)
            process.communicate("\n")
    usage = monitor.usage
    assert usage.stage_cpu_seconds["load"] >= 0.3
    assert usage.stage_cpu_seconds["read"] < 0.2
    read, load = (usage.stage_peak_bytes[name] for name in ("read", "load"))
    assert load > read + 190 * MIB
    assert load == usage.peak_memory_bytes


def test_a_stage_too_short_for_a_look_has_the_peak_of_all() -> None:
    """It is an upper bound; a nought would say that it took nothing."""
    watch = Stopwatch()
    with Monitor(watch) as monitor:
        with watch.stage("score"):
            pass
        with watch.stage("load"):
            time.sleep(0.3)
    assert monitor.usage.stage_peak_bytes["score"] > 0


def test_what_a_stage_costs_is_in_the_record_of_its_step(tmp_path) -> None:
    """It is read from there after the run."""
    watch = Stopwatch()
    with Monitor(watch) as monitor, watch.stage("read"):
        _spin(0.05)
    StepRecord.of(watch.seconds, monitor.usage, 5.0).write(tmp_path, "read")
    (record,) = step_records(tmp_path)
    assert record.stage_cpu_seconds["read"] >= 0.05
    assert record.stage_peak_bytes == {"read": monitor.usage.peak_memory_bytes}


def test_the_record_of_an_older_version_is_readable(tmp_path) -> None:
    """A batch may be read before an upgrade and loaded after it."""
    folder = tmp_path / "steps"
    folder.mkdir()
    text = (
        '{"stages": {"read": 1.0}, "peak_memory_bytes": 7, "cpu_seconds": 0.5, '
        '"opened_at": 3.0}'
    )
    (folder / "read.json").write_text(text)
    assert step_records(tmp_path) == [StepRecord({"read": 1.0}, 7, 0.5, 3.0)]
    assert step_records(tmp_path)[0].stage_cpu_seconds == {}


def test_the_records_of_steps_are_kept_by_name(tmp_path) -> None:
    """A step that runs again replaces its own record and no other."""
    with Monitor() as monitor:
        pass
    StepRecord.of({"read": 1.0}, monitor.usage, 5.0).write(tmp_path, "read")
    StepRecord.of({"load": 2.0}, monitor.usage).write(tmp_path, "load")
    StepRecord.of({"load": 3.0}, monitor.usage).write(tmp_path, "load")
    assert [(r.stages, r.opened_at) for r in step_records(tmp_path)] == [
        ({"load": 3.0}, 0.0),
        ({"read": 1.0}, 5.0),
    ]
    assert step_records(tmp_path / "nowhere") == []


def test_progress_is_told_to_whoever_listens() -> None:
    """A bar on the command line is the only listener; a run has none."""
    outer: list[tuple[str, int]] = []
    inner: list[tuple[str, int]] = []
    advance("read", 1)
    with listening(lambda *told: outer.append(told)):
        advance("read", 2)
        with listening(lambda *told: inner.append(told)):
            advance("score", 3)
        advance("load", 4)
    advance("read", 5)
    assert outer == [("read", 2), ("load", 4)]
    assert inner == [("score", 3)]
