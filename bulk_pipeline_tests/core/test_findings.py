"""What is a fault, and that no fault comes without its cure."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulk_pipeline.adapters import sqlserver_cures
from bulk_pipeline.adapters.sqlserver_cures import AGAIN, Rule
from bulk_pipeline.core.findings import (
    Area,
    Finding,
    Level,
    counted,
    fine,
    number,
    refused,
    warning,
)
from bulk_pipeline.core.fitness import (
    FEW_FILES,
    IN_CONTAINER,
    IN_MEMORY,
    LITTLE_MEMORY,
    LITTLE_ROOM,
    NETWORK,
    NO_ROOM,
    SCARCE_MEMORY,
    judged_cores,
    judged_file_system,
    judged_memory,
    judged_room,
    size,
)
from bulk_pipeline.core.watching import (
    LONG_SECONDS,
    QUEUED_SECONDS,
    SILENT_SECONDS,
    ago,
    judged_daemon,
    judged_instigator,
    judged_runs,
)

OK, WARNING, FAILURE = Level.OK, Level.WARNING, Level.FAILURE
RULES = {
    name: rule for name, rule in vars(sqlserver_cures).items() if isinstance(rule, Rule)
}


@pytest.mark.parametrize("level", [WARNING, FAILURE])
def test_a_fault_without_a_cure_cannot_be_told(level: Level) -> None:
    """Who reads of a fault wants to know what to do next."""
    with pytest.raises(ValueError, match="cure"):
        Finding(Area.MODEL, level, "It is broken.")
    with pytest.raises(ValueError, match="cure"):
        Finding(Area.MODEL, OK, "It is well.", "Do something.")


def test_findings_are_counted_in_words() -> None:
    """The last line of a report is the only one that some people read."""
    found = [fine(Area.HOME, "a"), warning(Area.HOME, "b", "c")]
    assert number(found, WARNING) == 1
    assert counted(found, WARNING, "warning") == "1 warning"
    assert counted(found, FAILURE, "failure") == "0 failures"


@pytest.mark.parametrize("name", RULES)
def test_each_error_of_a_server_falls_into_what_and_cure(name: str) -> None:
    """The cure stands by itself, and promises no further attempt: there is none."""
    rule = RULES[name]
    named = 'error 1: Cannot open "x". It failed (really).'
    found = refused(Area.DATABASE, f"{rule.what} ({named}). {rule.cure}")

    assert found.what == f"{rule.what} ({named})."
    assert not found.cure.startswith(AGAIN)
    assert rule.cure.lower().endswith(found.cure.lower())


def test_an_error_without_brackets_falls_apart_behind_its_first_sentence() -> None:
    """Most errors of ours are two sentences."""
    found = refused(Area.MODEL, "x.json is no document. Correct it there.")
    assert (found.what, found.cure) == ("x.json is no document.", "Correct it there.")
    assert refused(Area.MODEL, "No cure").cure


@pytest.mark.parametrize(
    ("usable", "workers", "level"),
    [(2, 2, OK), (1.5, 1, OK), (1.5, 2, WARNING), (0.5, 1, OK), (64, 8, OK)],
)
def test_more_workers_than_whole_cores_are_told_of(
    usable: float, workers: int, level: Level
) -> None:
    """A container of one core on a machine of 64 would start eight."""
    found = judged_cores(usable, 64, workers)
    assert found.level is level
    assert found.level is OK or "ULTRA_PARALLEL_WORKERS" in found.cure


@pytest.mark.parametrize(
    ("usable", "batch", "level", "smaller"),
    [
        (LITTLE_MEMORY, 50_000, OK, False),
        (LITTLE_MEMORY - 1, 50_000, WARNING, False),
        (SCARCE_MEMORY - 1, 50_000, WARNING, True),
        (SCARCE_MEMORY - 1, 10_000, WARNING, False),
    ],
)
def test_less_than_four_gibibytes_are_a_warning(
    usable: int, batch: int, level: Level, *, smaller: bool
) -> None:
    """Two loads at once may be killed there; what helps is told."""
    found = judged_memory(usable, usable, batch)
    assert found.level is level
    assert ("ULTRA_BATCH_SIZE" in found.cure) is smaller
    assert size(usable) in found.what


@pytest.mark.parametrize(
    ("free", "files", "level"),
    [
        (LITTLE_ROOM, None, OK),
        (LITTLE_ROOM, FEW_FILES, OK),
        (LITTLE_ROOM, FEW_FILES - 1, WARNING),
        (LITTLE_ROOM, 0, FAILURE),
        (LITTLE_ROOM - 1, None, WARNING),
        (NO_ROOM - 1, None, FAILURE),
        (0, 0, FAILURE),
    ],
)
def test_a_disk_without_room_fails_and_one_with_little_warns(
    free: int, files: int | None, level: Level
) -> None:
    """A disk may be full of files while half of its bytes are free."""
    found = judged_room("/home", free, files)
    assert found.level is level
    assert "/home" in found.what


KINDS = sorted([*NETWORK, *IN_MEMORY, *IN_CONTAINER])  # in one order in each worker


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_system_that_loses_or_spoils_sqlites_files_is_told_of(kind: str) -> None:
    """On a network a database is damaged, in memory it is gone after a restart."""
    assert judged_file_system("The home", kind).level is WARNING
    assert kind in judged_file_system("The home", kind).what


@pytest.mark.parametrize("kind", ["ext4", "xfs", "btrfs", "apfs", ""])
def test_a_usual_or_unknown_file_system_is_fine(kind: str) -> None:
    """A warning that is always there is read by nobody."""
    assert judged_file_system("The home", kind).level is OK


@pytest.mark.parametrize(
    ("ages", "processes", "level", "said"),
    [
        ([None, None], [], OK, "No daemon has run"),
        ([None, None], None, OK, "No daemon has run"),
        ([10, 40], [7], OK, "process 7"),
        ([10, 40], None, OK, "alive"),
        ([10, 40], [], WARNING, "none runs on this machine"),
        ([10, SILENT_SECONDS + 1], [7], WARNING, "hangs: no heartbeat of part 1"),
        ([None, None], [7], WARNING, "starting"),
        ([SILENT_SECONDS + 1, 90_000], [], WARNING, "2 min ago"),
    ],
)
def test_a_daemon_is_alive_if_it_beats_and_is_there(
    ages: list[float | None], processes: list[int] | None, level: Level, said: str
) -> None:
    """A heartbeat outlives a killed daemon, and a process may hang."""
    beats = {f"part {number}": age for number, age in enumerate(ages)}
    found = judged_daemon(beats, processes)
    assert found.level is level
    assert said in found.what


@pytest.mark.parametrize(
    ("stopped", "failed", "age", "level"),
    [
        (False, False, None, OK),
        (False, False, 5, OK),
        (True, False, None, WARNING),
        (False, True, 5, WARNING),
        (False, False, QUEUED_SECONDS + 1, WARNING),
    ],
)
def test_a_sensor_that_does_not_look_is_told_of(
    age: float | None, level: Level, *, stopped: bool, failed: bool
) -> None:
    """Files wait in the inbox, and nothing is red."""
    found = judged_instigator("inbox_sensor", stopped=stopped, failed=failed, age=age)
    assert found.level is level
    assert "inbox_sensor" in found.what


@pytest.mark.parametrize(
    ("queued", "oldest", "daemon", "level"),
    [
        (0, 0, False, OK),
        (3, 5, True, OK),
        (3, 5, False, WARNING),
        (3, QUEUED_SECONDS + 1, True, WARNING),
    ],
)
def test_a_queue_that_nobody_works_off_is_told_of(
    queued: int, oldest: float, level: Level, *, daemon: bool
) -> None:
    """A short wait in a queue is what a queue is for."""
    [found] = judged_runs(queued, oldest, daemon=daemon, stuck={})
    assert found.level is level


@pytest.mark.parametrize(("queued", "told"), [(1, "1 run waits"), (2, "2 runs wait")])
@pytest.mark.parametrize("oldest", [0.0, QUEUED_SECONDS + 1.0])
def test_one_run_is_told_of_in_the_singular(
    queued: int, told: str, oldest: float
) -> None:
    """What reads like a slip of the pen is not believed."""
    [found] = judged_runs(queued, oldest, daemon=True, stuck={})
    assert found.what.startswith(told)


def test_each_run_that_hangs_is_named() -> None:
    """It holds a place of the pool that others wait for."""
    stuck = {"aa": LONG_SECONDS + 1.0, "bb": 200_000.0}
    found = judged_runs(0, 0, daemon=True, stuck=stuck)[1:]
    assert [finding.level for finding in found] == [WARNING, WARNING]
    assert "Run aa" in found[0].what
    assert "2 days" in found[1].what


@given(st.floats(0, 1e9))
def test_a_time_is_told_in_one_unit(seconds: float) -> None:
    """119 seconds are no minute, and a year is no number of seconds."""
    told, unit = ago(seconds).split()
    length = {"s": 1, "min": 60, "h": 3600, "days": 86_400}[unit]
    assert abs(float(told.replace(",", "")) * length - seconds) <= length / 2


@pytest.mark.parametrize(
    ("count", "told"),
    [(0, "0.0 KiB"), (2**20, "1.0 MiB"), (3 * 2**29, "1.5 GiB")],
)
def test_bytes_are_told_in_the_largest_unit(count: int, told: str) -> None:
    """A database of 0 GiB looks like none."""
    assert size(count) == told
