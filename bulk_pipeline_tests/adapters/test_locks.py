"""Locks: who works on a batch, known even after its owner was killed."""

import threading

import pytest

from bulk_pipeline.adapters.locks import has_owner, only_one, own_batch
from bulk_pipeline.core.errors import TransientError
from bulk_pipeline_tests.adapters.harness import killed_at_the_end, started

HOLDING = """
import sys
from pathlib import Path
from bulk_pipeline.adapters.locks import own_batch
lock = own_batch(Path(sys.argv[1]), sys.argv[2])
print("held", flush=True)
sys.stdin.read()
"""


def held(folder, run_id):
    """A process that holds a batch for a run by now."""
    process = started(HOLDING, folder, run_id)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_a_lock_dies_with_its_process(tmp_path) -> None:
    """After `kill -9` nobody cleans up, and the batch must still be run."""
    process = held(tmp_path, "run-1")
    with killed_at_the_end(process):
        assert has_owner(tmp_path)
        process.kill()
        process.wait()
        assert not has_owner(tmp_path)
    own_batch(tmp_path, "run-2").close()


def test_another_run_is_refused_by_name(tmp_path) -> None:
    """Whoever reads the failed step must know which run to look at."""
    process = held(tmp_path, "run-1")
    with (
        killed_at_the_end(process),
        pytest.raises(TransientError, match=r"being processed by run run-1"),
    ):
        own_batch(tmp_path, "run-2")


def test_processes_of_one_run_hold_its_batch_together(tmp_path) -> None:
    """Steps of one run may each have a process of their own."""
    process = held(tmp_path, "run-1")
    with killed_at_the_end(process):
        second = own_batch(tmp_path, "run-1")
        process.kill()
        process.wait()
        assert has_owner(tmp_path)
        with pytest.raises(TransientError, match="run-1"):
            own_batch(tmp_path, "run-2")
        second.close()
    assert not has_owner(tmp_path)


def test_looking_for_an_owner_does_not_turn_one_away(tmp_path) -> None:
    """Every tick looks at every batch; a run that starts just then must not fail."""
    over = threading.Event()

    def look() -> None:
        """Ask without a pause."""
        while not over.is_set():
            has_owner(tmp_path)

    looking = threading.Thread(target=look)
    looking.start()
    try:
        for number in range(100):
            lock = own_batch(tmp_path, f"run-{number}")
            assert has_owner(tmp_path)
            lock.close()
    finally:
        over.set()
        looking.join()


def test_a_lock_goes_with_its_folder(tmp_path) -> None:
    """A batch is archived while its run still holds it."""
    landed = tmp_path / "landing"
    landed.mkdir()
    lock = own_batch(landed, "run-1")
    archived = landed.rename(tmp_path / "archive")

    assert has_owner(archived)
    lock.close()
    assert not has_owner(archived)


def test_a_link_in_place_of_the_lock_is_not_followed(tmp_path) -> None:
    """The lock is written to; a link would let somebody else choose the file."""
    target = tmp_path / "precious"
    target.write_text("kept")
    (tmp_path / ".lock").symlink_to(target)

    with pytest.raises(OSError, match="symbolic"):
        own_batch(tmp_path, "run-1")
    assert target.read_text() == "kept"


def test_only_one_is_in_the_block(tmp_path) -> None:
    """Of two ticks at once, one looks at the inbox."""
    path = tmp_path / "home" / "inbox.lock"
    with only_one(path) as first, only_one(path) as second:
        pass
    with only_one(path) as third:
        pass

    assert (first, second, third) == (True, False, True)
